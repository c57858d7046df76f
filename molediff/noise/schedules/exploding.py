"""Variance-exploding schedule of Karras et al., 2022."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NAME = "exploding"
SIGMA_MIN = 1e-3
SIGMA_MAX = 80.0


def alpha_sigma(t: Tensor) -> tuple[Tensor, Tensor]:
    """alpha = 1; sigma runs geometrically from SIGMA_MIN (t -> 0+) to SIGMA_MAX (t = 1), and is 0 at t = 0 itself."""
    sigma = SIGMA_MIN * torch.exp(t * math.log(SIGMA_MAX / SIGMA_MIN))
    return torch.ones_like(t), torch.where(t > 0, sigma, torch.zeros_like(sigma))


def time_of(rho: Tensor) -> Tensor:
    """The t at which sigma = rho; 0 for rho = 0."""
    t = torch.log(rho.clamp(min=SIGMA_MIN) / SIGMA_MIN) / math.log(SIGMA_MAX / SIGMA_MIN)
    return torch.where(rho > 0, t, torch.zeros_like(t))
