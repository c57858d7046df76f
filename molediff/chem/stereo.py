"""Stereochemistry between RDKit's tags and the neighbour orders of `molediff.structures.Stereo`."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

COUNTER_CLOCKWISE, CLOCKWISE = Chem.ChiralType.CHI_TETRAHEDRAL_CCW, Chem.ChiralType.CHI_TETRAHEDRAL_CW
CIS = (Chem.BondStereo.STEREOZ, Chem.BondStereo.STEREOCIS)
TRANS = (Chem.BondStereo.STEREOE, Chem.BondStereo.STEREOTRANS)


FLAT = {4: 1.0, 3: 0.5}
"""neighbours -> signed volume (cubic angstrom) below which a centre shows no handedness; about 8 and 2 are usual."""


def perceive_from_3d(mol: Chem.Mol) -> Chem.Mol:
    """A copy whose tags say what its conformer shows.

    RDKit decides a tag by the first three neighbours in the order of the bonds. In strained cages, where a carbon lies
    outside the tetrahedron of its neighbours, one of the four triples disagrees with the other three, and it may be
    the first (1 in 600 centres of QM9). Here the signed volume of all neighbours decides, which no order of the bonds
    changes, and which the network sees; a centre that is nearly flat (`FLAT`) carries no tag.

    Args:
        mol: sanitised, with a 3D conformer.
    """
    perceived = Chem.Mol(mol)
    Chem.AssignStereochemistryFrom3D(perceived, replaceExistingTags=True)
    pos = perceived.GetConformer().GetPositions()
    if not _doubtful(centres(perceived), pos):
        return perceived
    # A wrong tag may hide or show other centres: begin again with the tag of every atom, before RDKit's cleaning.
    Chem.AssignAtomChiralTagsFromStructure(perceived, replaceExistingTags=True)
    rows = centres(perceived)
    for row, volume in zip(rows.tolist(), volumes(rows, pos).tolist(), strict=True):
        atom = perceived.GetAtomWithIdx(row[0])
        if abs(volume) < FLAT[_neighbours(row)]:
            atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        elif volume < 0:
            atom.InvertChirality()
    Chem.DetectBondStereoChemistry(perceived, perceived.GetConformer())
    Chem.AssignStereochemistry(perceived, cleanIt=True, force=True)
    return perceived


def volumes(rows: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Signed volumes of centres as they lie, in the order of their neighbours.

    Args:
        rows: (S, 5) int, see `centres`.
        pos: (n, 3) angstrom.

    Returns:
        (S,) cubic angstrom, as `molediff.geometry.signed_volume`; positive where the conformer agrees with the tag.
    """
    corners = pos[rows[:, 1:]]  # (S, 4, 3)
    return np.linalg.det(corners[:, :3] - corners[:, 3:])


def _doubtful(rows: np.ndarray, pos: np.ndarray) -> bool:
    least = np.where((rows[:, 1:] == rows[:, :1]).any(1), FLAT[3], FLAT[4])
    return bool((volumes(rows, pos) < least).any())


def _neighbours(row: list[int]) -> int:
    return 3 if row[0] in row[1:] else 4


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
