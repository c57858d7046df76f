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
            and beyond the last as much more for every order as in the last step; see `molediff.chem.valences`.
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
    logs = tuple(getattr(seen, k).float().log_softmax(-1) for k in ("atom", "charge", "bond"))
    pairs = mask[:, :, None] & mask[:, None] & ~torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    atom, charge, bond = (log.argmax(-1) for log in logs)
    bond = bond * pairs
    stays = known.charge if ions else torch.ones_like(known.charge)
    rows = torch.arange(len(mask), device=mask.device)
    while len(rows):  # molecules in which something may be amiss; every change leaves less
        wrong = wrong_at(amiss, atom[rows], charge[rows], bond[rows].sum(-1)) * mask[rows]
        some = wrong.any(1)
        rows, wrong = rows[some], wrong[some]
        if not len(rows):
            break
        now = (atom[rows], charge[rows], bond[rows])
        free = (~known.atom[rows], ~stays[rows], pairs[rows] & ~known.bond[rows])
        *then, changed = mended(tuple(log[rows] for log in logs), now, wrong, free, amiss)
        atom[rows], charge[rows], bond[rows] = then
        rows = rows[changed]
    return atom, charge, bond


def mended(
    logs: tuple[Tensor, ...], now: tuple[Tensor, ...], wrong: Tensor, free: tuple[Tensor, ...], amiss: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One change to each of A molecules: classes of atoms, charges and bonds, and (A,) whether there was one.

    Args:
        logs: log-probabilities of atoms (A, N, E), charges (A, N, Q) and bonds (A, N, N, K).
        now: classes (A, N), (A, N), (A, N, N).
        wrong: (A, N) of `wrong_at`.
        free: bool, of the shapes of ``now``, what may change.
        amiss: (elements E, charges Q, sums) int64.
    """
    (atom_log, charge_log, bond_log), (atom, charge, bond) = logs, now
    n, (elements, charges, sums), device = atom.shape[1], amiss.shape, atom.device
    batch, total = torch.arange(len(atom), device=device), bond.sum(-1)  # (A,), (A, N)
    mends = [wrong - wrong_at(amiss, atom, charge, total + step) for step in STEPS]
    costs = [cost(bond_log, bond, *each, free[2]) for each in zip(STEPS, mends, strict=True)]
    by_bond = torch.stack(costs, 1).flatten(1)  # (A, 2 N N)
    both = atom_log[..., :, None] + charge_log[..., None, :]  # (A, N, E, Q)
    fits = amiss[:, :, total.clamp(max=sums - 1)].permute(2, 3, 0, 1) == 0  # (A, N, E, Q); none at the last sum
    here = both[batch[:, None], torch.arange(n, device=device), atom, charge]  # (A, N)
    kinds, signs = torch.arange(elements, device=device), torch.arange(charges, device=device)
    may = fits & (wrong > 0)[..., None, None] & (both > NEVER / 2)
    may &= (free[0][..., None] | (kinds == atom[..., None]))[..., :, None]
    may &= (free[1][..., None] | (signs == charge[..., None]))[..., None, :]
    lost = (here[..., None, None] - both) / wrong.clamp(min=1)[..., None, None]
    by_atom = lost.masked_fill(~may, torch.inf).flatten(1)  # (A, N E Q)
    (cost_b, at_b), (cost_a, at_a) = by_bond.min(1), by_atom.min(1)
    step, relabel = (cost_b <= cost_a) & torch.isfinite(cost_b), cost_a < cost_b
    i, j = at_b // n % n, at_b % n
    change = torch.tensor(STEPS, device=device)[at_b // (n * n)] * step
    bond[batch, i, j] = bond[batch, i, j] + change
    bond[batch, j, i] = bond[batch, i, j]
    k, which = at_a // (elements * charges), at_a % (elements * charges)
    atom[batch, k] = torch.where(relabel, which // charges, atom[batch, k])
    charge[batch, k] = torch.where(relabel, which % charges, charge[batch, k])
    return atom, charge, bond, step | relabel


def wrong_at(amiss: Tensor, atom: Tensor, charge: Tensor, total: Tensor) -> Tensor:
    """(B, N) by how many bonds atoms are wrong at these sums of orders."""
    last = amiss.shape[-1] - 1
    beyond = (total - last).clamp(min=0) * (amiss[atom, charge, last] - amiss[atom, charge, last - 1])
    return amiss[atom, charge, total.clamp(0, last)] + beyond


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
