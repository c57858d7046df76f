"""The five terms of Vina's scoring function, pure functions of the surface distance s = d - r_i - r_j (angstrom).

Trott & Olson (2010), table 1 and equations 2-8. Each is worth 0 beyond d = 8 A, which is for the caller to see to.
"""

from __future__ import annotations

import torch
from torch import Tensor

CUTOFF = 8.0
"""Largest distance of two atoms that see each other, angstrom."""
WEIGHTS = {
    "gauss1": -0.035579,
    "gauss2": -0.005156,
    "repulsion": 0.840245,
    "hydrophobic": -0.035069,
    "hbond": -0.587439,
}
"""Weight of each term, kcal/mol (repulsion: kcal/mol/A^2)."""
TORSION_WEIGHT = 0.05846
"""The score is the energy divided by 1 + 0.05846 times the number of rotors."""


def gauss1(s: Tensor) -> Tensor:
    """exp(-(s / 0.5)^2)"""
    return torch.exp(-((s / 0.5) ** 2))


def gauss2(s: Tensor) -> Tensor:
    """exp(-((s - 3) / 2)^2)"""
    return torch.exp(-(((s - 3) / 2) ** 2))


def repulsion(s: Tensor) -> Tensor:
    """s^2 where s < 0"""
    return s.clamp(max=0) ** 2


def hydrophobic(s: Tensor) -> Tensor:
    """1 below 0.5, 0 above 1.5, linear between; for two hydrophobic atoms."""
    return (1.5 - s).clamp(0, 1)


def hbond(s: Tensor) -> Tensor:
    """1 below -0.7, 0 above 0, linear between; for a donor and an acceptor."""
    return (-s / 0.7).clamp(0, 1)


def pair_energy(s: Tensor, both_hydrophobic: Tensor, bonded: Tensor) -> Tensor:
    """The weighted sum of the terms, kcal/mol.

    Args:
        s: (...) surface distance, angstrom.
        both_hydrophobic: (...) bool or 0/1.
        bonded: (...) bool or 0/1, one can donate a hydrogen bond to the other.
    """
    w = WEIGHTS
    return (
        w["gauss1"] * gauss1(s)
        + w["gauss2"] * gauss2(s)
        + w["repulsion"] * repulsion(s)
        + w["hydrophobic"] * hydrophobic(s) * both_hydrophobic
        + w["hbond"] * hbond(s) * bonded
    )
