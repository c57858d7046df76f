"""Fragments and leads from a file: what is known, where new bonds may begin, and the digits the file gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.chem.mols import arrays_from_mol
from molediff.config import UserError
from molediff.elements import Vocabulary


@dataclass(frozen=True)
class Fragments:
    """Known atoms of one or more fragments, in the order of the file, K in all."""

    z: np.ndarray
    """(K,) atomic numbers."""
    charge: np.ndarray
    """(K,) formal charges, elementary charge."""
    bonds: np.ndarray
    """(m, 3) rows (i, j, order 1..3), kekulised."""
    pos: np.ndarray
    """(K, 3) float64, angstrom, as the file says."""
    owner: np.ndarray
    """(K,) number of the fragment: connected atoms have the same."""
    attach: np.ndarray
    """(K,) bool, atoms at which new bonds may begin."""
    slots: int = 0
    """Bond orders that the removed hydrogens and dummy atoms leave open."""
    added: int = 0
    """Hydrogens that the file implied and RDKit placed."""
    precise: bool = False
    """Whether the file has more than the four decimals of a V2000 record."""


def read_fragments(path: Path | str, attach: str, vocabulary: Vocabulary, explicit_hydrogens: bool) -> Fragments:
    """Fragments to grow from or to link.

    Every connected piece is a fragment, in one record or several. Attachment atoms are those of ``attach``, and the
    neighbours of dummy atoms (R-groups); in a fragment with neither, every atom that has a hydrogen. Dummy atoms are
    removed, and with explicit hydrogens those at attachment atoms.

    Args:
        path: SDF or MOL file with 3D coordinates.
        attach: '3,7': numbers of atoms, from 1, counted through all records of the file; or empty.
        vocabulary: of the model.
        explicit_hydrogens: whether hydrogens are atoms of the model; else all are removed.

    Raises:
        UserError: for a file, an atom or an attachment point that cannot be used.
    """
    records = read_records(path)
    joined = records[0]
    for record in records[1:]:
        joined = Chem.CombineMols(joined, record)
    marked = _by_dummies(joined, path) | _by_number(joined, attach, path)
    hydrogens = np.array([a.GetTotalNumHs(includeNeighbors=True) for a in joined.GetAtoms()])
    full, added = with_hydrogens(joined) if explicit_hydrogens else (joined, 0)
    z, charge, bonds, pos = arrays_from_mol(full)
    heavy = z > 1
    kept = heavy | ((z == 1) & explicit_hydrogens)
    _check_known(z[kept], charge[kept], vocabulary, path)
    piece = _pieces(len(z), bonds, heavy)
    unmarked = set(piece[heavy]) - {piece[i] for i in marked}
    givers = {i for i in np.flatnonzero(heavy) if hydrogens[i] and piece[i] in unmarked}
    points = np.isin(np.arange(len(z)), list(marked | givers))
    slots = 0
    for i, j, order in bonds.tolist():
        for at, other in ((i, j), (j, i)):
            if points[at] and z[other] <= 1:
                kept[other] = False
                slots += order
    dry = [p for p in sorted(unmarked) if not any(piece[i] == p for i in givers)]
    if dry:
        atoms = np.flatnonzero(piece == dry[0]) + 1
        raise UserError(
            f"The fragment of '{path}' with atom {atoms[0]} has no hydrogen to give, so nothing can be attached to it. "
            "Add a dummy atom (R-group) where it should grow."
        )
    return _kept(z, charge, bonds, pos, piece, points, kept, slots, added, _precise(path))


def read_records(path: Path | str) -> list[Chem.Mol]:
    """The molecules of an SDF or MOL file, sanitised, with 3D coordinates; hydrogens and dummy atoms as they are.

    Raises:
        UserError: for a file that is not there or holds no molecule, a record that cannot be read or sanitised, and one
            without 3D coordinates.
    """
    if not Path(path).is_file():
        raise UserError(f"There is no file '{path}'. Give an SDF file with 3D coordinates.")
    with BlockLogs():
        try:
            found = list(Chem.SDMolSupplier(str(path), sanitize=False, removeHs=False))
        except OSError as error:
            raise UserError(f"'{path}' holds no molecule (no SDF file, or an empty one).") from error
        if not found:
            raise UserError(f"'{path}' holds no molecule. Give an SDF file with 3D coordinates.")
        for k, mol in enumerate(found, 1):
            if mol is None or not mol.GetNumAtoms():
                raise UserError(f"Record {k} of '{path}' cannot be read as a molecule. Give an SDF file.")
            try:
                # Not made aromatic: the double bonds stay where the file has them.
                Chem.SanitizeMol(mol, Chem.SANITIZE_ALL ^ Chem.SANITIZE_SETAROMATICITY)
            except (Chem.MolSanitizeException, ValueError) as error:
                raise UserError(
                    f"Record {k} of '{path}' cannot be sanitised: {str(error).strip()}. "
                    "Correct its bonds, charges or hydrogens."
                ) from error
            if not mol.GetNumConformers() or not mol.GetConformer().Is3D():
                raise UserError(f"Record {k} of '{path}' has no 3D coordinates. Give a file with a 3D conformer.")
    return found


def read_lead(path: Path | str, vocabulary: Vocabulary, explicit_hydrogens: bool) -> Fragments:
    """One whole molecule as a `Fragments` without attachment points, hydrogens as the model has them.

    Raises:
        UserError: for a file that holds anything but one connected molecule of elements and charges the model knows.
    """
    records = read_records(path)
    if len(records) != 1 or len(Chem.GetMolFrags(records[0])) != 1:
        raise UserError(
            f"'{path}' must hold one connected molecule, it holds {len(records)} records with "
            f"{sum(len(Chem.GetMolFrags(m)) for m in records)} pieces. Give a file with the molecule alone."
        )
    mol, added = with_hydrogens(records[0]) if explicit_hydrogens else (Chem.RemoveAllHs(records[0]), 0)
    z, charge, bonds, pos = arrays_from_mol(mol)
    _check_known(z, charge, vocabulary, path)
    no = np.zeros(len(z), dtype=bool)
    return Fragments(z, charge, bonds, pos, np.zeros(len(z), np.int64), no, 0, added, _precise(path))


def with_hydrogens(mol: Chem.Mol) -> tuple[Chem.Mol, int]:
    """All hydrogens as atoms, new ones last and placed by RDKit; and how many are new."""
    full = Chem.AddHs(mol, addCoords=True)
    return full, full.GetNumAtoms() - mol.GetNumAtoms()


def _by_dummies(mol: Chem.Mol, path) -> set[int]:
    """Neighbours of dummy atoms."""
    marked = set()
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum():
            continue
        around = [n.GetIdx() for n in atom.GetNeighbors() if n.GetAtomicNum() > 1]
        if not around:
            raise UserError(
                f"Atom {atom.GetIdx() + 1} of '{path}' is a dummy atom bonded to no heavy atom. "
                "A dummy atom marks the heavy atoms that it is bonded to."
            )
        marked.update(around)
    return marked


def _by_number(mol: Chem.Mol, text: str, path) -> set[int]:
    """Atoms of '3,7', 0-based."""
    marked, n = set(), mol.GetNumAtoms()
    givers = [a.GetIdx() + 1 for a in mol.GetAtoms() if a.GetAtomicNum() > 1 and a.GetTotalNumHs(includeNeighbors=True)]
    able = f"Atoms with a hydrogen to give: {', '.join(map(str, givers)) or 'none'}."
    for word in filter(None, (w.strip() for w in text.split(","))):
        if not word.isdecimal():
            raise UserError(f"--attach takes numbers of atoms, got '{word}'. Type for example --attach 3,7. {able}")
        number = int(word)
        if not 1 <= number <= n:
            raise UserError(f"--attach {number}: '{path}' has atoms 1 to {n}. {able}")
        atom = mol.GetAtomWithIdx(number - 1)
        if atom.GetAtomicNum() == 1:
            holder = [a.GetIdx() + 1 for a in atom.GetNeighbors()]
            raise UserError(f"--attach {number} is a hydrogen. Give the atom it sits on: --attach {holder[0]}")
        if not atom.GetAtomicNum():
            raise UserError(f"--attach {number} is a dummy atom; the atom it is bonded to is marked by it already.")
        if number not in givers:
            raise UserError(f"--attach {number}: {atom.GetSymbol()} {number} of '{path}' has no hydrogen. {able}")
        marked.add(number - 1)
    return marked


def _check_known(z: np.ndarray, charge: np.ndarray, vocabulary: Vocabulary, path) -> None:
    """Refuse what the model has no class for."""
    table = Chem.GetPeriodicTable()
    strange = sorted({table.GetElementSymbol(int(n)) for n in z if int(n) not in vocabulary.atomic_numbers})
    if strange:
        raise UserError(
            f"'{path}' holds {', '.join(strange)}. This model knows {', '.join(vocabulary.elements)}. "
            "Give another file or another --model."
        )
    strange = sorted({int(c) for c in charge} - set(vocabulary.charges))
    if strange:
        raise UserError(f"'{path}' holds formal charge {strange[0]:+d}. This model knows {list(vocabulary.charges)}.")
    if not (z > 1).any():
        raise UserError(f"'{path}' holds no heavy atom. Give a fragment with at least one.")


def _pieces(n: int, bonds: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    """(n,) label of the connected heavy atoms, hydrogens with the atom they sit on; -1 for dummy atoms alone."""
    label = np.where(heavy, np.arange(n), -1)
    changed = True
    while changed:
        changed = False
        for i, j, _ in bonds.tolist():
            if heavy[i] and heavy[j] and label[i] != label[j]:
                label[i] = label[j] = min(label[i], label[j])
                changed = True
    for i, j, _ in bonds.tolist():
        if heavy[i] != heavy[j]:
            light, holder = (j, i) if heavy[i] else (i, j)
            label[light] = label[holder]
    return label


def _kept(z, charge, bonds, pos, piece, points, kept, slots, added, precise) -> Fragments:
    """The atoms that stay, numbered anew in the same order."""
    new = np.cumsum(kept) - 1
    rows = [(new[i], new[j], order) for i, j, order in bonds.tolist() if kept[i] and kept[j]]
    owner = np.unique(piece[kept], return_inverse=True)[1]
    rows = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Fragments(z[kept], charge[kept], rows, pos[kept], owner, points[kept], slots, added, precise)


def _precise(path: Path | str) -> bool:
    return "V3000" in Path(path).read_text(errors="replace")


def bonds_elsewhere(mol: Chem.Mol, owner: Sequence[int], attach: Sequence[bool]) -> int:
    """New bonds that should not be: at an atom of a fragment that is no attachment point.

    Args:
        mol: generated; its first atoms are the known ones.
        owner: fragment of each known atom.
        attach: whether each known atom is an attachment point.
    """
    return sum(not all(attach[k] for k in (i, j) if k < len(owner)) for i, j in _ends(mol) if _is_new(i, j, owner))


def fragments_used(mol: Chem.Mol, owner: Sequence[int], attach: Sequence[bool]) -> bool:
    """Whether every fragment has a new bond to a heavy atom at an attachment point."""
    used = set()
    for i, j in _ends(mol):
        if not _is_new(i, j, owner):
            continue
        for at, other in ((i, j), (j, i)):
            if at < len(owner) and attach[at] and mol.GetAtomWithIdx(other).GetAtomicNum() > 1:
                used.add(owner[at])
    return used == set(owner)


def _ends(mol: Chem.Mol) -> list[tuple[int, int]]:
    return [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]


def _is_new(i: int, j: int, owner: Sequence[int]) -> bool:
    """A bond to a new atom, or between fragments. Bonds within a fragment are compared with the given ones."""
    known = len(owner)
    return (i < known or j < known) and not (i < known and j < known and owner[i] == owner[j])
