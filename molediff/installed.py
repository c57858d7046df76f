"""What is installed: for the records of runs, whose numbers hang on it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version


def versions(*packages: str) -> dict[str, str]:
    """Name -> version of Python, of molediff and of some packages; 'not installed' of those that are not.

    Args:
        packages: names as pip knows them.
    """
    return {"python": platform.python_version()} | {name: installed(name) for name in ("molediff", *packages)}


def installed(package: str) -> str:
    """The version of a package, or 'not installed'; nothing is imported."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
