"""Counts of walks that never turn back, against walking them one by one, and rings against their size."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molediff.denoisers.walks import soft_bonds, walk_features, walks


def one_by_one(bonds, longest):
    """(N, N, longest) counts by going every walk."""
    n = len(bonds)
    counts = torch.zeros(n, n, longest, dtype=torch.float64)
    going = [(i, j, i) for i in range(n) for j in range(n) if bonds[i, j]]
    for k in range(longest):
        for first, last, _ in going:
            counts[first, last, k] += 1
        going = [
            (first, after, last)
            for first, last, before in going
            for after in range(n)
            if bonds[last, after] and after != before
        ]
    return counts


@given(st.integers(2, 6), st.integers(0, 2**15 - 1))
@settings(max_examples=40, deadline=None)
def test_counts_are_those_of_walking(n, bits):
    upper = torch.triu(torch.ones(n, n, dtype=torch.bool), 1)
    bonds = torch.zeros(n, n, dtype=torch.float64)
    bonds[upper] = torch.tensor([float(bits >> k & 1) for k in range(int(upper.sum()))], dtype=torch.float64)
    bonds = bonds + bonds.T
    assert torch.equal(walks(bonds[None], 6)[0], one_by_one(bonds, 6))


def ring(n, side=1.4):
    """(n, 3) a regular polygon."""
    angle = torch.arange(n, dtype=torch.float64) * 2 * math.pi / n
    radius = side / (2 * math.sin(math.pi / n))
    return torch.stack([radius * angle.cos(), radius * angle.sin(), 0 * angle], -1)


def features(pos, longest=7):
    mask = torch.ones(1, len(pos), dtype=torch.bool)
    return walk_features(torch.cdist(pos, pos)[None, ..., None], mask[:, :, None] & mask[:, None], longest)[0]


def test_a_ring_closes_at_its_size():
    for n in (5, 6, 7, 8):
        round_it = features(ring(n))[0, 1]  # walks from an atom to the one bonded to it
        # n - 1 bonds the long way; once round and then the bond itself, n + 1.
        assert [k for k in range(2, 8) if round_it[k - 1] > 0.3] == [k for k in (n - 1, n + 1) if k < 8]


def test_an_open_chain_closes_nowhere():
    chain = torch.tensor([[1.2 * k, 0.8 * (k % 2), 0.0] for k in range(8)], dtype=torch.float64)
    assert features(chain)[0, 1, 1:].max() < 0.01


def test_padding_and_distance_zero_count_nothing():
    d = torch.zeros(1, 3, 3, 1)
    mask = torch.tensor([[True, True, False]])
    bonds = soft_bonds(d, mask[:, :, None] & mask[:, None])
    assert bonds[0, 0, 1] == 1 and bonds.sum() == 2


def test_gradients_are_finite_where_all_atoms_meet():
    d = torch.full((1, 40, 40, 1), 0.1, requires_grad=True)
    both = torch.ones(1, 40, 40, dtype=torch.bool)
    out = walk_features(d, both, 7)
    out.sum().backward()
    assert torch.isfinite(out).all() and torch.isfinite(d.grad).all()
