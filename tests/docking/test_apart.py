"""Poses apart from one another: the same choice wherever poses are merged."""

import numpy as np
import pytest
import torch

from molediff.docking.apart import best_apart, cluster_sizes, greedy
from molediff.docking.settings import DockConfig
from molediff.docking.torch_vina.search import spread


def at(*x: float) -> np.ndarray:
    """Poses of two atoms, moved along an axis, (n, 2, 3)."""
    return np.array(x)[:, None, None] * [1.0, 0, 0] + np.array([[0.0, 0, 0], [0, 1.5, 0]])


def test_the_better_of_two_that_are_one_stays():
    scores = [-5.0, -4.9, -5.5, -1.0]
    pos = at(0.0, 0.17, 5.0, -5.0)
    assert best_apart(pos, scores, DockConfig(energy_range=2.0)) == [2, 0]
    assert best_apart(pos, scores, DockConfig(energy_range=9.0)) == [2, 0, 3]
    assert best_apart(pos, scores, DockConfig(poses=1)) == [2]
    assert best_apart(pos[:0], [], DockConfig()) == []


def test_poses_closer_than_the_limit_are_one_and_those_at_it_are_two():
    """As `DockConfig.min_rmsd` says; proposed poses were merged at the limit too."""
    scores = [-3.0, -2.0, -1.0]
    assert best_apart(at(0.0, 1.0, 1.5), scores, DockConfig(min_rmsd=1.0)) == [0, 1]
    pos = torch.tensor(at(0.0, 1.0, 1.5)).flatten(1)
    assert spread(torch.tensor(scores), pos, 3, 1.0).tolist() == [0, 1]


def test_many_that_are_one_do_not_hide_what_comes_after_them():
    """Four times as many as are wanted crowd at the best place: what lies elsewhere was never looked at."""
    x = [0.01 * k for k in range(12)] + [9.0, 9.1, 30.0]
    energy = torch.arange(len(x), dtype=torch.float64)
    pos = torch.tensor(at(*x)).flatten(1)
    assert spread(energy, pos, 3, 1.0).tolist() == [0, 12, 14]
    assert spread(energy, pos, 2, 1.0).tolist() == [0, 12]
    assert spread(energy, pos, 9, 1.0).tolist() == [0, 12, 14]


@pytest.mark.parametrize("block", [1, 2, 7, 50])
def test_blocks_choose_the_same(block):
    x = np.random.default_rng(0).uniform(0, 12, 40)
    expected: list[int] = []
    for k in range(40):
        if len(expected) < 6 and all(abs(x[k] - x[other]) >= 1 for other in expected):
            expected.append(k)
    asked = []

    def near(rows: slice) -> list[list[bool]]:
        asked.append(rows)
        return (np.abs(x[rows, None] - x[: rows.stop]) < 1).tolist()

    assert greedy(40, 6, near, block) == expected and expected[-1] < 40
    assert asked[-1].start <= expected[-1], "asked on after enough were chosen"


def test_clusters_count_all_poses():
    pos = at(0.0, 0.5, 1.0, 9.0)
    assert cluster_sizes(pos, [0, 3]) == [3, 1]
    assert cluster_sizes(pos, range(4), 0.6) == [2, 3, 2, 1]
