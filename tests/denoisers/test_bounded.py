"""Vectors cannot run away, and ordinary ones do not notice."""

import torch

from molediff.denoisers.attention import LONGEST, bounded


def test_no_vector_is_longer_than_the_longest():
    g = torch.Generator().manual_seed(0)
    v = torch.randn(2, 5, 3, 4, generator=g, dtype=torch.float64) * torch.logspace(-3, 6, 4, dtype=torch.float64)
    out = bounded(v)
    assert out.norm(dim=2).max() <= LONGEST * (1 + 1e-12)
    cosine = torch.nn.functional.cosine_similarity(v, out, dim=2)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    longer = bounded(1.1 * v).norm(dim=2) > out.norm(dim=2) * (1 + 1e-15)
    assert longer[..., :3].all()  # the order of lengths stays


def test_ordinary_vectors_stay():
    v = torch.zeros(1, 1, 3, 1, dtype=torch.float64)
    v[0, 0, 1] = LONGEST / 10
    assert 1e-5 < (1 - bounded(v) / v)[0, 0, 1, 0] < 3e-5


def test_gradients_are_finite_at_nothing_and_far_out():
    v = torch.tensor([0.0, 1e8]).view(1, 2, 1, 1).repeat(1, 1, 3, 1).requires_grad_()
    bounded(v).sum().backward()
    assert torch.isfinite(v.grad).all()
