"""Shared by all tests: a small untrained model, in memory and on disk."""

import pytest
import torch

from molediff.model import Model, ModelConfig, SizePrior, save

NETWORK = {"layers": 2, "width": 16, "vectors": 8, "pair": 8, "hidden": 8, "heads": 4}


@pytest.fixture(scope="session")
def small_model():
    torch.manual_seed(0)
    return Model(ModelConfig(network=NETWORK), SizePrior({5: 3, 6: 2, 8: 1})).eval()


@pytest.fixture(scope="session")
def small_folder(small_model, tmp_path_factory):
    return save(small_model, tmp_path_factory.mktemp("models") / "small", {"data": "none", "summary": "untrained"})
