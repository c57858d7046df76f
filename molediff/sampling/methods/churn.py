"""Churn (Karras et al., 2022, algorithm 2 without the second order): a little noise back, then a longer step."""

from __future__ import annotations

import torch

from molediff.noise import Times
from molediff.sampling.methods.ddim import ddim
from molediff.sampling.methods.problem import Before, Problem
from molediff.structures import Estimate, Molecules


def churn(
    problem: Problem, state: Molecules, at: Times, to: Times, before: Before | None = None
) -> tuple[Molecules, Estimate]:
    """Re-corrupt every field to sigma (1 + churn), where sigma lies in [churn_low, churn_high]; then ddim."""
    config, process = problem.config, problem.process

    def later(t: torch.Tensor) -> torch.Tensor:
        rho = process.schedule.rho(t)
        inside = (rho >= config.churn_low) & (rho <= config.churn_high)
        raised = process.schedule.time_of(rho * (1 + config.churn))
        return torch.where(inside, torch.maximum(raised, t), t)

    noisier = Times(later(at.pos), later(at.atom), later(at.charge), later(at.bond))
    state = process.corrupt(state, noisier, problem.draws(), problem.condition, start=at)
    return ddim(problem, state, noisier, to)
