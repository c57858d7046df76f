"""docs/outputs.md names every file and column that a run writes."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from molediff.cli.main import main
from molediff.data.resumed import HEADER
from molediff.pipelines import in_pocket, refine
from molediff.pipelines.dock import RANKING
from molediff.training.curve import LOSS, QUALITY

TEXT = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text(encoding="utf-8")


def named(section: str) -> set[str]:
    """What stands between backticks in a section."""
    body = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, flags=re.DOTALL | re.MULTILINE)[1]
    return set(re.findall(r"`([^`]+)`", body))


@pytest.mark.parametrize("verb", ["generate", "conformers"])
def test_files_and_columns_of_a_run_are_named(verb, small_folder, tmp_path):
    asked = ["--n", "3"] if verb == "generate" else ["CCO", "--n", "2"]
    command = [verb, *asked, "--model", str(small_folder), "--steps", "2", "--quiet", "--out", str(tmp_path)]
    assert main(command) in (0, 1)
    files = [path.name for path in tmp_path.iterdir() if path.name[0] != "."]
    assert set(files) <= named(verb)
    columns = [name for path in tmp_path.glob("*.csv") for name in pd.read_csv(path).columns]
    assert columns and set(columns) <= named(verb)
    properties = set(re.findall(r"^>  <(.+)>$", "".join(p.read_text() for p in tmp_path.glob("*.sdf")), re.MULTILINE))
    assert properties <= named(verb)
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "complete"


def test_columns_of_other_tables_are_named():
    assert set(RANKING) <= named("dock") and set(refine.FIGURES) <= named("refine")
    assert {f"{key}_{pose}" for key in in_pocket.FIGURES for pose in ("raw", "relaxed")} <= named(
        "generate in a pocket"
    )
    assert set(HEADER) <= named("data prepare") and {*LOSS, *QUALITY} <= named("train")


def test_it_names_no_place_of_this_machine():
    assert not re.search(r"(?<!\w)/(work|tmp|home|root)\b", TEXT)
