"""Preconditioning of coordinates (Karras et al., 2022, table 1), with one noise level for every atom."""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.structures import Condition, Levels

LEVEL_FEATURES = 12
"""Length of `level_features`."""


def atom_rho(levels: Levels, condition: Condition) -> Tensor:
    """(B, N, 1) sigma / alpha of each atom in angstrom: 0 where the position is known."""
    return (levels.pos[:, None] * ~condition.known.pos).unsqueeze(-1)


def c_skip(rho: Tensor, scale: float) -> Tensor:
    """Share of the noisy position in the estimate: 1 at rho = 0, so that known atoms stay where they are."""
    return scale**2 / (rho**2 + scale**2)


def c_out(rho: Tensor, scale: float) -> Tensor:
    """Size of the network's correction, angstrom: 0 at rho = 0."""
    return rho * scale / (rho**2 + scale**2).sqrt()


def c_in(rho: Tensor, scale: float) -> Tensor:
    """Factor, in 1 / angstrom, that brings noisy distances to order 1. Applied to features, never to positions."""
    return 1 / (rho**2 + scale**2).sqrt()


def level_features(levels: Levels, rho: Tensor, scale: float, sizes: Tensor) -> Tensor:
    """(B, N, 12) what an atom is told of the noise: its own log level, the rates, the size of its molecule.

    Args:
        levels: noise levels of the batch.
        rho: (B, N, 1) of each atom, angstrom.
        scale: coordinate scale, angstrom.
        sizes: (B,) atoms.
    """
    log_rho = (rho / scale).clamp(min=1e-4).log() / 4  # (B, N, 1)
    waves = [log_rho, torch.sin(log_rho * 4), torch.cos(log_rho * 4), torch.sin(log_rho * 8), torch.cos(log_rho * 8)]
    rates = torch.stack([levels.atom, levels.charge, levels.bond], -1)  # (B, 3)
    log_size = (sizes.to(rates) / 18).log()[:, None]
    flat = torch.cat([rates, rates.square(), log_size], -1)  # (B, 7)
    return torch.cat([*waves, flat[:, None].expand(-1, rho.shape[1], -1)], -1)
