"""Straight lines from noise to data: flow matching."""

from __future__ import annotations

from torch import Tensor

NAME = "straight"


def alpha_sigma(t: Tensor) -> tuple[Tensor, Tensor]:
    """alpha = 1 - t, sigma = t (Lipman et al., 2023, optimal-transport path with t reversed)."""
    return 1 - t, t


def time_of(rho: Tensor) -> Tensor:
    """The t at which sigma / alpha = rho."""
    return rho / (1 + rho)
