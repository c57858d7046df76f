"""Large rings opened in the late steps: a constraint on the estimate, as `joined` is, not on the network.

A ring of a dozen atoms looks right wherever one looks: its atoms and angles are sound, and only who counts round it
sees that hardly a molecule has one. Where the estimate has a bond that lies in no ring of usual size but in a larger
one, the least sure bond of that ring goes, and its ends part; what is left of the run takes the geometry along.
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

BELOW = 1.0
"""Largest sigma / alpha at which rings are opened, angstrom: before, estimates are no graphs of molecules."""
ABOVE = 0.08
"""Smallest: after, what parts has no time left to find its place."""
APART = 3.0
"""Distance to which the ends part, angstrom."""


def opened(denoise: Denoise, process: Process, largest: int) -> Denoise:
    """A denoiser whose late estimates have no bonds that lie in large rings alone.

    Args:
        denoise: any.
        process: of its model, for noise levels.
        largest: atoms of the largest ring that stays.
    """

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = denoise(noisy, times, condition)
        rho = process.noise(times)  # (B,) angstrom
        late = (rho >= ABOVE) & (rho <= BELOW)
        if not bool(late.any()):
            return estimate
        known, seen = condition.known, informed(estimate, noisy, condition.known)
        bonded = (seen.bond.argmax(-1) > 0) & noisy.pair_mask & late[:, None, None]
        logs = seen.bond.float().log_softmax(-1)
        sure = (logs.amax(-1) - logs[..., 0]).masked_fill(known.bond, torch.inf)
        cut = cuts(bonded, sure, largest)
        if not bool(cut.any()):
            return estimate
        bond = estimate.bond.clone()
        bond[..., 1:] = bond[..., 1:].masked_fill(cut[..., None], NEVER)
        moves = parting(estimate.pos, bonded & ~cut, cut).masked_fill(known.pos[..., None], 0.0)
        if condition.pocket is None and not bool(known.pos.any()):
            count = noisy.mask.sum(1)[:, None, None]
            moves = (moves - moves.sum(1, keepdim=True) / count) * noisy.mask[..., None]
        return estimate.replace(bond=bond, pos=estimate.pos + moves.to(estimate.pos))

    return wrapped


def cuts(bonded: Tensor, sure: Tensor, largest: int) -> Tensor:
    """(B, N, N) bool: bonds to take away until none lies in rings of more than ``largest`` atoms alone.

    One a molecule at a time, the least sure of those that lie in such rings alone.

    Args:
        bonded: (B, N, N) bool, symmetric.
        sure: (B, N, N), infinite for bonds that stay.
        largest: atoms of the largest ring that stays.
    """
    bonded, cut = bonded.clone(), torch.zeros_like(bonded)
    rows = torch.arange(len(bonded), device=bonded.device)
    n = bonded.shape[1]
    while len(rows):
        size = smallest_rings(bonded[rows])
        cost = sure[rows].masked_fill(~(torch.isfinite(size) & (size > largest)), torch.inf)
        cheapest, at = cost.flatten(1).min(1)
        rows, at = rows[torch.isfinite(cheapest)], at[torch.isfinite(cheapest)]
        i, j = at // n, at % n
        for a, b in ((i, j), (j, i)):
            bonded[rows, a, b], cut[rows, a, b] = False, True
    return cut


def smallest_rings(bonded: Tensor) -> Tensor:
    """(B, N, N) atoms of the smallest ring through each bond; infinite for bonds in none, and where there is none.

    Args:
        bonded: (B, N, N) bool, symmetric.
    """
    b, n, _ = bonded.shape
    device = bonded.device
    row, i, j = (bonded & torch.ones(n, n, dtype=torch.bool, device=device).triu(1)).nonzero(as_tuple=True)
    size = torch.full((b, n, n), torch.inf, device=device)
    if not len(row):
        return size
    # Waves of atoms from i, that never come back to it, until j is met; the first wave does not go to j.
    bonds, first = bonded.float(), torch.nn.functional.one_hot(j, n).bool()
    there = torch.nn.functional.one_hot(i, n).bool()
    wave = bonded[row, i] & ~first
    rank = torch.arange(len(row), device=device) - torch.searchsorted(row, row)  # number of the bond in its molecule
    most = int(rank.max()) + 1
    found = torch.full((len(row),), torch.inf, device=device)
    for atoms in range(2, n + 1):
        there |= wave
        met = wave[torch.arange(len(row), device=device), j] & ~torch.isfinite(found)
        found[met] = float(atoms)
        wave = wave & ~torch.isfinite(found)[:, None]
        if not bool(wave.any()):
            break
        packed = torch.zeros(b, most, n, device=device)
        packed[row, rank] = wave.float()
        wave = (torch.bmm(packed, bonds)[row, rank] > 0) & ~there
    size[row, i, j] = found
    size[row, j, i] = found
    return size


def parting(pos: Tensor, bonded: Tensor, cut: Tensor) -> Tensor:
    """(B, N, 3) moves, angstrom, after which the ends of bonds that were cut are `APART`; neighbours go half as far.

    Args:
        pos: (B, N, 3) angstrom.
        bonded: (B, N, N) bool, bonds that stay.
        cut: (B, N, N) bool.
    """
    between = pos[:, :, None] - pos[:, None]  # (B, i, j, 3) from j to i
    away = (APART - between.norm(dim=-1)).clamp(min=0) / 2 * cut
    ends = (normalize(between, dim=-1) * away[..., None]).sum(2)  # (B, N, 3)
    return ends + 0.5 * torch.bmm(bonded.to(ends), ends) * (~cut.any(-1))[..., None]
