"""The radial basis that networks see distances in."""

from __future__ import annotations

import torch
from torch import Tensor

RADII = (0.8, 0.95, 1.1, 1.25, 1.4, 1.55, 1.7, 1.9, 2.1, 2.3, 2.5, 2.75, 3.0, 3.3, 3.7, 4.2, 5.0, 6.0, 7.5, 9.0)
"""Centres, angstrom: dense where bonds and angles are."""
LOWEST = -80.0
"""Exponents below this are raised to it: 1e-35 is as good as 0, and where the result would not be a normal float32 exp
takes several times as long."""


def radial(d: Tensor) -> Tensor:
    """(..., 1) angstrom to (..., len(RADII)): Gaussians as wide as the gap to the next centre."""
    centres = torch.tensor(RADII, dtype=d.dtype, device=d.device)
    width = torch.gradient(centres)[0]
    return torch.exp((-(((d - centres) / width) ** 2)).clamp(min=LOWEST))
