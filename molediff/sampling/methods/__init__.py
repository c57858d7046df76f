"""Sampling methods: which estimates to combine. One a file, listed in `METHODS`."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from molediff.noise import NoiseSchedule
from molediff.sampling.methods.churn import churn
from molediff.sampling.methods.ddim import ddim
from molediff.sampling.methods.ddpm import ddpm
from molediff.sampling.methods.heun import heun, second_weight
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

SECOND_LOOKS: dict[str, Callable[[NoiseSchedule, Tensor, Tensor], Tensor]] = {"heun": second_weight}
"""Methods that ask the network twice in a step: (schedule, t, s) -> a positive number where they do."""

__all__ = ["METHODS", "SECOND_LOOKS", "Before", "Denoise", "Method", "Problem"]
