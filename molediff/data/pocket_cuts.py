"""Pockets cut out of receptors: round a ligand as it is known, or round a place that is only about right.

Half of the cuts of a training are residues near the ligand, half lie round a point that misses its centre by up to
3 A, as a sphere or as a box, so that a box that somebody typed or a cavity that was detected is no stranger.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

NEAR = (6.0, 10.0)
"""Distance from the ligand within which residues are kept, angstrom."""
MISSED = 3.0
"""Most that the point of a cut misses the ligand's centre by, angstrom."""
SPHERE = (9.0, 13.0)
"""Radius of a sphere, angstrom."""
BOX = (18.0, 24.0)
"""Edge of a box, angstrom; drawn for each axis."""
MOST = 500
"""Most heavy atoms of a pocket."""


def near(rec_pos: np.ndarray, rec_group: np.ndarray, ligand_pos: np.ndarray, radius: float) -> np.ndarray:
    """(M,) bool, all atoms of the residues with an atom within ``radius`` of the ligand.

    Args:
        rec_pos: (M, 3) angstrom.
        rec_group: (M,) residue of each atom, counted from 0.
        ligand_pos: (N, 3) angstrom, in the same frame.
        radius: angstrom.
    """
    return whole_residues(_distance(rec_pos, ligand_pos) <= radius, rec_group)


def whole_residues(atoms: np.ndarray, rec_group: np.ndarray) -> np.ndarray:
    """(M,) bool, all atoms of the residues of which an atom is chosen."""
    chosen = np.zeros(int(rec_group.max(initial=-1)) + 1, bool)
    chosen[rec_group[atoms]] = True
    return chosen[rec_group]


def draw_cut(
    rec_pos: np.ndarray,
    rec_group: np.ndarray,
    ligand_pos: np.ndarray,
    rng: np.random.Generator,
    most: int = MOST,
) -> np.ndarray:
    """(M,) bool, a pocket of whole residues, drawn anew at each call; deterministic by ``rng``.

    Args:
        rec_pos: (M, 3) heavy atoms of the receptor, angstrom.
        rec_group: (M,) residue of each atom, counted from 0.
        ligand_pos: (N, 3) heavy atoms of the ligand in the same frame, angstrom.
        rng: of the draw. A call takes the same count of numbers from it whatever the cut becomes.
        most: heavy atoms at most; the residues nearest to the centre of the cut stay, to the ligand where it is cut
            round that.

    Returns:
        At least one residue, the nearest, where the cut met none.
    """
    kind, shape, radius, size = rng.random(4)
    step, edges = rng.normal(size=3), rng.random(3)
    if kind < 0.5:
        distance = _distance(rec_pos, ligand_pos)
        inside = distance <= _between(NEAR, radius)
    else:
        # uniform in a ball: a direction, and the third root of a uniform number
        centre = ligand_pos.mean(0) + step / np.linalg.norm(step) * MISSED * np.cbrt(radius)
        away = rec_pos - centre
        distance = np.linalg.norm(away, axis=1)
        if shape < 0.5:
            inside = distance <= _between(SPHERE, size)
        else:
            inside = (np.abs(away) <= _between(BOX, edges) / 2).all(1)
    return nearest_residues(whole_residues(inside, rec_group), rec_group, distance, most)


def nearest_residues(atoms: np.ndarray, rec_group: np.ndarray, distance: np.ndarray, most: int) -> np.ndarray:
    """(M,) bool, as many of the chosen residues as have no more than ``most`` atoms, nearest first, at least one.

    Args:
        atoms: (M,) bool, all atoms of the chosen residues; when none is, the nearest of all residues is taken.
        rec_group: (M,) residue of each atom.
        distance: (M,) of each atom from the centre, angstrom.
        most: heavy atoms.
    """
    if not len(atoms):
        return atoms
    if not atoms.any():
        return rec_group == rec_group[distance.argmin()]
    if atoms.sum() <= most:
        return atoms
    groups = int(rec_group.max()) + 1
    nearest = np.full(groups, np.inf)
    np.minimum.at(nearest, rec_group[atoms], distance[atoms])
    order = np.argsort(nearest, kind="stable")
    total = np.cumsum(np.bincount(rec_group[atoms], minlength=groups)[order])
    kept = np.zeros(groups, bool)
    kept[order[(total <= most) & np.isfinite(nearest[order])]] = True
    kept[order[0]] = True
    return kept[rec_group]


def _between(ends: tuple[float, float], share: np.ndarray | float) -> np.ndarray | float:
    return ends[0] + (ends[1] - ends[0]) * share


def _distance(rec_pos: np.ndarray, ligand_pos: np.ndarray) -> np.ndarray:
    """(M,) distance of each atom from the nearest one of the ligand, angstrom."""
    distance, _ = cKDTree(ligand_pos).query(rec_pos)
    return distance
