"""Ancestral sampling (Ho et al., 2020)."""

from __future__ import annotations

from molediff.noise import Times
from molediff.sampling.methods.problem import Before, Problem
from molediff.structures import Estimate, Molecules


def ddpm(
    problem: Problem, state: Molecules, at: Times, to: Times, before: Before | None = None
) -> tuple[Molecules, Estimate]:
    """One step by the exact posterior of every field."""
    estimate = problem.denoise(state, at, problem.condition)
    step = problem.process.step
    return step(state, estimate, at, to, problem.draws(), problem.condition, problem.given, eta=1.0), estimate
