"""Variance-preserving cosine schedule."""

from __future__ import annotations

import math

import torch
from torch import Tensor

NAME = "cosine"


def alpha_sigma(t: Tensor) -> tuple[Tensor, Tensor]:
    """alpha = cos(pi t / 2), sigma = sin(pi t / 2) (Nichol & Dhariwal, 2021, in the limit of no offset)."""
    return torch.cos(t * math.pi / 2), torch.sin(t * math.pi / 2)


def time_of(rho: Tensor) -> Tensor:
    """The t at which sigma / alpha = rho."""
    return torch.atan(rho) * 2 / math.pi
