"""Stereochemistry between RDKit's tags and the neighbour orders of `molediff.structures.Stereo`."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

COUNTER_CLOCKWISE, CLOCKWISE = Chem.ChiralType.CHI_TETRAHEDRAL_CCW, Chem.ChiralType.CHI_TETRAHEDRAL_CW
CIS = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
TRANS = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOTRANS)


def perceive_from_3d(mol: Chem.Mol) -> Chem.Mol:
    """A copy whose tags say what its conformer shows."""
    mol = Chem.Mol(mol)
    Chem.AssignStereochemistryFrom3D(mol, replaceExistingTags=True)
    return mol


def centres(mol: Chem.Mol) -> np.ndarray:
    """Specified tetrahedral centres.

    Args:
        mol: sanitised, tags assigned.

    Returns:
        (S, 5) int: centre, then its neighbours in the order that has a positive signed volume
        (`molediff.geometry.signed_volume`). An implicit hydrogen or lone pair is the centre itself, last.
    """
    rows = []
    for atom in mol.GetAtoms():
        tag = atom.GetChiralTag()
        if tag not in (CLOCKWISE, COUNTER_CLOCKWISE):
            continue
        around = [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in atom.GetBonds()]
        if len(around) == 3:
            around = [*around, atom.GetIdx()]
        if len(around) != 4:
            continue
        # Counter-clockwise, seen from the first neighbour, has a positive volume as listed (tested on 3D molecules).
        if tag == CLOCKWISE:
            around[0], around[1] = around[1], around[0]
        rows.append([atom.GetIdx(), *around])
    return np.array(rows, dtype=np.int64).reshape(-1, 5)


def double_bonds(mol: Chem.Mol) -> np.ndarray:
    """Cis and trans pairs of outer atoms at specified double bonds.

    Args:
        mol: sanitised, stereochemistry assigned.

    Returns:
        (D, 3) int: two outer atoms, 1 for cis or 2 for trans. All outer atoms of a double bond are listed, each once
        with each on the other side.
    """
    rows = []
    for bond in mol.GetBonds():
        kind = bond.GetStereo()
        if kind not in CIS and kind not in TRANS:
            continue
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        first, second = bond.GetStereoAtoms()
        for a in _outer(mol, i, j):
            for b in _outer(mol, j, i):
                cis = (kind in CIS) ^ (a != first) ^ (b != second)
                rows.append([a, b, 1 if cis else 2])
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def _outer(mol: Chem.Mol, atom: int, other: int) -> list[int]:
    return [n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors() if n.GetIdx() != other]
