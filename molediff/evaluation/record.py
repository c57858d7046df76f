"""One attempt of a generator, as read: a molecule, or the name of what was wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from rdkit import Chem

from .build import build
from .edm import LARGEST_Z, bond_orders

PROBLEMS = {
    "unreadable_record": "the record could not be parsed",
    "truncated_record": "the file ends inside the record",
    "no_molecule": "None was given in place of a molecule",
    "no_atoms": "the record holds no atoms",
    "no_coordinates": "the molecule has no conformer",
    "2d_record": "the record is flat (all z zero, and declared 2D, or of more than 3 atoms and not said to be 3D)",
    "unknown_element": "an atom without an element, or beyond atomic number 119",
    "nonfinite_coordinates": "a coordinate is NaN or infinite",
    "too_many_atoms": "more atoms than --max-atoms allows",
}


@dataclass(frozen=True)
class Record:
    """One row of the table to be.

    Attributes:
        index: position in the run, from 0.
        name: the record's title, or ''.
        source: file name or 'python'.
        z: (N,) atomic numbers, int64. Empty where there is nothing.
        pos: (N, 3) angstrom, float64.
        mol: unsanitised RDKit molecule with one conformer, or None when the format has no bonds.
        problem: '' or a key of PROBLEMS. No protocol is run on a record with a problem; all of them count it.
    """

    index: int
    name: str = ""
    source: str = ""
    z: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    pos: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    mol: Chem.Mol | None = None
    problem: str = ""


def from_mol(mol: Chem.Mol | None, index: int, name: str = "", source: str = "", max_atoms: int = 1000) -> Record:
    """A record of an RDKit molecule; the molecule is kept as it is."""
    if mol is None:
        return Record(index, name, source, problem="no_molecule")
    if mol.GetNumAtoms() > max_atoms:
        return Record(index, name, source, problem="too_many_atoms")
    z = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64)
    if mol.GetNumConformers() == 0 and len(z):
        return Record(index, name, source, z=z, problem="no_coordinates")
    pos = mol.GetConformer().GetPositions() if len(z) else np.zeros((0, 3))
    return Record(index, name, source, z, pos, mol, _problem(z, pos, max_atoms))


def from_arrays(z, pos, index: int, name: str = "", source: str = "", max_atoms: int = 1000, mol=None) -> Record:
    """A record of atomic numbers (N,) and positions (N, 3) in angstrom, bonds unknown unless `mol` is given."""
    z = np.asarray(z, dtype=np.int64).reshape(-1)
    pos = np.asarray(pos, dtype=np.float64).reshape(-1, 3)
    return Record(index, name, source, z, pos, mol, _problem(z, pos, max_atoms))


def molecule(record: Record) -> tuple[Chem.Mol, str]:
    """The record's molecule and where its bonds come from: 'given', or 'edm look-up' (see `edm.bond_orders`)."""
    if record.mol is not None:
        return record.mol, "given"
    return build(record.z, record.pos, bond_orders(record.z, record.pos)), "edm look-up"


def _problem(z: np.ndarray, pos: np.ndarray, max_atoms: int) -> str:
    if len(z) == 0:
        return "no_atoms"
    if len(z) > max_atoms:
        return "too_many_atoms"
    if z.min() < 1 or z.max() >= LARGEST_Z:
        return "unknown_element"
    return "" if np.isfinite(pos).all() else "nonfinite_coordinates"
