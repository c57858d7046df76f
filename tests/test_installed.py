"""What is installed is read from its metadata; nothing is imported for it."""

import numpy

from molediff.installed import installed, versions


def test_versions():
    there = versions("numpy", "no-such-package-of-anyone")
    assert list(there) == ["python", "molediff", "numpy", "no-such-package-of-anyone"]
    assert there["numpy"] == numpy.__version__ and there["python"].startswith("3.")
    assert there["no-such-package-of-anyone"] == installed("no-such-package-of-anyone") == "not installed"
