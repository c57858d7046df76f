"""The judge stands apart: it imports nothing else of molediff, and its door is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "molediff" / "evaluation"
FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_and_sizes(path):
    text = path.read_text()
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert node.level <= depth, "reaches out of the room"
            assert (node.module or "").split(".")[0] != "molediff"
        if isinstance(node, ast.Import):
            assert not any(name.name.split(".")[0] == "molediff" for name in node.names)
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 100
        assert not isinstance(node, ast.Assert)
    assert text.count("\n") <= 400


@pytest.mark.parametrize("name", ["molediff.evaluation", "molediff.cli.evaluate"])
def test_the_door_is_light(name):
    code = f"import {name}, sys; print(sorted({{'rdkit', 'numpy', 'pandas', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parents[1], check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_names_are_refused_with_the_known_ones():
    import molediff.evaluation as evaluation

    with pytest.raises(AttributeError, match="make_reference"):
        evaluation.nonsense  # noqa: B018
    assert all(getattr(evaluation, name) for name in evaluation.__all__)
