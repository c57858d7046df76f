"""Sampling methods: which estimates to combine. One a file, listed in `METHODS`."""

from molediff.sampling.methods.churn import churn
from molediff.sampling.methods.ddim import ddim
from molediff.sampling.methods.ddpm import ddpm
from molediff.sampling.methods.problem import Denoise, Method, Problem

METHODS: dict[str, Method] = {"churn": churn, "ddim": ddim, "ddpm": ddpm, "euler": ddim}
"""Every method by name; euler and ddim are the same step, the schedule belongs to the model."""

__all__ = ["METHODS", "Denoise", "Method", "Problem"]
