"""Energy maps of a pocket: what one ligand atom of each type would feel at the points of a grid.

Only the search reads them; poses are finished and scored with exact pairs. As in Vina the energy between points is
trilinear, here kept as the eight coefficients of each cell, so that an atom costs one row of a table.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from molediff.docking.receptor import Receptor
from molediff.docking.site import Site
from molediff.docking.torch_vina import terms
from molediff.docking.torch_vina.energy import STEPS, Pairs, ReceptorTerms

BLOCK = 8
"""Edge of the blocks in which the grid is filled, points."""
ENTRIES = int(terms.CUTOFF**2 * STEPS) + 2


def pair_table(a: Tensor, b: Tensor) -> Tensor:
    """Vina's pair energies in steps of 1/32 A^2: for types a and b that broadcast to (...), (..., 2050) float32."""
    squared = (torch.arange(ENTRIES, dtype=torch.float64, device=a.device) + 1e-6) / STEPS
    return Pairs.of(a[..., None], b[..., None]).energy(squared, table=True).float()


@dataclass
class Maps:
    """Of one receptor and one box."""

    corner: Tensor
    """(3,) lowest point, angstrom."""
    spacing: float
    shape: tuple[int, int, int]
    """Points along each axis."""
    receptor: ReceptorTerms
    values: dict[int, Tensor] = field(default_factory=dict)
    """Type -> (X, Y, Z) float32, kcal/mol."""
    cells: dict[int, Tensor] = field(default_factory=dict)
    """Type -> (cells, 8) coefficients of 1, x, y, z, xy, xz, yz, xyz within a cell (0 to 1)."""

    def table(self, types: list[int]) -> Tensor:
        """(len(types) * cells, 8): the coefficients of several types one after the other; missing ones are made."""
        missing = [t for t in types if t not in self.values]
        if missing:
            self.values.update(zip(missing, fill(self, missing), strict=True))
        for t in types:
            if t not in self.cells:
                self.cells[t] = coefficients(self.values[t])
        return torch.cat([self.cells[t] for t in types])


@dataclass
class _Known:
    """What was made of a receptor, as long as the object lives."""

    of: weakref.ref
    terms: ReceptorTerms
    maps: dict[tuple, Maps] = field(default_factory=dict)


_KNOWN: dict[int, _Known] = {}
"""By the receptor's id: a `Receptor` holds arrays and cannot be hashed."""


def _known(receptor: Receptor) -> _Known:
    name = id(receptor)
    if name not in _KNOWN or _KNOWN[name].of() is not receptor:
        _KNOWN[name] = _Known(weakref.ref(receptor, lambda _: _KNOWN.pop(name, None)), ReceptorTerms.of(receptor))
    return _KNOWN[name]


def receptor_terms(receptor: Receptor) -> ReceptorTerms:
    """Of all scored atoms, made once as long as the same `Receptor` object is used."""
    return _known(receptor).terms


def site_maps(receptor: Receptor, site: Site, spacing: float = 0.375, device: str = "cpu") -> Maps:
    """The maps of a box, made once as long as the same `Receptor` object is used."""
    known = _known(receptor)
    key = (*(float(x) for x in site.centre), *(float(x) for x in site.size), spacing, device)
    if key not in known.maps:
        low = torch.as_tensor(np.asarray(site.centre) - np.asarray(site.size) / 2, dtype=torch.float64)
        count = torch.as_tensor(np.asarray(site.size) / spacing, dtype=torch.float64).ceil().long()
        protein = known.terms.near(low, low + count * spacing)
        shape = tuple(int(n) + 1 for n in count)
        known.maps[key] = Maps(low.to(device), spacing, shape, protein.to(device))
    return known.maps[key]


def fill(maps: Maps, types: list[int]) -> list[Tensor]:
    """Energies at the points of the grid.

    Args:
        maps: of the pocket.
        types: ligand types wanted.

    Returns:
        For each type (X, Y, Z) float32, kcal/mol.
    """
    device = maps.corner.device
    kinds = maps.receptor.types.unique()
    wanted = torch.tensor(types, device=device)
    table = pair_table(kinds[:, None], wanted[None]).transpose(1, 2)  # (R, entries, K)
    table = torch.cat([table.flatten(0, 1), table.new_zeros(1, len(types))]).contiguous()
    nothing = len(table) - 1
    row = torch.searchsorted(kinds, maps.receptor.types) * ENTRIES  # (M,)
    atoms = (maps.receptor.pos - maps.corner).float()  # (M, 3)
    out = torch.zeros(*maps.shape, len(types), device=device)
    edge = torch.arange(BLOCK, device=device) * maps.spacing
    half = (BLOCK - 1) * maps.spacing / 2
    for x, y, z in _blocks(maps.shape):
        start = torch.tensor([x, y, z], device=device) * maps.spacing
        gap = ((atoms - start - half).abs() - half).clamp(min=0)
        near = gap.pow(2).sum(-1) < terms.CUTOFF**2
        if not near.any():
            continue
        gaps = [(start[k] + edge[: maps.shape[k] - b, None] - atoms[near, k]) ** 2 for k, b in enumerate((x, y, z))]
        squared = gaps[0][:, None, None] + gaps[1][:, None] + gaps[2]  # (8, 8, 8, M')
        entry = (squared * STEPS).long()
        index = torch.where(entry < ENTRIES - 2, entry + row[near], nothing)
        shape = index.shape[:3]
        summed = torch.nn.functional.embedding_bag(index.flatten(0, 2), table, mode="sum")
        out[x : x + shape[0], y : y + shape[1], z : z + shape[2]] = summed.unflatten(0, shape)
    return [out[..., k].contiguous() for k in range(len(types))]


def _blocks(shape: tuple[int, int, int]):
    return ((x, y, z) for x in range(0, shape[0], BLOCK) for y in range(0, shape[1], BLOCK)
            for z in range(0, shape[2], BLOCK))  # fmt: skip


def coefficients(values: Tensor) -> Tensor:
    """Of the trilinear interpolation in each cell: (X, Y, Z) -> ((X - 1) (Y - 1) (Z - 1), 8)."""
    a = values
    corners = {
        (i, j, k): a[i : a.shape[0] - 1 + i, j : a.shape[1] - 1 + j, k : a.shape[2] - 1 + k]
        for i in (0, 1) for j in (0, 1) for k in (0, 1)
    }  # fmt: skip
    o, x, y, z = (corners[c] for c in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)))
    xy, xz, yz, xyz = (corners[c] for c in ((1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)))
    parts = [o, x - o, y - o, z - o, xy - x - y + o, xz - x - z + o, yz - y - z + o]
    parts.append(xyz - xy - xz - yz + x + y + z - o)
    return torch.stack(parts, -1).flatten(0, 2)
