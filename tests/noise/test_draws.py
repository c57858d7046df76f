"""Random numbers of a molecule depend on (seed, index) alone."""

from __future__ import annotations

import pytest
import torch

from molediff.noise import Draws, MoleculeNoise, batch_draws, molecule_generator

FIELDS = ("pos", "atom", "charge", "bond")


def numbers(draws: Draws, row: int, size: int) -> list[torch.Tensor]:
    return [*(getattr(draws, f)[row, :size] for f in FIELDS[:3]), draws.bond[row, :size, :size]]


def test_batch_order_and_padding_change_nothing():
    """Molecule 7 alone, in company, in another place, and beside larger ones: bit for bit, over several steps."""
    alone = MoleculeNoise(3, [7], [5])
    company = MoleculeNoise(3, [2, 7, 9], [11, 5, 4])
    turned = MoleculeNoise(3, [7, 2], [5, 11])
    for _ in range(4):
        one, two, three = alone.next(), company.next(), turned.next()
        for a, b, c in zip(numbers(one, 0, 5), numbers(two, 1, 5), numbers(three, 0, 5), strict=True):
            assert torch.equal(a, b)
            assert torch.equal(a, c)


def test_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    MoleculeNoise(0, [1], [4]).next()
    assert torch.equal(before, torch.get_rng_state())


def test_each_step_is_new():
    noise = MoleculeNoise(0, [0], [6])
    first, second = noise.next(), noise.next()
    for a, b in zip(numbers(first, 0, 6), numbers(second, 0, 6), strict=True):
        assert not torch.equal(a, b)


@pytest.mark.parametrize("build", [lambda: MoleculeNoise(0, [0, 1], [6, 4]).next(), lambda: batch_draws(2, 6)])
def test_shapes_and_ranges(build):
    d = build()
    assert (d.pos.shape, d.atom.shape, d.charge.shape, d.bond.shape) == ((2, 6, 3), (2, 6), (2, 6), (2, 6, 6))
    assert torch.equal(d.bond, d.bond.transpose(1, 2))
    for u in (d.atom, d.charge, d.bond):
        assert u.min() >= 0
        assert u.max() < 1


def test_padding_is_zero():
    d = MoleculeNoise(0, [0, 1], [6, 4]).next()
    assert not any(x.any() for x in (d.pos[1, 4:], d.atom[1, 4:], d.charge[1, 4:], d.bond[1, 4:], d.bond[1, :, 4:]))


def test_neighbouring_seeds_indices_and_streams_do_not_correlate():
    """Correlation of 3 x 20,000 normals has a standard error of .004; none of 105 pairs is beyond five of them."""
    keys = [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (0, 0, 1), (0, 2, 0), (2, 0, 0), (0, 0, 2)]
    keys += [(0, 1 << 32, 0), (1 << 32, 0, 0), (-1, 0, 0), (0, 1, 1), (1, 0, 1), (3, 5, 0), (5, 3, 0)]
    drawn = torch.stack([torch.randn(60_000, generator=molecule_generator(*k), dtype=torch.float64) for k in keys])
    correlation = torch.corrcoef(drawn) - torch.eye(len(keys), dtype=torch.float64)
    assert correlation.abs().max() < 5 / 60_000**0.5


def test_generators_of_a_large_run_are_all_different():
    seeds = {molecule_generator(s, i).initial_seed() for s in range(20) for i in range(2000)}
    assert len(seeds) == 40_000


def test_fields_of_one_draw_are_independent_and_spread():
    """Mean and variance of normal and uniform numbers, and no correlation between fields, within five errors."""
    d = MoleculeNoise(0, range(40), [60] * 40).next()
    upper = d.bond[:, *torch.triu_indices(60, 60, 1)]
    for x, mean, var in ((d.pos, 0, 1), (d.atom, 0.5, 1 / 12), (d.charge, 0.5, 1 / 12), (upper, 0.5, 1 / 12)):
        assert abs(x.double().mean() - mean) < 5 * (var / x.numel()) ** 0.5
        assert abs(x.double().var() / var - 1) < 5 * (2 / x.numel()) ** 0.5
    flat = torch.stack([d.pos[..., 0].flatten(), d.atom.flatten(), d.charge.flatten(), upper[:, :60].flatten()])
    assert (torch.corrcoef(flat) - torch.eye(4)).abs().max() < 5 / 2400**0.5
