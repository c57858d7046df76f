"""Which atoms send messages to which: a radius graph with bonds, on padded batches, in plain torch; and the frame."""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.geometry import masked_mean
from molediff.structures import Condition


@torch.compiler.disable
@torch.no_grad()
def radius_edges(pos: Tensor, pair_mask: Tensor, radius: float, linked: Tensor) -> tuple[Tensor, Tensor]:
    """Directed edges between atoms nearer than a radius or linked, both directions of each.

    The number of edges depends on the values, so a compiled network breaks here and goes on behind it.

    Args:
        pos: (B, N, 3) angstrom.
        pair_mask: (B, N, N) bool, pairs of two different atoms that are there.
        radius: angstrom; 0 for links alone.
        linked: (B, N, N) bool, symmetric, pairs that have an edge however far they are.

    Returns:
        (2, E) int64, sender and receiver as places in the flattened batch (B * N), ordered by receiver; (E,) weight
        in the dtype of ``pos``: 1 for links, else (1 + cos(pi d / radius)) / 2, which fades to 0 at the radius, so
        that nothing jumps when an atom crosses it (Behler and Parrinello, 2007, eq. 3).
    """
    n = pos.shape[1]
    # the matrix form of cdist loses small distances
    d = torch.cdist(pos, pos, compute_mode="donot_use_mm_for_euclid_dist")
    linked = linked & pair_mask
    molecule, receiver, sender = (((d < radius) & pair_mask) | linked).nonzero(as_tuple=True)
    fade = 0.5 * (1 + torch.cos(torch.pi * (d[molecule, receiver, sender] / max(radius, 1e-9)).clamp(max=1)))
    weight = torch.where(linked[molecule, receiver, sender], torch.ones_like(fade), fade)
    return torch.stack([molecule * n + sender, molecule * n + receiver]), weight


def free_centre(y: Tensor, mask: Tensor, condition: Condition) -> Tensor:
    """The estimate of molecules that nothing anchors, moved to the origin; padding becomes zero.

    Molecules with a known position, and all molecules in pockets, stay where they are: their frame is given.

    Args:
        y: (B, N, 3) angstrom.
        mask: (B, N) bool.
        condition: says what is known.
    """
    anchored = condition.known.pos.any(1)[:, None, None] | (condition.pocket is not None)
    return torch.where(anchored, y, y - masked_mean(y, mask)) * mask.unsqueeze(-1)
