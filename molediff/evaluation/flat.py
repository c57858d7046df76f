"""Many molecules as joined arrays, so that statistics are a few numpy calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from .strict import sanitise


@dataclass(frozen=True)
class Flat:
    """M molecules joined: A atoms, E bonds in all.

    Attributes:
        z: (A,) atomic numbers.
        charge: (A,) formal charges.
        pos: (A, 3) angstrom, finite.
        n_atoms: (M,) atoms of each molecule.
        bonds: (E, 3) rows (i, j, order) over the joined atoms, each bond once, order 1, 2, 3 (kekulised) or 4
            (aromatic bonds that have no Kekule structure).
        aromatic: (E,) bool, bonds that RDKit perceives as aromatic; False all over a molecule that does not sanitise.
        rings: (R,) sizes of all rings (smallest set, RDKit's SSSR).
        left_out: molecules given but not held: none, empty, without coordinates or with non-finite ones.
    """

    z: np.ndarray
    charge: np.ndarray
    pos: np.ndarray
    n_atoms: np.ndarray
    bonds: np.ndarray
    aromatic: np.ndarray
    rings: np.ndarray
    left_out: int


@dataclass(frozen=True)
class Piece:
    """One molecule as arrays: what `join` joins. Fields as in `Flat`."""

    z: np.ndarray
    charge: np.ndarray
    pos: np.ndarray
    bonds: np.ndarray
    aromatic: np.ndarray
    rings: np.ndarray


def piece(mol: Chem.Mol | None) -> Piece | None:
    """Arrays of a molecule with finite 3D coordinates (angstrom), kekulised; None otherwise. Input not modified."""
    if mol is None or mol.GetNumAtoms() == 0 or mol.GetNumConformers() == 0:
        return None
    pos = mol.GetConformer().GetPositions()
    if not np.isfinite(pos).all():
        return None
    mol = kekulised(mol)
    atoms = [(atom.GetAtomicNum(), atom.GetFormalCharge()) for atom in mol.GetAtoms()]
    z, charge = np.array(atoms, dtype=np.int64).T
    bonds = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), _CODE.get(b.GetBondType(), 1)) for b in mol.GetBonds()]
    rings = np.array([len(ring) for ring in Chem.GetSSSR(mol)], dtype=np.int64)
    aromatic = np.zeros(len(bonds), dtype=bool)
    if len(rings):
        work = Chem.RWMol(mol)
        if not sanitise(work):
            aromatic = np.array([bond.GetIsAromatic() for bond in work.GetBonds()], dtype=bool)
    return Piece(z, charge, pos, np.array(bonds, dtype=np.int64).reshape(-1, 3), aromatic, rings)


def flatten(mols: Iterable[Chem.Mol | None]) -> Flat:
    """Join molecules with 3D coordinates; the inputs are not modified."""
    return join(piece(mol) for mol in mols)


def join(pieces: Iterable[Piece | None]) -> Flat:
    """Join pieces; None counts as left out."""
    pieces = list(pieces)
    held = [one for one in pieces if one is not None]
    sizes = np.array([len(one.z) for one in held], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    shifted = [one.bonds + np.array([start, start, 0]) for one, start in zip(held, starts, strict=True)]
    whole = np.zeros(0, dtype=np.int64)
    return Flat(
        z=np.concatenate([whole, *(one.z for one in held)]),
        charge=np.concatenate([whole, *(one.charge for one in held)]),
        pos=np.concatenate([np.zeros((0, 3)), *(one.pos for one in held)]),
        n_atoms=sizes,
        bonds=np.concatenate([whole.reshape(0, 3), *shifted]),
        aromatic=np.concatenate([whole.astype(bool), *(one.aromatic for one in held)]),
        rings=np.concatenate([whole, *(one.rings for one in held)]),
        left_out=len(pieces) - len(held),
    )


_CODE = {Chem.BondType.SINGLE: 1, Chem.BondType.DOUBLE: 2, Chem.BondType.TRIPLE: 3, Chem.BondType.AROMATIC: 4}


def kekulised(mol: Chem.Mol) -> Chem.Mol:
    """The molecule itself, or a kekulised copy where it has aromatic bonds; aromatic ones stay where none exists."""
    if not any(bond.GetBondType() == Chem.BondType.AROMATIC for bond in mol.GetBonds()):
        return mol
    work = Chem.RWMol(mol)
    with BlockLogs():
        try:
            Chem.Kekulize(work, clearAromaticFlags=True)
        except (ValueError, RuntimeError):
            return mol
    return work
