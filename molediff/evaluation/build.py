"""RDKit molecules from plain arrays, unsanitised: what was generated, and nothing that RDKit would add."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

ORDERS = {
    1.0: Chem.BondType.SINGLE,
    2.0: Chem.BondType.DOUBLE,
    3.0: Chem.BondType.TRIPLE,
    1.5: Chem.BondType.AROMATIC,
}


def build(z, pos=None, bonds=(), charges=None) -> Chem.Mol:
    """An unsanitised molecule with one 3D conformer.

    Args:
        z: (N,) atomic numbers.
        pos: (N, 3) angstrom, or None for a molecule without a conformer.
        bonds: rows (i, j, order); order 1, 2, 3 or 1.5 (aromatic).
        charges: (N,) formal charges in elementary charges, or None for zeros. RDKit keeps them in one signed byte, so
            a charge outside -100..100 is stored as the nearest of the two and fails every valence rule.
    """
    mol = Chem.RWMol()
    for i, number in enumerate(z):
        atom = Chem.Atom(int(number))
        if charges is not None and charges[i]:
            atom.SetFormalCharge(int(max(-100, min(100, int(charges[i])))))
        mol.AddAtom(atom)
    for i, j, order in bonds:
        mol.AddBond(int(i), int(j), ORDERS[float(order)])
    if pos is not None:
        mol.AddConformer(conformer(pos), assignId=True)
    return mol.GetMol()


def conformer(pos) -> Chem.Conformer:
    """A 3D conformer of positions (N, 3) in angstrom."""
    xyz = np.ascontiguousarray(pos, dtype=np.float64)
    held = Chem.Conformer(len(xyz))
    held.Set3D(True)
    if len(xyz):
        held.SetPositions(xyz)
    return held
