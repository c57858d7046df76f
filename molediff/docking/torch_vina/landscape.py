"""Energies with their gradients in Cartesian coordinates, as the search wants them: (P, 3, H) in, no autograd.

`MapEnergy` reads maps and tables (fast, float32); `ExactEnergy` differentiates the exact pairs (slow, smooth).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molediff.docking.torch_vina.energy import (
    CURL,
    STEPS,
    LigandTerms,
    Pairs,
    ReceptorTerms,
    intermolecular,
    intramolecular,
)
from molediff.docking.torch_vina.maps import ENTRIES, Maps

WALL = 20.0
"""Pull back into the box during the search, kcal/mol/A."""


class MapEnergy:
    """Inter- and intramolecular energy of a ligand's H heavy atoms from maps."""

    def __init__(self, maps: Maps, ligand: LigandTerms):
        device = maps.corner.device
        types = ligand.types[ligand.heavy].tolist()
        kinds = sorted(set(types))
        self.table = maps.table(kinds)  # (kinds * cells, 8)
        self.spacing = maps.spacing
        self.corner = maps.corner.float()[:, None]  # (3, 1)
        self.last = torch.tensor([n - 1 for n in maps.shape], device=device).float()[:, None]  # cells
        x, y, z = (n - 1 for n in maps.shape)
        self.stride = (y * z, z)
        self.row = torch.tensor([kinds.index(t) * x * y * z for t in types], device=device)  # (H,)
        self._internal(ligand, device)

    def _internal(self, ligand: LigandTerms, device) -> None:
        """A table of pair energies and slopes by class of pair, and who is in which pair."""
        place = {int(a): i for i, a in enumerate(ligand.heavy)}
        ends = torch.tensor([[place[int(a)] for a in p] for p in ligand.pairs], dtype=torch.long).reshape(-1, 2)
        self.incidence = torch.zeros(len(place), len(ends))  # (H, K)
        k = torch.arange(len(ends))
        self.incidence[ends[:, 0], k], self.incidence[ends[:, 1], k] = 1.0, -1.0
        self.incidence = self.incidence.to(device)
        types = ligand.types[ligand.pairs].sort(1).values  # (K, 2)
        classes, which = types.unique(dim=0, return_inverse=True)
        self.pair_row = (which * ENTRIES).to(device)
        energy = _smooth(classes[:, 0], classes[:, 1])  # (C, entries + 1)
        step = 1 / STEPS
        slope = torch.gradient(energy, spacing=step, dim=1)[0]
        packed = [energy[:, :-1], energy.diff(dim=1), slope[:, :-1], slope.diff(dim=1)]
        self.pair_table = torch.stack(packed, -1).flatten(0, 1).float().to(device)  # (C * entries, 4)

    def __call__(self, pos: Tensor, cap: float = CURL) -> tuple[Tensor, Tensor]:
        """Energy and gradient.

        Args:
            pos: (P, 3, H) float32, angstrom.
            cap: no atom or pair is worse than this, kcal/mol; low values let atoms through one another.

        Returns:
            (P,) kcal/mol, (P, 3, H).
        """
        energy, gradient = self.inter(pos, cap)
        if len(self.pair_row):
            own, slope = self.intra(pos, cap)
            energy, gradient = energy + own, gradient + slope
        return energy, gradient

    def inter(self, pos: Tensor, cap: float) -> tuple[Tensor, Tensor]:
        """Of the maps, with a wall round the box."""
        u = (pos - self.corner) / self.spacing
        inside = torch.minimum(u.clamp(min=0), self.last)
        beyond = (u - inside) * self.spacing  # (P, 3, H)
        cell = torch.minimum(inside.floor(), self.last - 1)
        x, y, z = (inside - cell).unbind(1)  # (P, H)
        i, j, k = cell.long().unbind(1)
        row = i * self.stride[0] + j * self.stride[1] + k + self.row
        c = self.table.index_select(0, row.flatten()).T.contiguous().unflatten(1, x.shape)  # (8, P, H)
        # e = (c0 + c1 x) + y (c2 + c4 x) + z ((c3 + c5 x) + y (c6 + c7 x))
        floor, ramp, lift, twist = c[0] + c[1] * x, c[2] + c[4] * x, c[3] + c[5] * x, c[6] + c[7] * x
        e = floor + y * ramp + z * (lift + y * twist)
        slope = torch.stack(
            [c[1] + y * c[4] + z * (c[5] + y * c[7]), ramp + z * twist, lift + y * twist], 1
        ) / self.spacing  # fmt: skip
        e, factor = _capped(e, cap)
        out = beyond != 0
        slope = torch.where(out, WALL * beyond.sign(), slope * factor[:, None])
        return e.sum(-1) + WALL * beyond.abs().sum((1, 2)), slope

    def intra(self, pos: Tensor, cap: float) -> tuple[Tensor, Tensor]:
        """Of the ligand's own pairs."""
        apart = pos @ self.incidence  # (P, 3, K)
        step = apart.pow(2).sum(1) * STEPS
        entry = step.long().clamp(max=ENTRIES - 1)
        rest = (step - entry).clamp(max=1)
        row = self.pair_table.index_select(0, (entry + self.pair_row).flatten()).T.contiguous()  # (4, P K)
        row = row.unflatten(1, step.shape)
        e, factor = _capped(row[0] + rest * row[1], cap)
        force = 2 * (row[2] + rest * row[3]) * factor  # dE/dr2 times 2
        return e.sum(-1), (apart * force[:, None]) @ self.incidence.T


def _smooth(a: Tensor, b: Tensor) -> Tensor:
    """Pair energies at the steps of the table, one more at the end, all 0 from the cut-off on."""
    squared = torch.arange(ENTRIES + 1, dtype=torch.float64) / STEPS
    return Pairs.of(a[:, None], b[:, None]).energy(squared[None].clamp(min=1e-9))


def _capped(e: Tensor, cap: float) -> tuple[Tensor, Tensor]:
    """Vina's curl of positive energies and its derivative."""
    ratio = cap / (cap + e.clamp(min=0))
    return torch.where(e > 0, e * ratio, e), ratio * ratio


@dataclass
class ExactEnergy:
    """The smooth exact energy of H heavy atoms, by autograd."""

    ligand: LigandTerms
    """Of the heavy atoms alone: see `heavy_only`."""
    receptor: ReceptorTerms
    low: Tensor
    """(3,) corner of the box."""
    high: Tensor

    def __call__(self, pos: Tensor, cap: float = CURL) -> tuple[Tensor, Tensor]:
        """(P, 3, H) -> (P,) kcal/mol and its gradient (P, 3, H); the box is a wall."""
        with torch.enable_grad():
            x = pos.detach().requires_grad_()
            at = x.transpose(1, 2)
            e = intermolecular(at, self.ligand, self.receptor) + intramolecular(at, self.ligand)
            beyond = at - torch.minimum(torch.maximum(at.detach(), self.low), self.high)
            e = e + WALL * beyond.abs().sum((1, 2))
            (gradient,) = torch.autograd.grad(e.sum(), x)
        return e.detach(), gradient


def heavy_only(ligand: LigandTerms) -> LigandTerms:
    """The terms of a ligand for positions of its heavy atoms alone."""
    place = torch.full((len(ligand.types),), -1, device=ligand.types.device)
    place[ligand.heavy] = torch.arange(len(ligand.heavy), device=place.device)
    return LigandTerms(
        ligand.tree, ligand.types[ligand.heavy], torch.arange(len(ligand.heavy), device=place.device),
        place[ligand.pairs],
    )  # fmt: skip
