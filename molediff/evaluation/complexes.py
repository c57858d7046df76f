"""What a pose is judged against: a protein from PDB and a reference ligand from SDF, each read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs
from scipy.spatial import cKDTree

from .errors import InputError

WATER = {"HOH", "WAT", "DOD", "H2O", "TIP"}


def load_protein(path: str) -> Chem.Mol:
    """A protein from PDB as PoseBusters loads it: nothing sanitised, nothing removed, no bonds by distance.

    Raises:
        InputError: for a file without atoms.
    """
    return _protein(str(path), stamp(path))


LOCAL = 8.0
"""Atoms of a protein that are farther from a ligand change nothing that PoseBusters finds: it looks 6 angstrom far."""


def load_protein_near(path: str, pos: np.ndarray) -> Chem.Mol:
    """The atoms of a protein within `LOCAL` of a ligand, at least the nearest one, with what the PDB file says of them.

    PoseBusters deletes what it need not see atom by atom, which for a whole protein takes longer than all its checks.

    Args:
        path: of a PDB file.
        pos: (N, 3) atoms of the ligand, angstrom.
    """
    mol = load_protein(path)
    distance, _ = cKDTree(pos).query(mol.GetConformer().GetPositions())
    kept = np.flatnonzero(distance <= max(LOCAL, distance.min()))
    if len(kept) == mol.GetNumAtoms():
        return mol
    near = Chem.RWMol()
    for k in kept.tolist():
        near.AddAtom(mol.GetAtomWithIdx(k))
    conformer = Chem.Conformer(len(kept))
    conformer.SetPositions(np.ascontiguousarray(mol.GetConformer().GetPositions()[kept]))
    near.AddConformer(conformer, assignId=True)
    return near.GetMol()


def load_ligand(path: str) -> Chem.Mol:
    """The first molecule of an SDF with the reference pose, without its explicit hydrogens.

    Raises:
        InputError: for a file without a readable molecule.
    """
    return _ligand(str(path), stamp(path))


@dataclass(frozen=True)
class Surroundings:
    """The M atoms of a protein file that a ligand must share its room with; waters are left out.

    Attributes:
        pos: (M, 3) angstrom.
        radius: (M,) van der Waals radii of RDKit's periodic table, angstrom (H 1.2, C 1.7, N 1.55, O 1.52).
        heavy: (M,) bool, not hydrogen.
        tree: of `pos`.
        heavy_tree: of `pos[heavy]`.
    """

    pos: np.ndarray
    radius: np.ndarray
    heavy: np.ndarray
    tree: cKDTree
    heavy_tree: cKDTree

    @property
    def has_hydrogens(self) -> bool:
        """Whether the file was protonated."""
        return bool((~self.heavy).any())


def surroundings(path: str) -> Surroundings:
    """The atoms of a PDB file round a ligand: protein, metals and cofactors, not waters."""
    return _surroundings(str(path), stamp(path))


def radii(mol: Chem.Mol) -> np.ndarray:
    """(N,) van der Waals radii in angstrom, from RDKit's periodic table."""
    table = Chem.GetPeriodicTable()
    return np.array([table.GetRvdw(atom.GetAtomicNum()) for atom in mol.GetAtoms()])


def stamp(path: str | Path) -> int:
    """Time of the last change in ns, so that a file written anew is read anew; 0 where there is none."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _protein(path: str, changed: int) -> Chem.Mol:
    with BlockLogs():
        try:
            mol = Chem.MolFromPDBFile(path, sanitize=False, removeHs=False, proximityBonding=False)
        except OSError:
            mol = None
    if mol is None or mol.GetNumAtoms() == 0:
        raise InputError(f"'{path}' holds no protein atoms. Give a PDB file: --protein receptor.pdb")
    return mol


@lru_cache(maxsize=4)
def _ligand(path: str, changed: int) -> Chem.Mol:
    with BlockLogs():
        mol = next(iter(Chem.SDMolSupplier(path, sanitize=True, removeHs=True)), None)
    if mol is None:
        raise InputError(
            f"'{path}' holds no readable molecule. Give an SDF with the reference pose: --ligand crystal.sdf"
        )
    return mol


@lru_cache(maxsize=4)
def _surroundings(path: str, changed: int) -> Surroundings:
    mol = load_protein(path)
    keep = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetPDBResidueInfo().GetResidueName().strip() not in WATER]
    pos = mol.GetConformer().GetPositions()[keep].reshape(-1, 3)
    heavy = np.array([mol.GetAtomWithIdx(i).GetAtomicNum() > 1 for i in keep], dtype=bool)
    return Surroundings(pos, radii(mol)[keep], heavy, cKDTree(pos), cKDTree(pos[heavy]))
