"""What the README says can be typed, and its Python runs."""

import argparse
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from molediff.cli.main import VERBS
from molediff.model import bundled

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("molediff ")]


def test_the_readme_fits_on_two_screens():
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_verb_and_options_that_exist(command):
    _, verb, *arguments = shlex.split(command, comments=True)
    parser = argparse.ArgumentParser()
    import_module(f"molediff.cli.{verb}").add_arguments(parser)
    parser.parse_args(arguments)


def test_every_verb_is_shown():
    assert {shlex.split(c, comments=True)[1] for c in COMMANDS} == set(VERBS)


def test_every_bundled_model_has_a_card():
    assert "qm9" in bundled()
    for folder in bundled().values():
        assert len((folder / "card.md").read_text()) > 500
        assert sum(f.stat().st_size for f in folder.iterdir()) < 8e6


@pytest.mark.parametrize("code", [text for kind, text in BLOCKS if kind == "python"])
def test_python_blocks_run(code, tmp_path):
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "out-python" / "molecules.sdf").is_file()


def test_files_and_pictures_that_the_readme_names_are_there():
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    paths = re.findall(r"\]\((?!http)([^)]+)\)", prose)
    assert paths
    for path in paths:
        assert (Path(__file__).parents[1] / path).is_file(), path
