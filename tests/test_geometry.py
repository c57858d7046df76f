"""Means, centres, signed volumes and rotations."""

from __future__ import annotations

import itertools

import pytest
import torch

from molediff.geometry import centre, masked_mean, random_rotations, signed_volume

EXACT = {"rtol": 1e-12, "atol": 1e-12}
MASK = torch.tensor([[True, True, False], [True, True, True], [False, False, False]])


def points(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_mean_is_over_atoms_that_are_there():
    x = points(3, 3, 2)
    mean = masked_mean(x, MASK)
    assert mean.shape == (3, 1, 2)
    torch.testing.assert_close(mean[0, 0], x[0, :2].mean(0), **EXACT)
    torch.testing.assert_close(mean[1, 0], x[1].mean(0), **EXACT)
    assert (mean[2] == 0).all()


def test_centre_moves_the_centroid_and_clears_padding():
    x = points(3, 3, 3)
    out = centre(x, MASK)
    assert masked_mean(out, MASK).abs().max() < 1e-15
    assert (out[~MASK] == 0).all()
    torch.testing.assert_close(out[1, 0] - out[1, 1], x[1, 0] - x[1, 1], **EXACT)
    torch.testing.assert_close(centre(out + 5, MASK), out, **EXACT)


def test_signed_volume_of_the_unit_corner():
    a, b, c, d = torch.eye(4, 3, dtype=torch.float64)
    assert signed_volume(a, b, c, d).item() == 1


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_signed_volume_has_the_sign_of_the_permutation(order):
    x = points(4, 3)
    inversions = sum(order[i] > order[j] for i, j in itertools.combinations(range(4), 2))
    torch.testing.assert_close(signed_volume(*x[list(order)]), (-1) ** inversions * signed_volume(*x), **EXACT)


def test_signed_volume_under_motion_and_mirror():
    x = points(7, 4, 3)
    turn = random_rotations(7, torch.Generator().manual_seed(0), torch.float64)
    volume = signed_volume(*x.unbind(1))
    torch.testing.assert_close(signed_volume(*(x @ turn + 3).unbind(1)), volume, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(signed_volume(*(-x).unbind(1)), -volume, **EXACT)


def test_rotations_are_proper_and_uniform():
    """R R^T = 1, det = 1; E[R] = 0 and E[R_ij^2] = 1/3, as under Haar measure, within five standard errors."""
    count = 20_000
    turn = random_rotations(count, torch.Generator().manual_seed(0), torch.float64)
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3).double().expand(count, 3, 3), **EXACT)
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(count).double(), **EXACT)
    assert turn.mean(0).abs().max() < 5 * (1 / 3 / count) ** 0.5
    assert (turn.square().mean(0) - 1 / 3).abs().max() < 5 * (4 / 45 / count) ** 0.5
