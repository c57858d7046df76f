"""The graph of a batch against loops over all pairs."""

import math

import torch

from molediff.denoisers.graph import radius_edges

RADIUS = 2.0


def batch(seed: int = 0):
    g = torch.Generator().manual_seed(seed)
    mask = torch.arange(6) < torch.tensor([6, 3, 1, 0])[:, None]
    pairs = mask[:, None] & mask[:, :, None] & ~torch.eye(6, dtype=torch.bool)
    linked = (torch.rand(4, 6, 6, generator=g) < 0.2).triu(1)
    return 1.5 * torch.randn(4, 6, 3, generator=g, dtype=torch.float64), pairs, linked | linked.transpose(1, 2)


def test_edges_and_weights():
    pos, pairs, linked = batch()
    index, weight = radius_edges(pos, pairs, RADIUS, linked)
    found = {(int(a), int(b)): float(w) for (a, b), w in zip(index.t(), weight, strict=True)}
    want = {}
    for b in range(4):
        for i in range(6):
            for j in range(6):
                d = math.dist(pos[b, i].tolist(), pos[b, j].tolist())
                if pairs[b, i, j] and (linked[b, i, j] or d < RADIUS):
                    fade = 0.5 * (1 + math.cos(math.pi * d / RADIUS))
                    want[6 * b + j, 6 * b + i] = 1.0 if linked[b, i, j] else fade
    assert found.keys() == want.keys()
    assert len(found) == index.shape[1] > 10
    assert all(abs(found[k] - want[k]) < 1e-12 for k in want)
    assert any(linked[b].any() for b in range(2))
    assert index[1].tolist() == sorted(index[1].tolist())


def test_links_alone_and_nothing():
    pos, pairs, linked = batch()
    index, weight = radius_edges(pos, pairs, 0.0, linked)
    assert index.shape[1] == int((linked & pairs).sum())
    assert (weight == 1).all()
    index, _ = radius_edges(pos, pairs, 0.0, linked & False)
    assert index.shape == (2, 0)


def test_weights_fade_at_the_radius():
    """An atom that crosses the radius by a millionth brings a weight of a billionth."""
    pairs = ~torch.eye(2, dtype=torch.bool)[None]
    for gap, edges in ((-1e-6, 2), (1e-6, 0)):
        pos = torch.tensor([[[0.0, 0, 0], [RADIUS + gap, 0, 0]]], dtype=torch.float64)
        index, weight = radius_edges(pos, pairs, RADIUS, pairs & False)
        assert index.shape[1] == edges
        assert (weight < 1e-9).all()


def test_small_distances_are_kept():
    """The matrix form of cdist would call these 0 or worse, a thousand angstrom from the origin."""
    pos = torch.tensor([[[1000.0, 0, 0], [1000.001, 0, 0], [1000.0, 3.0, 0]]])
    pairs = ~torch.eye(3, dtype=torch.bool)[None]
    index, weight = radius_edges(pos, pairs, 0.01, pairs & False)
    assert sorted(index.t().tolist()) == [[0, 1], [1, 0]]
    assert torch.allclose(weight, weight.new_full((2,), 0.5 * (1 + math.cos(0.1 * math.pi))), atol=1e-2)
