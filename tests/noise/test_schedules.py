"""Schedules: ends, inverses, and sigma levels of the sampler."""

from __future__ import annotations

import math

import pytest
import torch

from molediff.noise import SCHEDULES
from molediff.noise.gaussian import MOST_BEND, arcsin_grid

T = torch.linspace(0, 1, 201, dtype=torch.float64)
EXACT = {"rtol": 1e-12, "atol": 1e-12}

every = pytest.mark.parametrize("name", list(SCHEDULES))


@every
def test_data_end_is_clean(name):
    alpha, sigma = SCHEDULES[name].alpha_sigma(T[:1])
    assert alpha.item() == 1
    assert sigma.item() == 0


def test_noise_ends():
    end = {name: [x.item() for x in s.alpha_sigma(T[-1:])] for name, s in SCHEDULES.items()}
    assert end["cosine"] == pytest.approx([0, 1], abs=1e-15)
    assert end["straight"] == [0, 1]
    assert end["exploding"] == pytest.approx([1, 80], rel=1e-12)


@every
def test_noise_only_grows(name):
    """rho = sigma / alpha rises strictly wherever it is finite: what corruption and the posterior rely on."""
    rho = SCHEDULES[name].rho(T[:-1])
    assert (rho.diff() > 0).all()


@every
def test_time_of_inverts_rho(name):
    schedule, t = SCHEDULES[name], T[1:-1]
    torch.testing.assert_close(schedule.time_of(schedule.rho(t)), t, **EXACT)
    rho = torch.logspace(math.log10(2e-3), math.log10(80), 50, dtype=torch.float64)
    torch.testing.assert_close(schedule.rho(schedule.time_of(rho)), rho, rtol=1e-11, atol=0)
    assert schedule.time_of(torch.zeros(1, dtype=torch.float64)).item() == 0


@every
def test_single_precision_is_enough_at_training_levels(name):
    """Training and sampling run in float32; rho survives the way to t and back."""
    rho = torch.logspace(math.log10(2e-3), math.log10(80), 50)
    torch.testing.assert_close(SCHEDULES[name].rho(SCHEDULES[name].time_of(rho)), rho, rtol=2e-4, atol=0)


def test_variance_is_preserved_by_cosine_and_lines_are_straight():
    alpha, sigma = SCHEDULES["cosine"].alpha_sigma(T)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(T), **EXACT)
    alpha, sigma = SCHEDULES["straight"].alpha_sigma(T)
    torch.testing.assert_close(alpha + sigma, torch.ones_like(T), **EXACT)
    log_sigma = SCHEDULES["exploding"].alpha_sigma(T[1:])[1].log()
    torch.testing.assert_close(log_sigma.diff(), log_sigma.diff()[:1].expand(len(T) - 2), rtol=1e-9, atol=0)


@pytest.mark.parametrize("steps", [1, 2, 7, 50])
@pytest.mark.parametrize("bend", [0.0, 1.0, 2.0, MOST_BEND])
def test_levels_fall_from_high_to_low_to_zero(steps, bend):
    grid = arcsin_grid(steps, 0.002, 80.0, bend)
    assert grid.shape == (steps + 1,)
    assert grid[0].item() == pytest.approx(80)
    assert grid[-1].item() == 0
    assert (grid.diff() < 0).all()
    if steps > 1:
        assert grid[-2].item() == pytest.approx(0.002)


def test_levels_without_bend_are_geometric_and_with_it_crowd_the_middle():
    ratio = lambda bend: (arcsin_grid(51, 0.01, 100.0, bend)[:-1].log().diff()).abs()  # noqa: E731
    torch.testing.assert_close(ratio(0.0), ratio(0.0)[:1].expand(50), rtol=1e-9, atol=0)
    bent = ratio(1.0)
    assert bent[24] < bent[0]
    assert bent[25] < bent[-1]
