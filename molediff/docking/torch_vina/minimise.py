"""Many poses go downhill at once: BFGS in translation, rotation and torsions, each pose with its own line search.

Every evaluation of the batch is a trial step of every pose. A pose whose trial falls enough takes it, updates its own
inverse Hessian and makes a new direction; one whose trial does not, shortens its step. No pose waits for another.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from molediff.docking.torch_vina.torsions import Placement, Torsions

Energy = Callable[[Tensor], tuple[Tensor, Tensor]]
"""(P, 3, H) -> (P,) and its gradient (P, 3, H)."""
ARMIJO = 1e-4
PATIENCE = 4
"""Trials in a row that do not fall before the inverse Hessian is forgotten."""
LONGEST = 1.0
"""Of a trial step, angstrom and radian alike, any component."""


def evaluate(at: Placement, torsions: Torsions, energy: Energy) -> tuple[Tensor, Tensor]:
    """(P,) energy and (P, 6 + T) gradient of poses."""
    frames = torsions.frames(at)
    pos = torsions.atoms(frames)
    e, slope = energy(pos)
    return e, torsions.pull(pos, slope, frames)


def minimise(at: Placement, torsions: Torsions, energy: Energy, evaluations: int) -> tuple[Placement, Tensor]:
    """Relax poses.

    Args:
        at: P poses.
        torsions: of the H atoms that ``energy`` takes.
        energy: of the atoms.
        evaluations: of the whole batch.

    Returns:
        The poses and their energies (P,).
    """
    e, g = evaluate(at, torsions, energy)
    p, d = g.shape
    unit = torch.eye(d, dtype=g.dtype, device=g.device)
    inverse = unit.expand(p, d, d).clone()
    fresh = torch.ones(p, dtype=torch.bool, device=g.device)
    failed = torch.zeros(p, dtype=torch.long, device=g.device)
    step = _bounded(-g * 0.02)
    for _ in range(evaluations):
        trial = at.moved(step)
        e_new, g_new = evaluate(trial, torsions, energy)
        fall = (g * step).sum(-1)  # below 0
        taken = e_new <= e + ARMIJO * fall
        inverse = _updated(inverse, unit, step, g_new - g, taken, fresh)
        fresh = fresh & ~taken
        shrink = (-0.5 * fall / (e_new - e - fall).clamp(min=1e-12)).clamp(0.1, 0.5)  # minimum of the parabola
        at = trial.where(taken, at)
        e, g = torch.where(taken, e_new, e), torch.where(taken[:, None], g_new, g)
        along = -(inverse @ g[..., None])[..., 0]
        uphill = (along * g).sum(-1) >= 0
        along = torch.where(uphill[:, None], -g, along)
        step = torch.where(taken[:, None], _bounded(along), step * shrink[:, None])
        failed = torch.where(taken, 0, failed + 1)
        lost = failed == PATIENCE  # at a kink of the terms the Hessian misleads: begin anew
        inverse = torch.where(lost[:, None, None], unit, inverse)
        fresh, failed = fresh | lost, torch.where(lost, 0, failed)
        step = torch.where(lost[:, None], _bounded(-g * 0.02), step)
    return at, e


def _bounded(step: Tensor) -> Tensor:
    return step * (LONGEST / step.abs().amax(-1, keepdim=True).clamp(min=LONGEST))


def _updated(inverse: Tensor, unit: Tensor, s: Tensor, y: Tensor, taken: Tensor, fresh: Tensor) -> Tensor:
    """The BFGS update of the inverse Hessians where a step was taken and the curvature is positive.

    Args:
        inverse: (P, D, D).
        unit: (D, D) identity.
        s: (P, D) steps.
        y: (P, D) changes of the gradient.
        taken: (P,) bool.
        fresh: (P,) bool, first update: the identity is scaled to the curvature seen.
    """
    sy = (s * y).sum(-1)
    yy = y.pow(2).sum(-1)
    use = taken & (sy > 1e-6 * yy.clamp(min=1e-12).sqrt() * s.norm(dim=-1))
    scale = torch.where(use & fresh, sy / yy.clamp(min=1e-12), torch.ones_like(sy))
    base = torch.where((use & fresh)[:, None, None], scale[:, None, None] * unit, inverse)
    hy = (base @ y[..., None])[..., 0]
    safe = torch.where(use, sy, torch.ones_like(sy))
    factor = (1 + (y * hy).sum(-1) / safe) / safe
    u = s * factor[:, None] - hy / safe[:, None]
    new = base + u[:, :, None] * s[:, None, :] - (s / safe[:, None])[:, :, None] * hy[:, None, :]
    return torch.where(use[:, None, None], new, inverse)
