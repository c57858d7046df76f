"""DPM-Solver++(2M): second order by looking back (Lu et al., 2022, arXiv:2211.01095, algorithm 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.noise import NoiseSchedule, Times
from molediff.sampling.methods.problem import Before, Problem
from molediff.structures import Estimate, Molecules


def multistep(
    problem: Problem, state: Molecules, at: Times, to: Times, before: Before | None = None
) -> tuple[Molecules, Estimate]:
    """A ddim step with c + w (c - c_old) in place of c, w = 1 / (2 r) of `back_weight`.

    Positions only: types, charges and bonds take the exact posterior of c. The first order where there is no c_old.
    """
    estimate = problem.denoise(state, at, problem.condition)
    toward = estimate
    if before is not None:
        weight = back_weight(problem.process.schedule, before.times.pos, at.pos, to.pos)[:, None, None]
        toward = estimate.replace(pos=estimate.pos + weight * (estimate.pos - before.estimate.pos))
    step = problem.process.step
    return step(state, toward, at, to, problem.draws(), problem.condition, problem.given, eta=0.0), estimate


def back_weight(schedule: NoiseSchedule, old: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """(B,) 1 / (2 r), r = (lambda_t - lambda_old) / (lambda_s - lambda_t), lambda = ln(alpha / sigma).

    0, the first order, where s = 0, or where alpha = 0 at t or before.
    """
    rho_old, rho_t, rho_s = (schedule.rho(time) for time in (old, t, s))
    inside = (rho_s > 0) & torch.isfinite(rho_old) & (rho_old > rho_t)
    r = (rho_old / rho_t).log() / (rho_t / rho_s).log()
    return torch.where(inside, 1 / (2 * r), torch.zeros_like(r))
