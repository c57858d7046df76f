"""The one step of DESIGN.md, section 1: DDPM, DDIM, Karras' Euler and flow matching are all of it.

A step is affine in (x_t, c, z), so its coefficients are read off by setting one of them to 1: no sampling is needed.
Letters: x_t = c_x, clean c = c_c, noise z = c_z; s < t.
"""

from __future__ import annotations

import itertools

import pytest
import torch

from molediff.noise import SCHEDULES
from molediff.noise.gaussian import arcsin_grid, clean_weight, renoise, step

EXACT = {"rtol": 1e-12, "atol": 1e-13}
PAIRS = [(t, s) for t, s in itertools.product([0.05, 0.3, 0.6, 0.95, 0.999], [0.0, 0.01, 0.2, 0.5, 0.9]) if s < t]
every = pytest.mark.parametrize("name", list(SCHEDULES))


def at(name: str, t: float):
    alpha, sigma = SCHEDULES[name].alpha_sigma(torch.tensor([t], dtype=torch.float64))
    return alpha.view(1, 1, 1), sigma.view(1, 1, 1)


def affine(function, count: int):
    """Coefficients of an affine function without a constant part, of ``count`` (1, 1, 1) arguments."""
    unit = torch.eye(count, dtype=torch.float64)
    assert function(*torch.zeros(count, 1, 1, 1, dtype=torch.float64)).item() == 0
    return [function(*(v.view(1, 1, 1) for v in row)).item() for row in unit]


def step_of(name, t, s, eta):
    """(of x_t, of c, of z)."""
    return affine(lambda x, c, z: step(x, c, at(name, t), at(name, s), eta, z), 3)


def numbers(name, t):
    return tuple(v.item() for v in at(name, t))


@every
@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_full_noise_is_the_posterior_of_ddpm(name, t, s):
    """eta = 1: mean and variance of q(x_s | x_t, x_0) (Ho et al., 2020, eq. 7; Kingma et al., 2021, eq. 25)."""
    (a_t, s_t), (a_s, s_s) = numbers(name, t), numbers(name, s)
    ratio = a_t / a_s
    between = s_t**2 - ratio**2 * s_s**2
    want = [ratio * s_s**2 / s_t**2, a_s * between / s_t**2, (between * s_s**2 / s_t**2) ** 0.5]
    assert step_of(name, t, s, 1.0) == pytest.approx(want, rel=1e-10, abs=1e-13)


@every
@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_no_noise_is_ddim(name, t, s):
    """eta = 0: x_s = alpha_s c + sigma_s eps, with eps what c leaves of x_t (Song et al., 2021, eq. 12)."""
    (a_t, s_t), (a_s, s_s) = numbers(name, t), numbers(name, s)
    want = [s_s / s_t, a_s - s_s * a_t / s_t, 0.0]
    assert step_of(name, t, s, 0.0) == pytest.approx(want, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_no_noise_on_straight_lines_is_euler_of_flow_matching(t, s):
    """x_s = x_t + (s - t) v with v = (x_t - c) / t, the velocity of x_t = (1 - t) x_0 + t eps."""
    want = [1 + (s - t) / t, -(s - t) / t, 0.0]
    assert step_of("straight", t, s, 0.0) == pytest.approx(want, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_no_noise_on_exploding_is_euler_of_karras(t, s):
    """x_s = x_t + (sigma_s - sigma_t) (x_t - D) / sigma_t (Karras et al., 2022, algorithm 1)."""
    (_, s_t), (_, s_s) = numbers("exploding", t), numbers("exploding", s)
    slope = (s_s - s_t) / s_t
    assert step_of("exploding", t, s, 0.0) == pytest.approx([1 + slope, -slope, 0.0], rel=1e-12, abs=1e-14)


@every
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_with_the_true_molecule_every_eta_keeps_the_marginals(name, t, s, eta):
    """c = x_0: x_s has mean alpha_s x_0 and variance sigma_s^2, whatever eta (Song et al., 2021, lemma 1)."""
    of_x, of_c, of_z = step_of(name, t, s, eta)
    (a_t, s_t), (a_s, s_s) = numbers(name, t), numbers(name, s)
    assert of_x * a_t + of_c == pytest.approx(a_s, rel=1e-12)
    assert (of_x * s_t) ** 2 + of_z**2 == pytest.approx(s_s**2, rel=1e-11, abs=1e-20)


@every
def test_last_step_returns_the_estimate(name):
    assert step_of(name, 0.4, 0.0, 1.0) == pytest.approx([0, 1, 0], abs=1e-15)


def gaussian_denoiser(name: str, t: float, mean: float, spread: float):
    """(gain, offset) of E[x_0 | x_t] = gain x_t + offset, and Var[x_0 | x_t], for x_0 ~ N(mean, spread^2)."""
    a, s = numbers(name, t)
    total = (a * spread) ** 2 + s**2
    gain = a * spread**2 / total
    return gain, mean * (1 - gain * a), spread**2 * s**2 / total


def sampled_moments(name, times, eta, mean, spread):
    """Mean and variance of the sampler's state at every time, exactly, starting from the right marginal."""
    a, s = numbers(name, times[0])
    moments = [(a * mean, (a * spread) ** 2 + s**2)]
    for t, to in itertools.pairwise(times):
        of_x, of_c, of_z = step_of(name, t, to, eta)
        gain, offset, _ = gaussian_denoiser(name, t, mean, spread)
        m, v = moments[-1]
        moments.append(((of_x + of_c * gain) * m + of_c * offset, (of_x + of_c * gain) ** 2 * v + of_z**2))
    return moments


def grid(name, steps, low=0.002, high=80.0):
    return SCHEDULES[name].time_of(arcsin_grid(steps, low, high)).tolist()


@every
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [3, 20])
def test_one_molecule_is_sampled_exactly_by_any_number_of_steps(name, eta, steps):
    """Data without spread: mean and variance are those of the forward process at every step."""
    times = grid(name, steps)
    for t, (m, v) in zip(times, sampled_moments(name, times, eta, 0.7, 0.0), strict=True):
        a, s = numbers(name, t)
        assert m == pytest.approx(0.7 * a, rel=1e-9)
        assert v == pytest.approx(s**2, rel=1e-9, abs=1e-18)


@every
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_what_one_step_misses_of_gaussian_data_is_the_spread_of_the_estimate(name, eta):
    """From the right marginal at t, one step with the exact denoiser gives variance
    alpha_s^2 spread^2 + sigma_s^2 - (coefficient of c)^2 Var[x_0 | x_t] - 2 (coefficient of c) Cov, where
    Cov[x_0 - c, x_t] = 0: the law of total variance. The mean is right at once.
    """
    mean, spread = 0.7, 1.3
    for t, s in PAIRS:
        (m, v) = sampled_moments(name, [t, s], eta, mean, spread)[1]
        _, of_c, _ = step_of(name, t, s, eta)
        a_s, s_s = numbers(name, s)
        missing = of_c**2 * gaussian_denoiser(name, t, mean, spread)[2]
        assert m == pytest.approx(a_s * mean, rel=1e-10)
        assert v == pytest.approx((a_s * spread) ** 2 + s_s**2 - missing, rel=1e-9)


@every
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_gaussian_data_are_right_at_every_step_in_the_limit_of_many(name, eta):
    """The largest relative error of the variance over all steps falls with 1 / steps: first order, as stated."""

    def worst(steps):
        times, errors = grid(name, steps, low=0.02, high=20.0), []
        for t, (m, v) in zip(times, sampled_moments(name, times, eta, 0.7, 1.3), strict=True):
            a, s = numbers(name, t)
            errors.append(abs(v / ((a * 1.3) ** 2 + s**2) - 1))
            assert m == pytest.approx(0.7 * a, rel=1e-9)
        return max(errors)

    coarse, fine = worst(200), worst(400)
    assert fine < 0.05
    assert coarse / fine == pytest.approx(2, rel=0.15)


@every
def test_renoise_composes(name):
    """start -> mid -> end is start -> end, in mean and variance; from clean data it is alpha and sigma."""
    for start, mid, end in itertools.combinations([0.0, 0.02, 0.4, 0.8, 0.99], 3):
        first = affine(lambda x, z, a=start, b=mid: renoise(x, at(name, a), at(name, b), z), 2)
        second = affine(lambda x, z, a=mid, b=end: renoise(x, at(name, a), at(name, b), z), 2)
        direct = affine(lambda x, z, a=start, b=end: renoise(x, at(name, a), at(name, b), z), 2)
        assert first[0] * second[0] == pytest.approx(direct[0], rel=1e-12)
        assert (second[0] * first[1]) ** 2 + second[1] ** 2 == pytest.approx(direct[1] ** 2, rel=1e-11)
        if start == 0:
            assert direct == pytest.approx(list(numbers(name, end)), rel=1e-12)


def test_renoise_to_the_same_level_changes_nothing():
    x = torch.randn(2, 3, 3, dtype=torch.float64)
    assert torch.equal(renoise(x, at("cosine", 0.3), at("cosine", 0.3), torch.randn_like(x)), x)


def test_clean_weight_is_the_inverse_square_of_c_out():
    """Karras et al., 2022, table 1: c_out = sigma sigma_data / sqrt(sigma^2 + sigma_data^2)."""
    rho = torch.logspace(-3, 3, 20, dtype=torch.float64)
    c_out = rho * 1.7 / (rho**2 + 1.7**2).sqrt()
    torch.testing.assert_close(clean_weight(rho, 1.7), c_out**-2, **EXACT)
