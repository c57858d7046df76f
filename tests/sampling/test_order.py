"""Order of convergence, measured in float64 against the exact denoiser of a mixture of Gaussians."""

import numpy as np
import pytest
import torch

from molediff.noise import SCHEDULES, MoleculeNoise, Process, ProcessConfig, Times
from molediff.pipelines.batching import blank
from molediff.sampling import METHODS, Before, Problem, SamplingConfig, evaluations, sample
from molediff.sampling.methods.heun import second_weight
from molediff.sampling.methods.multistep import back_weight
from molediff.structures import Condition, Estimate

SIZES = (5, 3, 4)
ATOMS, MODES, WIDTH, BATCH = 4, 3, 0.4, 6
ORDER = {"ddim": 1, "euler": 1, "heun": 2, "dpm++2m": 2}
STEPS = (64, 128, 256, 512)


def means():
    generator = torch.Generator().manual_seed(3)
    pos = torch.randn(MODES, ATOMS, 3, generator=generator, dtype=torch.float64)
    return pos - pos.mean(1, keepdim=True)


def exact(process):
    """E[x_0 | x_t] for a mixture of equal Gaussians of standard deviation WIDTH round ``means``."""
    centres = means()

    def denoise(noisy, times, condition):
        view, levels = process.view(noisy, times)
        variance = (WIDTH**2 + levels.pos**2)[:, None]
        away = view.pos[:, None] - centres  # (B, modes, N, 3)
        share = (-away.square().sum((-1, -2)) / (2 * variance)).softmax(-1)  # (B, modes)
        near = centres + WIDTH**2 / variance[..., None, None] * away
        logits = [torch.zeros(*noisy.mask.shape, k, dtype=torch.float64) for k in SIZES[:2]]
        bond = torch.zeros(*noisy.bond.shape, SIZES[2], dtype=torch.float64)
        return Estimate((share[..., None, None] * near).sum(1), *logits, bond)

    return denoise


def solve(method, steps, schedule="straight"):
    process = Process.build(ProcessConfig(schedule=schedule, scale=1.0, rho_min=0.05), SIZES)
    given = blank([ATOMS] * BATCH)
    given = given.replace(pos=given.pos.double())
    noise = MoleculeNoise(1, range(BATCH), [ATOMS] * BATCH, dtype=torch.float64)
    config = SamplingConfig(steps=steps, method=method, bend=0.0, start=20.0)
    return sample(exact(process), process, given, Condition.nothing(given), noise.next, config).pos


@pytest.fixture(scope="module")
def limit():
    return solve("heun", 1500)


@pytest.mark.parametrize("method", ORDER)
def test_measured_order_of_convergence(method, limit):
    """The slope of the error against the number of steps, in logarithms."""
    errors = [(solve(method, n) - limit).square().mean().sqrt().item() for n in STEPS]
    slope = -np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
    assert slope == pytest.approx(ORDER[method], abs=0.2), errors


@pytest.mark.parametrize("method", ["heun", "dpm++2m"])
def test_second_order_is_nearer_for_equal_evaluations(method, limit):
    for asked in (64, 128):
        steps = asked // 2 if method == "heun" else asked
        second, first = ((solve(m, n) - limit).square().mean() for m, n in ((method, steps), ("ddim", asked)))
        assert second < first / 4


@pytest.mark.parametrize("method", ORDER)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_is_solved_alike(method, schedule):
    assert torch.allclose(solve(method, 32, schedule), solve(method, 32, "cosine"), atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("steps", [1, 2, 7, 30])
def test_evaluations_are_counted_as_they_are(method, steps):
    process = Process.build(ProcessConfig(), SIZES)
    asked = []

    def counted(noisy, times, condition):
        asked.append(1)
        return exact(process)(noisy, times, condition)

    given = blank([ATOMS])
    given = given.replace(pos=given.pos.double())
    noise = MoleculeNoise(1, [0], [ATOMS], dtype=torch.float64)
    config = SamplingConfig(steps=steps, method=method)
    sample(counted, process, given, Condition.nothing(given), noise.next, config)
    assert len(asked) == evaluations(process, config)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_both_ends_are_first_order(schedule):
    def t(*rho):
        return SCHEDULES[schedule].time_of(torch.tensor(rho, dtype=torch.float64))

    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    assert second_weight(SCHEDULES[schedule], t(4.0), t(1.0)) == pytest.approx(2.0)
    assert back_weight(SCHEDULES[schedule], t(16.0), t(4.0), t(1.0)) == pytest.approx(0.5)  # r = 1
    assert back_weight(SCHEDULES[schedule], t(64.0), t(4.0), t(1.0)) == pytest.approx(0.25)  # r = 2
    assert second_weight(SCHEDULES[schedule], t(4.0), zero) == 0
    assert back_weight(SCHEDULES[schedule], t(8.0), t(4.0), zero) == 0
    assert second_weight(SCHEDULES[schedule], t(5.0), t(1.0)) == 0  # too long for the trapezoid rule
    assert back_weight(SCHEDULES[schedule], t(8.0), t(4.0), t(1.0)) == 0  # twice as long as the step before
    if schedule == "straight":  # the schedule that reaches alpha = 0
        assert second_weight(SCHEDULES[schedule], one, t(4.0)) == 0
        assert back_weight(SCHEDULES[schedule], one, t(4.0), t(1.0)) == 0


@pytest.mark.parametrize("method", ["heun", "dpm++2m"])
def test_a_step_from_the_very_end_of_the_straight_schedule_is_finite(method):
    process = Process.build(ProcessConfig(schedule="straight", scale=1.0), SIZES)
    given = blank([ATOMS])
    given = given.replace(pos=given.pos.double())
    noise = MoleculeNoise(1, [0], [ATOMS], dtype=torch.float64)
    condition = Condition.nothing(given)

    def blind(noisy, times, condition):
        zero = [torch.zeros(*noisy.mask.shape, k, dtype=torch.float64) for k in SIZES[:2]]
        return Estimate(means()[:1], *zero, torch.zeros(*noisy.bond.shape, SIZES[2], dtype=torch.float64))

    problem = Problem(blind, process, condition, given, noise.next, SamplingConfig())
    at, to, end = (Times.same(torch.tensor([t], dtype=torch.float64)) for t in (1.0, 0.6, 0.3))
    state = process.prior(at.pos, noise.next(), condition, given)
    there, estimate = METHODS[method](problem, state, at, to, None)
    assert torch.allclose(there.pos, 0.4 * means()[:1] + 0.6 * state.pos)
    after, _ = METHODS[method](problem, there, to, end, Before(estimate, at))
    assert torch.isfinite(after.pos).all()


def test_categories_follow_the_newest_estimate():
    """Heun's second look is sure of class 2, its first of class 1: nothing of class 1 is left."""
    process = Process.build(ProcessConfig(), SIZES)
    given = blank([ATOMS] * 50)
    given = given.replace(pos=given.pos.double())
    noise = MoleculeNoise(1, range(50), [ATOMS] * 50, dtype=torch.float64)
    looks = []

    def changing(noisy, times, condition):
        looks.append(1)
        atom = torch.full((*noisy.mask.shape, 5), -60.0, dtype=torch.float64)
        atom[..., len(looks)] = 0.0
        e = exact(Process.build(ProcessConfig(), SIZES))(noisy, times, condition)
        return e.replace(atom=atom)

    condition = Condition.nothing(given)
    problem = Problem(changing, process, condition, given, noise.next, SamplingConfig())
    at, to = (Times.same(process.schedule.time_of(torch.full((50,), r, dtype=torch.float64))) for r in (1.0, 0.3))
    state = process.prior(at.pos, noise.next(), condition, given)
    after, _ = METHODS["heun"](problem, state, at, to, None)
    # What stays of the noise: q(x_s = 2) is at least the probability that x_t is forgotten, times a(s).
    assert (after.atom == 2).float().mean() > 0.6
    assert (after.atom == 1).float().mean() < 0.2
