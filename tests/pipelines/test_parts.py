"""What marks a finished batch: everything that decides it, whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from molediff.pipelines import Generate
from molediff.pipelines.frame import Frame
from molediff.pipelines.parts import identity
from molediff.pipelines.tasks import Task
from molediff.structures import Pocket
from tests.pipelines.pocketbench import pocket_model


@dataclass(frozen=True)
class Pair:
    """Two values."""

    first: object
    second: object = None


LONG = torch.arange(2000)
OTHER = LONG.clone()
OTHER[1000] = -1


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (LONG, OTHER),
        ((LONG,), (OTHER,)),
        ([1, {"a": (LONG,)}], [1, {"a": (OTHER,)}]),
        (LONG.numpy(), OTHER.numpy()),
        (Pair(LONG), Pair(OTHER)),
        (Pair((1, 2), 3), Pair(1, (2, 3))),
        ((("a", "b"), "c"), ("a", ("b", "c"))),
        (np.zeros(2, np.float32), np.zeros(1, np.float64)),
        (1, "1"),
        (torch.zeros(2, 3), torch.zeros(3, 2)),
        ({"a": 1}, {"a": 2}),
    ],
)
def test_whatever_differs_is_seen(one, another):
    assert identity(one) != identity(another)
    assert identity(one) == identity(one)


def test_a_batch_in_another_pocket_is_made_again(tmp_path):
    """Of as many atoms, at another place or with one atom moved."""
    model = pocket_model()
    pos = torch.randn(1, 20, 3, generator=torch.Generator().manual_seed(0)) * 6
    zero = torch.zeros(1, 20, dtype=torch.long)

    def in_pocket(moved: torch.Tensor) -> list[float]:
        pocket = Pocket(moved, zero, zero, zero.bool(), torch.ones(1, 20, dtype=torch.bool))
        task = Task(Frame.of(model, pocket))
        made = Generate(model)(n=2, steps=2, atoms="6", task=task, parts=tmp_path)
        return [round(x, 4) for mol in made.mols for x in mol.GetConformer().GetPositions().ravel().tolist()]

    files = lambda: {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}  # noqa: E731
    first = in_pocket(pos)
    kept = files()
    assert in_pocket(pos) == first and files() == kept
    other = pos.clone()
    other[0, 3] += 1.5
    assert in_pocket(other) != first and files() != kept
