"""Does a conformer show the graph and the stereochemistry that were asked for?"""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDetermineBonds

from molediff.chem.stereo import centres, double_bonds


def stereo_as_asked(mol: Chem.Mol, conformer: int = -1) -> bool:
    """Whether every specified centre and double bond of ``mol`` has its handedness in the conformer.

    A centre is right when the signed volume of its neighbours has the sign of its tag; a double bond when its outer
    atoms lie on the sides that were asked for (cosine of the dihedral above or below 0).
    """
    pos = mol.GetConformer(conformer).GetPositions()
    for _, a, b, c, d in centres(mol).tolist():
        if np.linalg.det(np.stack([pos[a] - pos[d], pos[b] - pos[d], pos[c] - pos[d]])) <= 0:
            return False
    for a, b, kind in double_bonds(mol).tolist():
        path = Chem.GetShortestPath(mol, a, b)
        if len(path) == 4 and (_dihedral_cosine(pos[list(path)]) > 0) != (kind == 1):
            return False
    return True


def graph_as_asked(mol: Chem.Mol, conformer: int = -1) -> bool:
    """Whether connectivity perceived from the distances alone (RDKit's van der Waals rule) is the molecule's."""
    bare = Chem.RWMol()
    for atom in mol.GetAtoms():
        bare.AddAtom(Chem.Atom(atom.GetAtomicNum()))
    bare.AddConformer(Chem.Conformer(mol.GetConformer(conformer)), assignId=True)
    rdDetermineBonds.DetermineConnectivity(bare, useVdw=True)
    pairs = {frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in bare.GetBonds()}
    return pairs == {frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in mol.GetBonds()}


def _dihedral_cosine(p: np.ndarray) -> float:
    """p: (4, 3)"""
    first, axis, last = p[0] - p[1], p[2] - p[1], p[3] - p[2]
    axis = axis / max(np.linalg.norm(axis), 1e-9)
    u, v = first - first @ axis * axis, last - last @ axis * axis
    return float(u @ v / max(np.linalg.norm(u) * np.linalg.norm(v), 1e-9))
