"""A small set, a small network, and a run that takes a second."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from runs import small_arrays

from molediff.config import from_dict
from molediff.data.shards import write_shards
from molediff.elements import Vocabulary
from molediff.training.settings import TrainConfig


@pytest.fixture(scope="session")
def shards(tmp_path_factory) -> Path:
    """A prepared set of 96 molecules."""
    folder = tmp_path_factory.mktemp("data") / "small"
    write_shards(folder, small_arrays(96), Vocabulary(), True, {"source": "chains"})
    return folder


@pytest.fixture
def values(shards, tmp_path) -> dict:
    """A config as a YAML file would hold it."""
    return {
        "data": str(shards),
        "out": str(tmp_path / "run"),
        "model": {"network": {"layers": 1, "width": 16, "vectors": 4, "pair": 8, "hidden": 8, "heads": 4}},
        "steps": 20,
        "finish_steps": 10,
        "warmup_steps": 4,
        "pairs": 200,
        "precision": "32-true",
        "accelerator": "cpu",
        "log_every": 4,
        "checkpoint_minutes": 60,
    }


@pytest.fixture
def configure(values, tmp_path):
    """(out, changes) -> config."""

    def make(out: str = "run", **changes) -> TrainConfig:
        return from_dict(TrainConfig, values | {"out": str(tmp_path / out)} | changes)

    return make


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
