"""The only loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from molediff.config import UserError, choose
from molediff.noise import Draws, Process, Times
from molediff.noise.gaussian import MOST_BEND, arcsin_grid
from molediff.sampling.guidance import biased, tempered
from molediff.sampling.methods import METHODS, SECOND_LOOKS, Before, Denoise, Problem
from molediff.sampling.precision import PRECISIONS
from molediff.sampling.settings import SamplingConfig
from molediff.structures import Condition, Estimate, Molecules, take

Watch = Callable[[int, Molecules, Estimate], None]
"""(step, state after it, estimate it was made from)."""
Resample = Callable[[int, Molecules, Estimate], torch.Tensor | None]
"""(step, state after it, estimate it was made from) -> (B,) the molecules that go on in the places of all; None where
each goes on in its own."""
Constrain = Callable[[Denoise], Denoise]
"""What estimates must hold to, such as `joined`."""


def time_grid(process: Process, config: SamplingConfig) -> torch.Tensor:
    """(steps + 1,) times of positions on the model's schedule, falling to 0; the same noise whatever the schedule.

    With ``config.change`` below 1 only the last steps are there: that share, rounded, and at least one.

    Raises:
        UserError: for a number of steps below 1, a start or an end outside the model's range, a bend outside
            [0, `MOST_BEND`], or a change outside (0, 1].
    """
    if config.steps < 1:
        raise UserError(f"The number of steps must be at least 1, got {config.steps}. Type for example --steps 50.")
    least, most = process.config.rho_min, process.config.rho_max
    low, high = config.end or least, config.start or most
    if not least < high <= most:
        raise UserError(f"start must lie in ({least}, {most}], got {config.start}.")
    if not least <= low < high:
        raise UserError(f"end must lie in [{least}, {high}), from this model's least to the start; got {config.end}.")
    if not 0 <= config.bend <= MOST_BEND:
        raise UserError(f"bend must lie in [0, {MOST_BEND}], or noise would not fall step by step; got {config.bend}.")
    if not 0 < config.change <= 1:
        raise UserError(f"--change takes the share of the steps to run, above 0 and up to 1, got {config.change}.")
    grid = process.schedule.time_of(arcsin_grid(config.steps, low, high, config.bend))
    return grid[config.steps - config.steps_run :]


def field_times(process: Process, config: SamplingConfig, grid: torch.Tensor, k: int) -> Times:
    """Times of the fields before step k, each () (after the last for k = steps): see ``config.category_noise``.

    Raises:
        UserError: for a category_noise that is not positive.
    """
    t = grid[k]
    if not 0 < config.category_noise < float("inf"):
        raise UserError(f"category_noise must be above 0, got {config.category_noise}. 1 is as much as positions have.")
    if config.category_noise == 1:
        return Times.same(t)
    rho = process.schedule.rho(t) * config.category_noise
    # Pure noise at first, as it is: told that a part is right, the network would believe it.
    top = torch.full_like(rho, process.config.rho_max)
    rho = top if k == 0 and config.change == 1 else torch.minimum(rho, top)
    apart = process.schedule.time_of(rho)
    return Times(t, apart, apart, apart)


def evaluations(process: Process, config: SamplingConfig) -> int:
    """How often the network is asked in a run: once a step, and once more where the method looks twice.

    Raises:
        UserError: as `time_grid`.
    """
    grid = time_grid(process, config)
    if config.method not in SECOND_LOOKS:
        return len(grid) - 1
    again = SECOND_LOOKS[config.method](process.schedule, grid[:-1], grid[1:]) > 0
    return len(grid) - 1 + int(again.sum())


@torch.no_grad()
def sample(
    denoise: Denoise,
    process: Process,
    given: Molecules,
    condition: Condition,
    draws: Callable[[], Draws],
    config: SamplingConfig,
    watch: Watch | None = None,
    constrain: Constrain | None = None,
    resample: Resample | None = None,
) -> Molecules:
    """From noise to molecules.

    Args:
        denoise: estimates the clean molecule.
        process: noise of the model.
        given: mask of the molecules wanted, and the values of what is known; other values are not looked at, unless
            ``config.change`` is below 1, when sampling begins from these molecules.
        condition: what is known.
        draws: the next random numbers, see `molediff.noise.MoleculeNoise`.
        config: settings.
        watch: called after every step.
        constrain: put on top of the estimate as it is drawn from, with temperature and biases in it.
        resample: asked after every step; only molecules of one size with the same known may take each other's place.

    Raises:
        UserError: for an unknown method or impossible settings.
    """
    method = choose("method", config.method, METHODS)
    arithmetic = choose("precision", config.precision, PRECISIONS)
    grid = time_grid(process, config).to(given.pos)
    drawn = biased(tempered(arithmetic(denoise), config.temperature), config.atom_bias, config.bond_bias)
    problem = Problem(constrain(drawn) if constrain else drawn, process, condition, given, draws, config)

    def times(k: int) -> Times:
        one = field_times(process, config, grid, k)
        return Times(*(t.expand(len(given)) for t in (one.pos, one.atom, one.charge, one.bond)))

    before = None
    state = begin(problem, times(0))
    for k in range(len(grid) - 1):
        state, estimate = method(problem, state, times(k), times(k + 1), before)
        rows = None if resample is None else resample(k, state, estimate)
        if rows is not None:
            state, estimate = take(state, rows), estimate.take(rows)
        before = Before(estimate, times(k))
        # As in training: what the network says, without what guidance and temperature make of it.
        problem = replace(problem, condition=replace(condition, previous=estimate.said or estimate))
        if watch is not None:
            watch(k, state, estimate)
    return state


def begin(problem: Problem, first: Times) -> Molecules:
    """Pure noise; or, where only a part of the steps is run, the given molecules with the noise of that time."""
    draws, process = problem.draws(), problem.process
    if problem.config.change < 1:
        return process.corrupt(problem.given, first, draws, problem.condition)
    return process.prior(first.pos, draws, problem.condition, problem.given)
