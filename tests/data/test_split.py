"""EDM's split of QM9."""

import numpy as np
import pytest

from molediff.config import UserError
from molediff.data.split import SPLITS, edm_parts, training_part, uncharacterised


def test_edm_parts():
    parts = edm_parts()
    assert {name: len(part) for name, part in parts.items()} == {"train": 100_000, "valid": 17_748, "test": 13_083}
    assert parts["train"][:3].tolist() == [133161, 70467, 8226]
    joined = np.concatenate(list(parts.values()))
    assert len(np.unique(joined)) == 130_831
    assert joined.min() == 1
    assert joined.max() == 133_885
    assert not np.isin(joined, uncharacterised()).any()


def test_uncharacterised():
    listed = uncharacterised()
    assert len(np.unique(listed)) == 3_054
    assert listed.min() >= 1


def test_training_parts_are_positions():
    outside = int(edm_parts()["test"][0])
    index = np.array([8226, -1, 70467, outside, 133161])
    assert training_part("all", index).tolist() == list(range(5))
    assert training_part("edm", index).tolist() == [0, 2, 4]
    assert training_part("geom", np.array([5, 999_999, 1_000_001, 1_004_667])).tolist() == [0, 1]


def test_unknown_split():
    with pytest.raises(UserError, match=r"Unknown split 'edn'.*edm.*Did you mean 'edm'"):
        training_part("edn", np.zeros(0, int))
    assert set(SPLITS) == {"all", "edm", "geom"}
