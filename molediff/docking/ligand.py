"""A ligand ready to be docked or scored, or the reason why it is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rdkit import Chem


@dataclass(frozen=True)
class Ligand:
    """One row of a library. Failures are values."""

    row: int
    """Place in the input, from 0."""
    name: str
    """Title of the input, or its SMILES."""
    mol: Chem.Mol | None
    """With explicit hydrogens and at least one conformer; None when it could not be prepared."""
    note: str = ""
    """What was changed, as 'hydrogens added', 'embedded'."""
    reason: str = ""
    """Why ``mol`` is None or must not be docked; '' when all is well."""


@dataclass(frozen=True)
class Docked:
    """What an engine made of one ligand."""

    ligand: Ligand
    """As it went in."""
    poses: Chem.Mol | None
    """The ligand's molecule (same atoms, same order) with one conformer a pose, best first; None when it failed."""
    scores: tuple[float, ...] = ()
    """Vina score of each pose, kcal/mol."""
    seconds: float = 0.0
    """Of search."""
    reason: str = ""
    """Why there are no poses; '' when there are."""


def with_poses(mol: Chem.Mol, places: Iterable[np.ndarray]) -> Chem.Mol:
    """A copy of the molecule with one conformer a pose, ids from 0, and none of its own.

    Args:
        mol: N atoms.
        places: (N, 3) each, angstrom.
    """
    out = Chem.Mol(mol)
    out.RemoveAllConformers()
    for where in places:
        conformer = Chem.Conformer(out.GetNumAtoms())
        conformer.SetPositions(np.ascontiguousarray(where, dtype=float))
        conformer.Set3D(True)
        out.AddConformer(conformer, assignId=True)
    return out
