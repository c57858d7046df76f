"""How much of a ligand's surface the protein covers."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from scipy.spatial import cKDTree

from .complexes import Surroundings, radii

PROBE = 1.4  # angstrom, water
POINTS = 200  # a sphere; the buried fraction of a 20-atom ligand moves by less than 0.01 with more
LARGEST = 3.5  # angstrom, above any radius of RDKit's table


def sphere(points: int = POINTS) -> np.ndarray:
    """(points, 3) unit vectors spread evenly (golden spiral)."""
    k = np.arange(points) + 0.5
    polar, turn = np.arccos(1 - 2 * k / points), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(turn) * np.sin(polar), np.sin(turn) * np.sin(polar), np.cos(polar)], axis=1)


def surface(pos: np.ndarray, radius: np.ndarray, around: Surroundings | None = None) -> np.ndarray:
    """Solvent-accessible surface of each of N atoms, (N,) A^2, by points on spheres (Shrake and Rupley 1973).

    A point at radius + 1.4 A from its atom counts if it lies in no other atom's sphere of radius + 1.4 A.

    Args:
        pos: (N, 3) angstrom.
        radius: (N,) angstrom.
        around: further atoms that cover surface but whose own is not counted.
    """
    wide = radius + PROBE
    points = pos[:, None] + wide[:, None, None] * sphere()[None]  # (N, P, 3)
    free = ~_covered(points, cKDTree(pos), pos, wide, own=True)
    if around is not None and len(around.pos):
        free &= ~_covered(points, around.tree, around.pos, around.radius + PROBE)
    return 4 * np.pi * wide**2 * free.mean(axis=1)


def burial(mol: Chem.Mol, around: Surroundings) -> dict:
    """The share of the ligand's surface that the protein takes away.

    `buried` = 1 - SASA(ligand in the protein) / SASA(ligand alone, same conformation), 0 to 1; `sasa` of the ligand
    alone, A^2. All atoms present, hydrogens included; radii of RDKit's table, probe 1.4 A, 200 points a sphere.
    Waters do not cover, metals and cofactors do.
    """
    pos, own = mol.GetConformer().GetPositions(), radii(mol)
    alone = float(surface(pos, own).sum())
    bound = float(surface(pos, own, around).sum())
    return {"buried": 1 - bound / alone if alone else None, "sasa": alone}


def _covered(points: np.ndarray, tree: cKDTree, pos: np.ndarray, wide: np.ndarray, own: bool = False) -> np.ndarray:
    """(N, P) whether a point lies within another atom's sphere."""
    n, p, _ = points.shape
    out = np.zeros((n, p), dtype=bool)
    # every point of a sphere lies at the sphere's radius from its atom
    centre = points.mean(axis=1)
    reach = np.linalg.norm(points[:, 0] - centre, axis=1) + LARGEST + PROBE
    for k, hits in enumerate(tree.query_ball_point(centre, reach)):
        others = np.array([hit for hit in hits if not (own and hit == k)], dtype=np.int64)
        if len(others):
            square = ((points[k][:, None] - pos[others][None]) ** 2).sum(-1)
            out[k] = (square < wide[others] ** 2).any(axis=1)
    return out
