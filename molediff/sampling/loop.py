"""The only loop."""

from __future__ import annotations

from collections.abc import Callable

import torch

from molediff.config import UserError, choose
from molediff.noise import Draws, Process, Times
from molediff.noise.gaussian import arcsin_grid
from molediff.sampling.guidance import tempered
from molediff.sampling.methods import METHODS, Denoise, Problem
from molediff.sampling.precision import PRECISIONS
from molediff.sampling.settings import SamplingConfig
from molediff.structures import Condition, Estimate, Molecules

Watch = Callable[[int, Molecules, Estimate], None]
"""(step, state after it, estimate it was made from)."""


def time_grid(process: Process, config: SamplingConfig) -> torch.Tensor:
    """(steps + 1,) times of the model's schedule, falling to 0; the same noise levels whatever the schedule.

    Raises:
        UserError: for a number of steps below 1 or a start outside the model's range.
    """
    if config.steps < 1:
        raise UserError(f"The number of steps must be at least 1, got {config.steps}. Type for example --steps 50.")
    low, high = process.config.rho_min, config.start or process.config.rho_max
    if not low < high <= process.config.rho_max:
        raise UserError(f"start must lie in ({low}, {process.config.rho_max}], got {config.start}.")
    return process.schedule.time_of(arcsin_grid(config.steps, low, high, config.bend))


@torch.no_grad()
def sample(
    denoise: Denoise,
    process: Process,
    given: Molecules,
    condition: Condition,
    draws: Callable[[], Draws],
    config: SamplingConfig,
    watch: Watch | None = None,
) -> Molecules:
    """From noise to molecules.

    Args:
        denoise: estimates the clean molecule.
        process: noise of the model.
        given: mask of the molecules wanted, and the values of what is known; other values are not looked at.
        condition: what is known.
        draws: the next random numbers, see `molediff.noise.MoleculeNoise`.
        config: settings.
        watch: called after every step.

    Raises:
        UserError: for an unknown method or impossible settings.
    """
    method = choose("method", config.method, METHODS)
    arithmetic = choose("precision", config.precision, PRECISIONS)
    grid = time_grid(process, config).to(given.pos)
    problem = Problem(tempered(arithmetic(denoise), config.temperature), process, condition, given, draws, config)

    def times(k: int) -> Times:
        return Times.same(grid[k].expand(len(given)))

    state = process.prior(given.mask, times(0).pos, draws(), condition, given)
    for k in range(config.steps):
        state, estimate = method(problem, state, times(k), times(k + 1))
        if watch is not None:
            watch(k, state, estimate)
    return state
