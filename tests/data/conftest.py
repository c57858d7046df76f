"""The tiny set: its file, and prepared once."""

import subprocess
import sys
from pathlib import Path

import pytest

from molediff.data.prepare import prepare
from molediff.data.shards import open_shards

ROOT = Path(__file__).resolve().parents[2]
VERB = """
import argparse, sys
from molediff.cli import data
from molediff.config import UserError
parser = argparse.ArgumentParser()
data.add_arguments(parser)
try:
    sys.exit(data.run(parser.parse_args()))
except UserError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


@pytest.fixture(scope="session")
def tiny_file() -> Path:
    return ROOT / "datasets" / "tiny" / "tiny.sdf.gz"


@pytest.fixture(scope="session")
def tiny_folder(tiny_file, tmp_path_factory) -> Path:
    """The tiny set, prepared; not to be written to."""
    folder = tmp_path_factory.mktemp("tiny") / "prepared"
    prepare([tiny_file], folder)
    return folder


@pytest.fixture(scope="session")
def tiny_shards(tiny_folder):
    return open_shards(tiny_folder)


@pytest.fixture
def data_verb():
    """Run ``molediff data ...`` in a process of its own."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", VERB, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    return run
