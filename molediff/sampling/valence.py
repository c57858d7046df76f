"""Valences kept in the late steps: a constraint on the estimate, as `joined` is, not on the network.

Classes are drawn site by site: of two bonds at an atom either may be the double one, but not both, and now and then
both are drawn so. Where the most likely classes give an atom bonds that it cannot have, what is least sure among them
gives way, the order of a bond or the atom's element and charge, and what is left of the run takes the geometry along.
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
STEPS = (-1, 1)
"""What a bond's order may change by at once."""


def within_valence(denoise: Denoise, process: Process, amiss: Tensor, ions: bool, last: float) -> Denoise:
    """A denoiser whose late estimates give atoms the bonds that they can have.

    At the last look what it says is certain: classes that are each likely, drawn apart, may not fit together.

    Args:
        denoise: any.
        process: of its model, for noise levels.
        amiss: (elements, charges, sums) int64, by how many bonds an atom of each class is wrong at each sum of orders,
            and by one more for every order beyond the last; see `molediff.chem.valences`.
        ions: whether an atom may get another charge.
        last: sigma / alpha of the last look, in units of the coordinate scale.
    """

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = denoise(noisy, times, condition)
        rho = process.schedule.rho(times.pos)  # (B,)
        final = rho <= last * (1 + 1e-4)
        late = final | (rho * process.config.scale <= BELOW)
        if not bool(late.any()):
            return estimate
        mask = noisy.mask & late[:, None]
        seen = informed(estimate, noisy, condition.known)
        atom, charge, bond = fitting(seen, mask, condition.known, amiss.to(mask.device), ions)
        sure = final[:, None] & mask
        either = sure | ((atom != seen.atom.argmax(-1)) | (charge != seen.charge.argmax(-1))) & mask
        pairs, was = mask[:, :, None] & mask[:, None], seen.bond.argmax(-1)
        orders = torch.arange(estimate.bond.shape[-1], device=mask.device)
        beyond = ((bond < was)[..., None] & (orders > bond[..., None])) | (
            (bond > was)[..., None] & (orders < bond[..., None])
        )
        return estimate.replace(
            atom=certain(estimate.atom, atom, either),
            charge=certain(estimate.charge, charge, either),
            bond=certain(estimate.bond.masked_fill(beyond & pairs[..., None], NEVER), bond, pairs & sure[:, None]),
        )

    return wrapped


def certain(logits: Tensor, classes: Tensor, where: Tensor) -> Tensor:
    """Logits that leave no doubt of the classes, at some sites."""
    sure = torch.nn.functional.one_hot(classes, logits.shape[-1]).to(logits) * SURE
    return torch.where(where[..., None], sure, logits)


def fitting(
    seen: Estimate, mask: Tensor, known: Known, amiss: Tensor, ions: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Classes of atoms (B, N), charges (B, N) and bonds (B, N, N): the most likely, changed where atoms do not fit.

    One change at a time to each molecule, of those that mend more than they break the one that costs least of the
    log-probability for what it mends: a bond becomes one order less, or (where there is one) more, or an atom becomes
    another that fits. What is known stays, and what is ruled out (`NEVER`) does not come. Where hydrogens are implied
    only bonds too many are amiss, and are always mended if nothing is known; else some molecules have no such change
    left, and stay as they are.

    Args:
        seen: logits, those of what is known as certain as can be.
        mask: (B, N) bool, atoms to look at.
        known: what stays.
        amiss: (elements, charges, sums) int64.
        ions: whether an atom may get another charge.
    """
    atom_log, charge_log, bond_log = (getattr(seen, k).float().log_softmax(-1) for k in ("atom", "charge", "bond"))
    atom, charge = atom_log.argmax(-1), charge_log.argmax(-1)
    n, (elements, charges, sums) = mask.shape[1], amiss.shape
    pairs = mask[:, :, None] & mask[:, None] & ~torch.eye(n, dtype=torch.bool, device=mask.device)
    bond = bond_log.argmax(-1) * pairs
    both = atom_log[..., :, None] + charge_log[..., None, :]  # (B, N, E, Q)
    kinds, signs = torch.arange(elements, device=mask.device), torch.arange(charges, device=mask.device)
    stays = known.charge if ions else torch.ones_like(known.charge)
    batch = torch.arange(len(mask), device=mask.device)
    while True:  # every change leaves less amiss
        total = bond.sum(-1)  # (B, N)
        wrong = wrong_at(amiss, atom, charge, total) * mask
        if not bool(wrong.any()):
            return atom, charge, bond
        mends = [wrong - wrong_at(amiss, atom, charge, total + step) for step in STEPS]
        costs = [cost(bond_log, bond, *each, pairs & ~known.bond) for each in zip(STEPS, mends, strict=True)]
        by_bond = torch.stack(costs, 1).flatten(1)  # (B, 2 N N)
        fits = amiss[:, :, total.clamp(max=sums - 1)].permute(2, 3, 0, 1) == 0  # (B, N, E, Q); none at the last sum
        now = both[batch[:, None], torch.arange(n, device=mask.device), atom, charge]  # (B, N)
        lost = (now[..., None, None] - both) / wrong.clamp(min=1)[..., None, None]
        may = fits & (wrong > 0)[..., None, None] & (both > NEVER / 2)
        may &= ~(known.atom[..., None] & (kinds != atom[..., None]))[..., :, None]
        may &= ~(stays[..., None] & (signs != charge[..., None]))[..., None, :]
        by_atom = lost.masked_fill(~may, torch.inf).flatten(1)  # (B, N E Q)
        (cost_b, at_b), (cost_a, at_a) = by_bond.min(1), by_atom.min(1)
        step, relabel = (cost_b <= cost_a) & torch.isfinite(cost_b), cost_a < cost_b
        if not bool((step | relabel).any()):
            return atom, charge, bond
        i, j = at_b // n % n, at_b % n
        change = torch.tensor(STEPS, device=mask.device)[at_b // (n * n)] * step
        bond[batch, i, j] = bond[batch, i, j] + change
        bond[batch, j, i] = bond[batch, i, j]
        k, which = at_a // (elements * charges), at_a % (elements * charges)
        atom[batch, k] = torch.where(relabel, which // charges, atom[batch, k])
        charge[batch, k] = torch.where(relabel, which % charges, charge[batch, k])


def wrong_at(amiss: Tensor, atom: Tensor, charge: Tensor, total: Tensor) -> Tensor:
    """(B, N) by how many bonds atoms are wrong at these sums of orders."""
    last = amiss.shape[-1] - 1
    return amiss[atom, charge, total.clamp(0, last)] + (total - last).clamp(min=0)


def cost(bond_log: Tensor, bond: Tensor, step: int, mends: Tensor, free: Tensor) -> Tensor:
    """(B, N, N) log-probability lost for what is mended by another order; infinite where nothing is, or nothing may.

    Args:
        bond_log: (B, N, N, K)
        bond: (B, N, N) orders now; a bond that is not there is not made.
        step: change of the order.
        mends: (B, N) what that mends at each of the two atoms; negative where it breaks.
        free: (B, N, N) bool, bonds that may change.
    """
    new = (bond + step).clamp(0, bond_log.shape[-1] - 1)
    now, then = (bond_log.gather(-1, order[..., None])[..., 0] for order in (bond, new))
    mended = (mends[:, :, None] + mends[:, None]).float()
    may = free & (bond > 0) & (new != bond) & (mended > 0) & (then > NEVER / 2)
    return ((now - then) / mended.clamp(min=1)).masked_fill(~may, torch.inf)
