"""Geometry on padded batches of points. All functions are pure; positions are in angstrom."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over the atoms that are there.

    Args:
        x: (B, N, D).
        mask: (B, N) bool.

    Returns:
        (B, 1, D); zero where a molecule has no such atom.
    """
    weight = mask.to(x.dtype).unsqueeze(-1)  # (B, N, 1)
    return (x * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp(min=1)


def centre(x: Tensor, mask: Tensor) -> Tensor:
    """Move each molecule's centroid to the origin; padding becomes zero.

    Args:
        x: (B, N, 3).
        mask: (B, N) bool.
    """
    return (x - masked_mean(x, mask)) * mask.to(x.dtype).unsqueeze(-1)


def centre_on(x: Tensor, mask: Tensor, anchor: Tensor) -> Tensor:
    """Move the centroid of some atoms to the origin; molecules without any of them stay where they are, bit for bit.

    Args:
        x: (B, N, 3).
        mask: (B, N) bool, atoms that are there.
        anchor: (B, N) bool, the atoms whose centroid becomes the origin.
    """
    moved = (x - masked_mean(x, anchor)) * mask.to(x.dtype).unsqueeze(-1)
    return torch.where(anchor.any(1)[:, None, None], moved, x)


def signed_volume(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """(a - d) . ((b - d) x (c - d)), six times the signed volume of a tetrahedron, in cubic angstrom.

    It keeps its value under rotation and translation, and changes sign under reflection or when two corners swap.

    Args:
        a, b, c, d: (..., 3).

    Returns:
        (...,)
    """
    return ((a - d) * torch.linalg.cross(b - d, c - d, dim=-1)).sum(-1)


def random_rotations(count: int, generator: torch.Generator | None = None, dtype=torch.float32) -> Tensor:
    """Uniformly distributed proper rotation matrices, from unit quaternions (Shoemake, 1992): for tests of symmetry.

    Args:
        count: matrices.
        generator: of the random numbers; torch's own when None.
        dtype: of the matrices.

    Returns:
        (count, 3, 3)
    """
    q = torch.randn(count, 4, generator=generator, dtype=dtype)
    w, x, y, z = (q / q.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)], -1),
        torch.stack([2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)], -1),
        torch.stack([2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)], -1),
    ]
    return torch.stack(rows, -2)
