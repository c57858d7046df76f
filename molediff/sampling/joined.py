"""Pieces brought together in the late steps: a constraint on the estimate, as `sided` is, not on the network.

Two pieces that are both whole molecules by themselves lie 3 A apart and stay so: nothing in the rest of the run would
bring them together. Where the estimate is in pieces, every piece goes to the nearest atom with room for a bond of a
larger one, at a given position to the side that its own bonds leave free. The bond itself, and where it leads, is left
to the network.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from molediff.noise import Process, Times
from molediff.sampling.forbidden import NEVER
from molediff.sampling.guidance import informed
from molediff.sampling.methods import Denoise
from molediff.structures import Condition, Estimate, Molecules

BELOW = 0.5
"""Largest sigma / alpha at which pieces are brought together, angstrom: before, most estimates are in pieces."""
GIVEN = 1.0
"""The same where positions are given: what stays where it is needs longer to be met (`experiments/fragments`)."""
ABOVE = 0.08
"""Smallest: after, what is brought together has no time left to bond."""
LENGTH = 1.5
"""Distance of the two atoms that should bond, angstrom."""


def joined(denoise: Denoise, process: Process, room: Tensor, most: Tensor) -> Denoise:
    """A denoiser whose late estimates are not left in pieces.

    Args:
        denoise: any.
        process: of its model, for noise levels.
        room: (elements, charges) int64, bond orders that a new atom of each class usually has room for.
        most: the same of known atoms, the largest there is: those at which a bond may begin were said to have room.
    """

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = denoise(noisy, times, condition)
        rho = process.noise(times)  # (B,) angstrom
        below = torch.where(condition.known.pos.any(1), GIVEN, BELOW)
        late = (rho >= ABOVE) & (rho <= below)
        if not bool(late.any()):
            return estimate
        seen = informed(estimate, noisy, condition.known)
        order = seen.bond.argmax(-1) * noisy.pair_mask  # (B, N, N)
        label = pieces(order > 0, noisy.mask)
        apart = late & ((label != label[:, :1]) & noisy.mask).any(1)
        if not bool(apart.any()):
            return estimate
        usual, largest = (table.to(order)[seen.atom.argmax(-1), seen.charge.argmax(-1)] for table in (room, most))
        has_room = order.sum(-1) < torch.where(condition.known.atom, largest, usual)  # (B, N)
        possible = seen.bond[..., 1:].amax(-1) > NEVER / 100  # whatever the temperature made of it
        may = noisy.pair_mask & possible & ~condition.known.bond & has_room[:, None] & has_room[..., None]
        places = landings(estimate.pos, order > 0, condition.known.pos)
        moves = together(estimate.pos, places, label, may, noisy.mask, condition.known.pos) * apart[:, None, None]
        if condition.pocket is None and not bool(condition.known.pos.any()):
            count = noisy.mask.sum(1)[:, None, None]
            moves = (moves - moves.sum(1, keepdim=True) / count) * noisy.mask[..., None]
        return estimate.replace(pos=estimate.pos + moves.to(estimate.pos))

    return wrapped


def pieces(bonded: Tensor, mask: Tensor) -> Tensor:
    """(B, N) the first atom of the piece that each atom is in; of padding itself.

    Args:
        bonded: (B, N, N) bool, symmetric.
        mask: (B, N) bool.
    """
    n = mask.shape[1]
    reach = (bonded & mask[:, None] & mask[..., None]) | torch.eye(n, dtype=torch.bool, device=mask.device)
    for _ in range(max(1, (n - 1).bit_length())):
        reach = torch.bmm(reach.float(), reach.float()) > 0
    return reach.long().argmax(-1)


def landings(pos: Tensor, bonded: Tensor, known: Tensor) -> Tensor:
    """(B, N, N, 3) angstrom: where atom i would come to lie if it went to bond with atom j, `LENGTH` from it.

    On the line between them. At an atom j whose position is given, halfway between that direction and the one that the
    bonds of j leave free: j cannot turn its free side to what comes, and what comes past its neighbours cannot bond.

    Args:
        pos: (B, N, 3) angstrom.
        bonded: (B, N, N) bool, symmetric.
        known: (B, N) bool, positions that stay.
    """
    towards = normalize(pos[:, :, None] - pos[:, None], dim=-1)  # (B, i, j, 3) from j to i
    free = -(towards * bonded[..., None]).sum(1)  # (B, j, 3) away from the bonds of j
    free = normalize(free, dim=-1) * known[..., None]
    return pos[:, None] + LENGTH * normalize(towards + free[:, None], dim=-1)


def together(pos: Tensor, places: Tensor, label: Tensor, may: Tensor, mask: Tensor, known: Tensor) -> Tensor:
    """(B, N, 3) moves, angstrom: each piece goes where it has the shortest way to bond with a larger one.

    Pieces with known positions stay, and count as larger than all others. One that is within a bond's length stays too.

    Args:
        pos: (B, N, 3) angstrom.
        places: (B, N, N, 3) angstrom of `landings`.
        label: (B, N) of `pieces`.
        may: (B, N, N) bool, pairs of atoms that could bond.
        mask: (B, N) bool.
        known: (B, N) bool, positions that stay.
    """
    n = pos.shape[1]
    same = (label[:, :, None] == label[:, None]) & mask[:, None] & mask[..., None]  # (B, N, N)
    fixed = (same & known[:, None]).any(-1)
    size = (same.sum(-1) + n * fixed) * n - label  # (B, N), no two pieces alike
    apart = torch.cdist(pos, pos)
    way = torch.where(known[:, None], LENGTH + (places - pos[:, :, None]).norm(dim=-1), apart)
    way = way.masked_fill(~(may & (size[:, None] > size[..., None])), torch.inf)
    shortest, to = way.min(-1)  # (B, N)
    own = torch.full_like(shortest, torch.inf).scatter_reduce(1, label, shortest, "amin").gather(1, label)
    first = torch.where(shortest == own, torch.arange(n, device=pos.device), n)
    first = torch.full_like(first, n).scatter_reduce(1, label, first, "amin").gather(1, label).clamp(max=n - 1)
    rows = torch.arange(len(pos), device=pos.device)[:, None]
    target = to.gather(1, first)
    goes = torch.isfinite(own) & (apart[rows, first, target] > LENGTH) & ~fixed & mask
    return torch.where(goes[..., None], places[rows, first, target] - pos[rows, first], 0.0)
