"""E and Z as asked for, held in the late steps: a constraint on the estimate, not on the network.

The handedness of centres needs no such help: the network is told their signed volumes in every layer. What each makes
wrong is in `experiments/druglike` (conformers, with and without).
"""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.noise import Process, Times
from molediff.sampling.methods import Denoise
from molediff.structures import Condition, Estimate, Molecules

BELOW = 1.5
"""Largest sigma / alpha at which double bonds are turned, angstrom: before, the estimate is a cloud."""
LEAST = 0.8
"""Product of the outer atoms' distances from the axis, with the cosine between them: at least so much for cis, at most
the negative of it for trans, A^2; half of that of a plane bond with neighbours at 1.5 A."""
STEP = 0.3
"""Largest move of an atom in one estimate, angstrom."""


def sided(denoise: Denoise, process: Process) -> Denoise:
    """A denoiser whose estimates have the sides of double bonds that the condition's tags ask for.

    Where the outer atoms lie on the wrong sides, they and the atoms of the bond go along the gradient of that product
    until it is right (one Newton step on the constraint). Known positions stay.

    Args:
        denoise: any.
        process: of its model, for noise levels.
    """

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = denoise(noisy, times, condition)
        rho = process.noise(times)  # (B,) angstrom
        late = (rho > 0) & (rho <= BELOW)
        tags = condition.stereo.cistrans * late[:, None, None]
        if not bool(tags.any()):
            return estimate
        free = (noisy.mask & ~condition.known.pos)[..., None]
        return estimate.replace(pos=estimate.pos + turn(estimate.pos, noisy.bond, tags) * free)

    return wrapped


def turn(pos: Tensor, bond: Tensor, tags: Tensor) -> Tensor:
    """(B, N, 3) moves, angstrom, after which every tagged double bond has its sides, where one step is enough.

    Args:
        pos: (B, N, 3) angstrom.
        bond: (B, N, N) bond orders.
        tags: (B, N, N), 1 where two outer atoms are cis, 2 where trans; see `molediff.structures.Stereo`.
    """
    b, n, _ = pos.shape
    row, first, last = (tags.triu() > 0).nonzero(as_tuple=True)  # (E,)
    inner = (bond[row, first] > 0)[:, :, None] & (bond[row] == 2) & (bond[row, last] > 0)[:, None]  # (E, N, N)
    left, right = inner.flatten(1).long().argmax(1).div(n, rounding_mode="floor"), inner.flatten(1).long().argmax(1) % n
    found = inner.flatten(1).any(1)
    a, x, y, d = (pos[row, k] for k in (first, left, right, last))  # (E, 3)
    axis = torch.nn.functional.normalize(y - x, dim=-1)
    u, w = (v - (v * axis).sum(-1, keepdim=True) * axis for v in (a - x, d - y))
    sign = torch.where(tags[row, first, last] == 1, 1.0, -1.0).to(pos)
    short = (LEAST - sign * (u * w).sum(-1)).clamp(min=0) * found
    size = 2 * (u.square() + w.square()).sum(-1).clamp(min=0.1)
    factor = (short * sign / size)[:, None]
    moves = torch.zeros_like(pos).view(b * n, 3)
    for atom, move in ((first, w), (left, -w), (last, u), (right, -u)):
        moves = moves.index_add(0, row * n + atom, factor * move)
    moves = moves.view(b, n, 3)
    longest = moves.norm(dim=-1).amax(1).clamp(min=1e-9)[:, None, None]
    return moves * (STEP / longest).clamp(max=1)  # all alike, so that the centre of mass stays
