"""Sampling methods: which estimates to combine. One a file, listed in `METHODS`."""

from molediff.sampling.methods.churn import churn
from molediff.sampling.methods.ddim import ddim
from molediff.sampling.methods.ddpm import ddpm
from molediff.sampling.methods.heun import heun
from molediff.sampling.methods.multistep import multistep
from molediff.sampling.methods.problem import Before, Denoise, Method, Problem

METHODS: dict[str, Method] = {
    "churn": churn,
    "ddim": ddim,
    "ddpm": ddpm,
    "euler": ddim,
    "heun": heun,
    "dpm++2m": multistep,
}
"""Every method by name; euler and ddim are the same step, the schedule belongs to the model."""

TWICE = {"heun"}
"""Methods that ask the network twice a step, but for the last one."""


def evaluations(method: str, steps: int) -> int:
    """How often the network is asked in a run of so many steps."""
    return 2 * steps - 1 if method in TWICE else steps


__all__ = ["METHODS", "TWICE", "Before", "Denoise", "Method", "Problem", "evaluations"]
