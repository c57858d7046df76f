"""Second order by a second look (Karras et al., 2022, algorithm 1), as the one step on a blend of two estimates."""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.noise import NoiseSchedule, Times
from molediff.sampling.methods.problem import Before, Problem
from molediff.structures import Estimate, Molecules

LONGEST = 4.0
"""Steps over which rho falls by more are of first order: there the trapezoid rule blows up what the two estimates
differ by. On the default grid, whose first and last steps are long, it otherwise made nothing valid (measured with
qm9, see experiments/methods)."""


def heun(
    problem: Problem, state: Molecules, at: Times, to: Times, before: Before | None = None
) -> tuple[Molecules, Estimate]:
    """A ddim step, the estimate c' there, then the step anew from ``at`` with c + w (c' - c) in place of c.

    With the rho_t / (2 rho_s) of `second_weight` for w, and rho = sigma / alpha, this is the trapezoid rule in rho.
    Positions only: types, charges and bonds are drawn anew from the exact posterior of c'. The first order, and one
    evaluation, at the ends and in steps longer than LONGEST.
    """
    estimate = problem.denoise(state, at, problem.condition)

    def step(toward: Estimate) -> Molecules:
        draws, process = problem.draws(), problem.process
        return process.step(state, toward, at, to, draws, problem.condition, problem.given, eta=0.0)

    there = step(estimate)
    weight = second_weight(problem.process.schedule, at.pos, to.pos)
    if not bool((weight > 0).any()):
        return there, estimate
    second = problem.denoise(there, to, problem.condition)
    blend = estimate.pos + weight[:, None, None] * (second.pos - estimate.pos)
    return step(second.replace(pos=blend)), second


def second_weight(schedule: NoiseSchedule, t: Tensor, s: Tensor) -> Tensor:
    """(B,) rho_t / (2 rho_s); 0, the first order, where s = 0, alpha_t = 0 or rho_t > LONGEST rho_s."""
    rho_t, rho_s = schedule.rho(t), schedule.rho(s)
    inside = (rho_s > 0) & torch.isfinite(rho_t) & (rho_t <= LONGEST * rho_s * (1 + 1e-9))
    return torch.where(inside, rho_t / (2 * rho_s), torch.zeros_like(rho_t))
