"""Bonds that cannot be: the estimate says 'none' there, whatever the network said."""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.noise import Times
from molediff.sampling.methods import Denoise
from molediff.structures import Condition, Estimate, Molecules

NEVER = -1e4
"""Logit of a class that cannot be: its probability is 0 at any temperature in use, and finite arithmetic stays so."""


def without_bonds(denoise: Denoise, closed: Tensor, owner: Tensor) -> Denoise:
    """Closed atoms bond to nothing but their own fragment.

    The noisy bonds follow the exact posterior of 'none', so that the network sees what it saw in training: noise over
    a bond that is not there. They are not marked as known, which training does for bonds within a fragment only.

    Args:
        denoise: estimates the clean molecule; the first K atoms of every molecule are the known ones.
        closed: (K,) bool, known atoms at which no new bond may begin.
        owner: (K,) int64, the fragment of each.
    """
    k = len(closed)

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = denoise(noisy, times, condition)
        n, device = noisy.mask.shape[1], noisy.mask.device
        shut = torch.zeros(n, dtype=torch.bool, device=device)
        shut[:k] = closed.to(device)
        piece = torch.full((n,), -1, dtype=torch.long, device=device)
        piece[:k] = owner.to(device)
        same = (piece[:, None] == piece) & (piece >= 0)
        never = (shut[:, None] | shut) & ~same  # (N, N)
        none = torch.full((estimate.bond.shape[-1],), NEVER, dtype=estimate.bond.dtype, device=device)
        none[0] = 0.0
        return estimate.replace(bond=torch.where(never[..., None], none, estimate.bond))

    return wrapped
