"""Whether a geometry still has the bonds that a molecule is drawn with."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from scipy.spatial import cKDTree

REACH = 1.2  # of the sum of covalent radii; 1.3 would bond the bridgeheads of bicyclo[1.1.1]pentane


def same_topology(z: np.ndarray, pos: np.ndarray, bonds: np.ndarray) -> bool:
    """Whether the pairs of atoms closer than 1.2 times the sum of their covalent radii are exactly the bonds.

    Radii of RDKit's periodic table (H 0.31, C 0.76, N 0.71, O 0.66, F 0.57 A). Bond orders play no part.

    Args:
        z: (N,) atomic numbers.
        pos: (N, 3) angstrom, mostly of a relaxed geometry.
        bonds: (E, 2) pairs as drawn.
    """
    table = Chem.GetPeriodicTable()
    radius = np.array([table.GetRcovalent(int(one)) for one in z])
    pairs = cKDTree(pos).query_pairs(2 * REACH * radius.max(initial=0.0), output_type="ndarray")
    distance = np.linalg.norm(pos[pairs[:, 0]] - pos[pairs[:, 1]], axis=1)
    close = pairs[distance < REACH * radius[pairs].sum(axis=1)]
    return {tuple(sorted(map(int, pair))) for pair in close} == {tuple(sorted(map(int, pair))) for pair in bonds}


def ends(mol: Chem.Mol) -> np.ndarray:
    """(E, 2) pairs of bonded atoms."""
    pairs = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
