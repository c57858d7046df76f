"""Categorical noise against enumeration: every class, every pair of times, three bases."""

from __future__ import annotations

import itertools

import pytest
import torch

from molediff.noise import categorical
from molediff.noise.categorical import draw, forward, posterior

K = 4
BASES = {
    "uniform": categorical.uniform(K).double(),
    "absorbing": categorical.absorbing(K).double(),
    "marginal": torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64),
}
TIMES = [(0.9, 0.99), (0.2, 0.7), (0.01, 0.02), (0.3, 1.0), (0.0, 0.5), (0.5, 0.5)]  # (a(t), a(s))
every = pytest.mark.parametrize("base", BASES.values(), ids=BASES)


def number(x: float) -> torch.Tensor:
    return torch.tensor(x, dtype=torch.float64)


def matrix(keep: float, base: torch.Tensor) -> torch.Tensor:
    """Q[i, j] = q(later = j | earlier = i), written out."""
    k = len(base)
    rows = [[keep * (i == j) + (1 - keep) * base[j].item() for j in range(k)] for i in range(k)]
    return torch.tensor(rows, dtype=torch.float64)


def clean(base: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """(K',) probabilities of x_0; an absorbing class is never clean."""
    p = torch.rand(K, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    return torch.nn.functional.pad(p / p.sum(), (0, len(base) - K))


@every
def test_forward_is_the_matrix_and_composes(base):
    k = len(base)
    for a_t, a_s in TIMES:
        ratio = a_t / a_s
        out = forward(torch.arange(k), number(ratio).expand(k), base)
        torch.testing.assert_close(out, matrix(ratio, base), rtol=0, atol=1e-10)
        two = matrix(a_s, base) @ matrix(ratio, base)
        torch.testing.assert_close(two, matrix(a_t, base), rtol=0, atol=1e-12)


@every
@pytest.mark.parametrize(("a_t", "a_s"), TIMES)
def test_posterior_equals_enumeration(base, a_t, a_s):
    """p(x_s | x_t) = sum over x_0 of p(x_0) q(x_s | x_0) q(x_t | x_s) / q(x_t | x_0), p(x_0) given x_t.

    Where x_t cannot come from x_0, that x_0 is left out and the rest normalised.
    """
    k = len(base)
    first, onward, whole = matrix(a_s, base), matrix(a_t / a_s, base), matrix(a_t, base)
    for x_t in range(k):
        p0 = clean(base, seed=x_t)
        want = torch.zeros(k, dtype=torch.float64)
        for x_0, x_s in itertools.product(range(k), range(k)):
            if whole[x_0, x_t] > 0:
                want[x_s] += p0[x_0] * first[x_0, x_s] * onward[x_s, x_t] / whole[x_0, x_t]
        if want.sum() == 0:
            continue  # x_t has no clean origin at all
        out = posterior(p0, torch.tensor(x_t), number(a_t), number(a_s), base)
        torch.testing.assert_close(out, want / want.sum(), rtol=0, atol=1e-10)
        assert out.sum().item() == pytest.approx(1)


@every
@pytest.mark.parametrize(("a_t", "a_s"), TIMES)
def test_posterior_averaged_over_forward_is_the_marginal(base, a_t, a_s):
    """With the exact p(x_0 | x_t), sum over x_t of q(x_t) p(x_s | x_t) = q(x_s): ancestral sampling is unbiased."""
    p0, whole = clean(base), matrix(a_t, base)
    marginal_t = p0 @ whole
    total = torch.zeros(len(base), dtype=torch.float64)
    for x_t in range(len(base)):
        if marginal_t[x_t] == 0:
            continue
        given = p0 * whole[:, x_t] / marginal_t[x_t]
        total += marginal_t[x_t] * posterior(given, torch.tensor(x_t), number(a_t), number(a_s), base)
    torch.testing.assert_close(total, p0 @ matrix(a_s, base), rtol=0, atol=1e-10)


@every
def test_posterior_at_s_zero_is_bayes(base):
    """a(s) = 1: p(x_0 | x_t) itself, for a p(x_0) that already knows x_t."""
    for x_t in range(len(base)):
        whole = matrix(0.4, base)[:, x_t]
        if (clean(base) * whole).sum() == 0:
            continue
        p0 = clean(base) * whole / (clean(base) * whole).sum()
        torch.testing.assert_close(
            posterior(p0, torch.tensor(x_t), number(0.4), number(1.0), base), p0, rtol=0, atol=1e-10
        )


@every
def test_posterior_of_no_step_is_the_state(base):
    """a(s) = a(t): nothing moves."""
    for x_t in range(len(base)):
        out = posterior(clean(base), torch.tensor(x_t), number(0.5), number(0.5), base)
        assert out[x_t].item() == pytest.approx(1, abs=1e-10)


def test_unmasked_stays_in_an_absorbing_process():
    base = BASES["absorbing"]
    out = posterior(clean(base), torch.tensor(2), number(0.3), number(0.6), base)
    assert out[2].item() == pytest.approx(1, abs=1e-9)
    out = posterior(clean(base), torch.tensor(K), number(0.3), number(0.6), base)
    assert out[K].item() == pytest.approx(0.4 / 0.7, abs=1e-9)  # (1 - a_s) / (1 - a_t)


def test_draw_is_monotone_with_exact_frequencies():
    """On an even grid of u, class k is drawn in a share p_k, in rising order: an inverse CDF."""
    p = torch.tensor([0.25, 0.0, 0.5, 0.25, 0.0], dtype=torch.float64)
    u = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    out = draw(p.expand(len(u), -1), u)
    assert (out.diff() >= 0).all()
    assert torch.bincount(out, minlength=5).tolist() == [2500, 0, 5000, 2500, 0]


def test_draw_never_takes_an_impossible_class():
    """Also at the ends of [0, 1) in float32, and when probabilities sum to 1 only nearly."""
    last = torch.tensor(1.0).nextafter(torch.tensor(0.0))
    g = torch.Generator().manual_seed(0)
    for scale in (1.0, 1 + 1e-6, 1 - 1e-6):
        p = torch.rand(2000, 6, generator=g)
        p[:, 0] = p[:, 3] = p[:, 5] = 0
        p = p / p.sum(-1, keepdim=True) * scale
        for u in (torch.zeros(2000), last.expand(2000), torch.rand(2000, generator=g)):
            assert (p.gather(1, draw(p, u)[:, None]) > 0).all()


def test_bases():
    assert categorical.uniform(4).tolist() == [0.25] * 4
    assert categorical.absorbing(3).tolist() == [0, 0, 0, 1]
