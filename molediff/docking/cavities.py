"""Cavities of a protein, found on a grid: free points that protein surrounds, weighed by how deep they lie."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from molediff.config import UserError

SPACING = 1.0
"""Of the grid, angstrom."""
REACH = 8
"""How far a ray looks for protein, angstrom."""
CONTACT = 2.6
"""Heavy atoms nearer than this to a point leave no room for a ligand's atom, angstrom."""
BURIED = 18
"""Rays of 26 that must meet protein."""
WINDOW = 3.0
"""Spread of the Gaussian that adds up the points of one ligand, angstrom."""
AROUND = 7.0
"""Buried points within this of a peak say by their mean where the ligand lies, angstrom."""
APART = 8.0
"""Least distance of two cavities, angstrom."""
LEAST = 30
"""Points of the smallest cavity, cubic angstrom."""


@dataclass(frozen=True)
class Cavity:
    """A place where a ligand may bind."""

    centre: np.ndarray
    """(3,) angstrom."""
    score: float
    """Buried volume within the reach of a ligand, weighed; only the order counts."""
    volume: float
    """Of the buried region it belongs to, cubic angstrom."""


def find_cavities(pos: np.ndarray, most: int = 10) -> list[Cavity]:
    """The likeliest places first.

    A grid point is free when no heavy atom is nearer than `CONTACT`; its depth is the number of 26 rays that meet the
    protein within `REACH`. Points of at least `BURIED` rays form regions (connected components); within each, the
    peaks of their smoothed depth that are `APART` are cavities, each centred on the buried points `AROUND` it. The
    constants were chosen on 29 receptors (experiments/cavities).

    Args:
        pos: (n, 3) heavy atoms, angstrom.
        most: cavities, at most.

    Raises:
        UserError: for fewer than 50 atoms, or when nothing is buried.
    """
    if len(pos) < 50:
        raise UserError(f"{len(pos)} heavy atoms have no cavity. Give a whole protein, or --ligand, --residues, --box.")
    low = pos.min(0) - 4 * SPACING
    shape = np.ceil((pos.max(0) + 4 * SPACING - low) / SPACING).astype(int) + 1
    distance = _distances(pos, low, shape)
    depth = _depth(distance < CONTACT)
    buried = (depth >= BURIED) & (distance >= CONTACT)
    regions, count = ndimage.label(buried, ndimage.generate_binary_structure(3, 1))
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept = sizes[regions] >= LEAST
    if not kept.any():
        raise UserError("No cavity was found: nothing of this protein is buried. Give --ligand, --residues or --box.")
    weight = np.where(kept, (depth - BURIED + 1.0), 0.0)
    field = ndimage.gaussian_filter(weight, WINDOW / SPACING, truncate=2.5)
    peaks = _peaks(field, kept)[:most]
    points, weights = np.argwhere(kept), weight[kept]
    return [_cavity(p, float(field[tuple(p)]), int(sizes[regions[tuple(p)]]), points, weights, low) for p in peaks]


ROOM, HALF_BURIED = 3.0, 14
"""Points farther than this from all heavy atoms (angstrom), of which so many of 26 rays meet protein, are room for a
ligand: of 24 definitions the one whose volume follows the ligand's size best (experiments/pocket_sizes)."""
ROUND = 8.0
"""Room within this distance of the centre counts, angstrom."""


def free_volume(pos: np.ndarray, centre: np.ndarray) -> float:
    """Room for a ligand round a place: buried points of a grid of 1 angstrom, cubic angstrom.

    A point counts when it lies within `ROUND` of the centre, farther than `ROOM` from every heavy atom, and at least
    `HALF_BURIED` of its 26 rays meet protein.

    Args:
        pos: (n, 3) heavy atoms of the protein, angstrom.
        centre: (3,) angstrom; the grid lies round it.
    """
    half = int(np.ceil(ROUND)) + REACH
    low = np.asarray(centre, dtype=float) - half * SPACING
    shape = np.full(3, 2 * half + 1)
    near = (np.abs(pos - centre) <= half + 8.0).all(1)
    if not near.any():
        return 0.0
    distance = _distances(pos[near], low, shape)
    depth = _depth(distance < CONTACT)
    away = np.linalg.norm(np.stack(np.meshgrid(*[np.arange(-half, half + 1)] * 3, indexing="ij"), -1), axis=-1)
    return float(((distance > ROOM) & (depth >= HALF_BURIED) & (away * SPACING <= ROUND)).sum()) * SPACING**3


def _distances(pos: np.ndarray, low: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """(X, Y, Z) distance of each grid point to the nearest atom, angstrom."""
    axes = [low[k] + SPACING * np.arange(shape[k]) for k in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    found, _ = cKDTree(pos).query(points, distance_upper_bound=8.0)
    return np.minimum(found, 8.0).reshape(shape)


def _depth(filled: np.ndarray) -> np.ndarray:
    """(X, Y, Z) how many of the 26 directions of the grid meet a filled point within `REACH`."""
    depth = np.zeros(filled.shape, dtype=np.int16)
    for direction in product((-1, 0, 1), repeat=3):
        length = np.linalg.norm(direction)
        if length:
            met = np.zeros_like(filled)
            for step in range(1, int(REACH / (SPACING * length)) + 1):
                _or_shifted(met, filled, [step * d for d in direction])
            depth += met
    return depth


def _or_shifted(met: np.ndarray, filled: np.ndarray, by: list[int]) -> None:
    """met |= filled seen from ``by`` away, in place; nothing is filled outside."""
    here = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip(by, met.shape, strict=True))
    there = tuple(slice(max(0, d), n - max(0, -d)) for d, n in zip(by, met.shape, strict=True))
    if all(s.stop > s.start for s in here):
        met[here] |= filled[there]


def _peaks(field: np.ndarray, kept: np.ndarray) -> list[np.ndarray]:
    """Grid points (3,) of highest field first, each `APART` from those before."""
    index = np.argwhere(kept & (field >= ndimage.maximum_filter(field, size=3)))
    found: list[np.ndarray] = []
    for place in index[np.argsort(-field[tuple(index.T)], kind="stable")]:
        if all(SPACING * np.linalg.norm(place - other) >= APART for other in found):
            found.append(place)
    return found


def _cavity(
    peak: np.ndarray, score: float, size: int, points: np.ndarray, weights: np.ndarray, low: np.ndarray
) -> Cavity:
    """Centred on the weighed mean of the buried points (P, 3) round a peak."""
    near = SPACING * np.linalg.norm(points - peak, axis=1) < AROUND
    centre = low + SPACING * np.average(points[near], axis=0, weights=weights[near])
    return Cavity(centre, score, size * SPACING**3)
