"""Deterministic in positions: DDIM (Song et al., 2021), Euler on straight lines (Lipman et al., 2023)."""

from __future__ import annotations

from molediff.noise import Times
from molediff.sampling.methods.problem import Before, Problem
from molediff.structures import Estimate, Molecules


def ddim(
    problem: Problem, state: Molecules, at: Times, to: Times, before: Before | None = None
) -> tuple[Molecules, Estimate]:
    """One step with no fresh Gaussian noise; categories are drawn from their posterior."""
    estimate = problem.denoise(state, at, problem.condition)
    step = problem.process.step
    return step(state, estimate, at, to, problem.draws(), problem.condition, problem.given, eta=0.0), estimate
