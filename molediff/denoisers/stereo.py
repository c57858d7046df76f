"""Stereo tags as features: a tag times a signed volume is a true scalar, and its gradient a true vector."""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.geometry import signed_volume
from molediff.structures import Stereo


def volume_features(pos: Tensor, stereo: Stereo) -> tuple[Tensor, Tensor]:
    """How far each centre is from its asked-for handedness, and where its neighbours should move to get there.

    Args:
        pos: (B, N, 3) angstrom.
        stereo: tags of the batch.

    Returns:
        (B, N, 2): whether atom n is a specified centre, and its squashed signed volume in tagged order (positive
        when right); (B, N, 3): the sum over centres of the squashed gradient of that volume at each neighbour.
    """
    b, n, _ = pos.shape
    index = stereo.centre.clamp(min=0).view(b, 4 * n, 1)
    corners = pos.gather(1, index.expand(-1, -1, 3)).view(b, n, 4, 3)
    tagged = (stereo.centre[..., :1] >= 0).to(pos.dtype)  # (B, N, 1)
    p0, p1, p2, p3 = corners.unbind(2)
    volume = signed_volume(p0, p1, p2, p3).unsqueeze(-1)  # (B, N, 1)
    e0, e1, e2 = p0 - p3, p1 - p3, p2 - p3
    g0, g1, g2 = (torch.linalg.cross(u, v, dim=-1) for u, v in ((e1, e2), (e2, e0), (e0, e1)))
    gradient = torch.stack([g0, g1, g2, -(g0 + g1 + g2)], 2)  # (B, N, 4, 3)
    gradient = gradient / (1 + gradient.square().sum(-1, keepdim=True)).sqrt() * tagged.unsqueeze(-1)
    moved = torch.zeros_like(pos).scatter_add(1, index.expand(-1, -1, 3), gradient.view(b, 4 * n, 3))
    squashed = volume / (1 + volume.square()).sqrt() * tagged
    return torch.cat([tagged, squashed], -1), moved
