"""Valences kept in the late steps: a constraint on the estimate, as `joined` is, not on the network.

Classes are drawn site by site: of two bonds at an atom either may be the double one, but not both, and now and then
both are drawn so. Where the most likely classes give an atom more bonds than it has room for, what is least sure among
them gives way, the order of a bond or the atom's element and charge, and the rest of the run takes the geometry along.
"""

from __future__ import annotations

import torch
from torch import Tensor

from molediff.noise import Process, Times
from molediff.sampling.forbidden import NEVER
from molediff.sampling.guidance import SURE, informed
from molediff.sampling.methods import Denoise
from molediff.structures import Condition, Estimate, Known, Molecules

BELOW = 0.5
"""Largest sigma / alpha at which valences are kept, angstrom: before, most estimates break some."""


def within_valence(denoise: Denoise, process: Process, room: Tensor, last: float) -> Denoise:
    """A denoiser whose late estimates give no atom more bonds than it has room for.

    At the last look what it says is certain: classes that are each likely, drawn apart, may not fit together.

    Args:
        denoise: any.
        process: of its model, for noise levels.
        room: (elements, charges) int64, the largest sum of bond orders of an atom of each class.
        last: sigma / alpha of the last look, in units of the coordinate scale.
    """

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = denoise(noisy, times, condition)
        rho = process.schedule.rho(times.pos)  # (B,)
        late = rho * process.config.scale <= BELOW
        if not bool(late.any()):
            return estimate
        mask = noisy.mask & late[:, None]
        seen = informed(estimate, noisy, condition.known)
        atom, charge, bond = fitting(seen, mask, condition.known, room.to(mask.device))
        sure = (rho <= last * (1 + 1e-6))[:, None] & mask
        moved = ((atom != seen.atom.argmax(-1)) | (charge != seen.charge.argmax(-1))) & mask
        either = sure | moved
        pairs = sure[:, :, None] & sure[:, None]
        capped = torch.arange(estimate.bond.shape[-1], device=mask.device) > bond[..., None]
        lowered = (bond < seen.bond.argmax(-1))[..., None] & capped & (mask[:, :, None] & mask[:, None])[..., None]
        orders = estimate.bond.masked_fill(lowered, NEVER)
        return estimate.replace(
            atom=certain(estimate.atom, atom, either),
            charge=certain(estimate.charge, charge, either),
            bond=certain(orders, bond, pairs),
        )

    return wrapped


def certain(logits: Tensor, classes: Tensor, where: Tensor) -> Tensor:
    """Logits that leave no doubt of the classes, at some sites."""
    sure = torch.nn.functional.one_hot(classes, logits.shape[-1]).to(logits) * SURE
    return torch.where(where[..., None], sure, logits)


def fitting(seen: Estimate, mask: Tensor, known: Known, room: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Classes of atoms (B, N), charges (B, N) and bonds (B, N, N): the most likely, changed where an atom is too full.

    One change at a time to each molecule, the one that costs least of the log-probability for every bond too many: a
    bond is lowered by one order, or an atom becomes another that has the room. What is known stays.

    Args:
        seen: logits, those of what is known as certain as can be.
        mask: (B, N) bool, atoms to look at.
        known: what stays.
        room: (elements, charges) int64.
    """
    atom_log, charge_log, bond_log = (getattr(seen, k).float().log_softmax(-1) for k in ("atom", "charge", "bond"))
    atom, charge = atom_log.argmax(-1), charge_log.argmax(-1)
    n = mask.shape[1]
    pairs = mask[:, :, None] & mask[:, None] & ~torch.eye(n, dtype=torch.bool, device=mask.device)
    bond = bond_log.argmax(-1) * pairs
    both = atom_log[..., :, None] + charge_log[..., None, :]  # (B, N, E, Q)
    fixed = (known.atom | known.charge)[..., None, None]
    batch = torch.arange(len(mask), device=mask.device)
    while True:  # every pass takes a bond's order away, or gives an atom room that it keeps
        total = bond.sum(-1)  # (B, N)
        excess = (total - room[atom, charge]).clamp(min=0) * mask
        over = excess > 0
        drop = bond_log.gather(-1, bond[..., None]) - bond_log.gather(-1, (bond - 1).clamp(min=0)[..., None])
        relieves = over[:, :, None].float() + over[:, None].float()  # (B, N, N)
        lowers = (bond > 0) & ~known.bond & (relieves > 0)
        by_bond = (drop[..., 0] / relieves.clamp(min=1)).masked_fill(~lowers, torch.inf).flatten(1)  # (B, N N)
        fits = (room >= total[..., None, None]) & ~fixed & over[..., None, None]  # (B, N, E, Q)
        now = atom_log.gather(-1, atom[..., None]) + charge_log.gather(-1, charge[..., None])  # (B, N, 1)
        lost = (now[..., None] - both) / excess.clamp(min=1)[..., None, None]
        by_atom = lost.masked_fill(~fits, torch.inf).flatten(1)  # (B, N E Q)
        (cost_b, at_b), (cost_a, at_a) = by_bond.min(1), by_atom.min(1)
        lower = (cost_b <= cost_a) & torch.isfinite(cost_b)
        relabel = cost_a < cost_b
        if not bool((lower | relabel).any()):
            return atom, charge, bond
        i, j = at_b // n, at_b % n
        bond[batch, i, j] = bond[batch, i, j] - lower.long()
        bond[batch, j, i] = bond[batch, i, j]
        classes, charges = room.shape
        k, which = at_a // (classes * charges), at_a % (classes * charges)
        atom[batch, k] = torch.where(relabel, which // charges, atom[batch, k])
        charge[batch, k] = torch.where(relabel, which % charges, charge[batch, k])
