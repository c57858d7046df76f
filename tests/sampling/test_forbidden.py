"""Bonds that cannot be are none in every estimate, and in what is sampled from it; all others are left alone."""

import pytest
import torch

from molediff.noise import MoleculeNoise, Process, ProcessConfig
from molediff.sampling import METHODS, SamplingConfig, sample, without_bonds
from molediff.structures import Condition, Estimate, Known, Molecules, Stereo

CLOSED = torch.tensor([True, False, True])
OWNER = torch.tensor([0, 0, 1])
B, N = 2, 6


def greedy_for_bonds(noisy, times, condition):
    """Wants a single bond everywhere."""
    bond = torch.zeros(len(noisy), N, N, 4)
    bond[..., 1] = 8.0
    b, n = noisy.mask.shape
    return Estimate(noisy.pos, torch.zeros(b, n, 5), torch.zeros(b, n, 3), bond)


@pytest.fixture
def blank():
    mask = torch.ones(B, N, dtype=torch.bool)
    zero = torch.zeros(B, N, dtype=torch.long)
    return Molecules(torch.randn(B, N, 3), zero, zero, torch.zeros(B, N, N, dtype=torch.long), mask)


def allowed(i, j):
    """The rule said once more: one fragment, or neither end closed."""
    closed, owner = CLOSED.tolist() + [False] * 3, [*OWNER.tolist(), -1, -2, -3]
    return owner[i] == owner[j] or not (closed[i] or closed[j])


def test_exactly_the_bonds_of_closed_atoms_go(blank):
    before = greedy_for_bonds(blank, None, None)
    after = without_bonds(greedy_for_bonds, CLOSED, OWNER)(blank, None, None)
    for i in range(N):
        for j in range(N):
            if allowed(i, j):
                assert torch.equal(after.bond[:, i, j], before.bond[:, i, j])
            else:
                assert torch.equal(after.bond[:, i, j].softmax(-1), torch.eye(4)[0].expand(B, 4))
    assert torch.equal(after.bond, after.bond.transpose(1, 2))
    for name in ("pos", "atom", "charge"):
        assert torch.equal(getattr(after, name), getattr(before, name))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("temperature", [0.3, 1.5])
def test_what_is_sampled_has_none_of_them_and_has_the_others(blank, method, temperature):
    owner = torch.full((B, N), -1)
    owner[:, :3] = OWNER
    known = Known.fragments(blank, owner, torch.zeros_like(blank.mask))
    condition = Condition(known, Stereo.unspecified(blank))
    process = Process.build(ProcessConfig(), (5, 3, 4))
    noise = MoleculeNoise(0, range(B), [N] * B)
    config = SamplingConfig(steps=6, method=method, temperature=temperature)
    denoise = without_bonds(greedy_for_bonds, CLOSED, OWNER)
    made = sample(denoise, process, blank, condition, noise.next, config)
    for i in range(N):
        for j in range(i):
            if known.bond[0, i, j]:
                assert (made.bond[:, i, j] == 0).all()  # as given
            else:
                assert (made.bond[:, i, j] == int(allowed(i, j))).all()
