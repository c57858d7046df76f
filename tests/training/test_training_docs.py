"""docs/training.md names every setting of a run with its default, and which of them may change."""

import dataclasses
import typing
from pathlib import Path

import pytest
import yaml

from molediff.denoisers import DENOISERS
from molediff.elements import Vocabulary
from molediff.model import ModelConfig
from molediff.noise import ProcessConfig
from molediff.training.record import MAY_CHANGE
from molediff.training.settings import TrainConfig

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
NEEDED = object()


def rows(section: str) -> dict[str, list[str]]:
    """Key -> its other cells, of the tables from a heading to the next."""
    part = PAGE.split(f"\n{section}\n")[1].split("\n#")[0]
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells[1:]] for cells in lines}


def defaults(settings: type, prefix: str = "") -> dict[str, typing.Any]:
    """Key -> default of every setting; nested settings have no cell of their own value, only of their keys."""
    found = {}
    for field in dataclasses.fields(settings):
        if field.default is not dataclasses.MISSING:
            found[prefix + field.name] = field.default
        elif field.default_factory is dataclasses.MISSING:
            found[prefix + field.name] = NEEDED
        else:
            found[prefix + field.name] = field.default_factory()
    return found


def cell(value) -> typing.Any:
    """What the cell of a default is to hold, as YAML reads it."""
    if value is NEEDED:
        return "needed"
    if dataclasses.is_dataclass(value):
        return "below"
    return list(value) if isinstance(value, tuple) else value


TABLES = {
    "## Settings of a run": defaults(TrainConfig),
    "## Settings of the model": defaults(ModelConfig, "model.")
    | defaults(Vocabulary, "model.vocabulary.")
    | defaults(ProcessConfig, "model.process."),
} | {f"### {name}": defaults(settings) for name, (_, settings) in DENOISERS.items()}


@pytest.mark.parametrize("section", TABLES)
def test_every_setting_is_named_with_its_default(section):
    there = rows(section)
    assert list(there) == list(TABLES[section])
    for key, default in TABLES[section].items():
        said, meaning = there[key][:2]
        assert yaml.safe_load(said.strip("`")) == cell(default), key
        assert len(meaning) > 5, key


def test_what_may_change_is_marked():
    marked = {key for key, cells in rows("## Settings of a run").items() if cells[2] == "yes"}
    assert marked == set(MAY_CHANGE)
