"""Which molecules are left out of a prepared set, by rules that have names, and what the others become."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.chem import centres, double_bonds, mol_from_arrays, perceive_from_3d
from molediff.chem.hydrogens import NO_REPAIR
from molediff.data.record import Record
from molediff.data.split import SPLITS
from molediff.elements import Vocabulary

LEFT_OUT = {
    "held_out": "outside the training part of --split",
    "unreadable": "the record cannot be parsed, or its bonds name atoms that do not exist",
    "not_embedded": "a SMILES for which ETKDG finds no conformer",
    "no_force_field": "a SMILES for which MMFF94 has no parameters; --xtb does without them",
    "not_relaxed": "MMFF94 or GFN2-xTB did not reach a minimum",
    "uncharacterised": "one of the 3,054 QM9 molecules that turned into another while they were relaxed",
    "bonds_differ": "the distances show other bonds than the record",
    "empty": "no atoms, or nothing but hydrogens where they are implied",
    "bond_type": "a bond that is not single, double, triple or aromatic",
    "no_3d": "no coordinates, a flat drawing, or all atoms in one place",
    "nan_coordinates": "a coordinate is NaN or infinite",
    "element": "an element outside the vocabulary (--elements)",
    "charge": "a formal charge outside the vocabulary (--charges)",
    "too_many_atoms": "more atoms than --max-atoms",
    "not_sanitised": "RDKit refuses the molecule as it is written (valence or kekulisation); nothing is repaired",
    "fragments": "more than one molecule in the record (a salt, a solvate)",
    "radical": "an unpaired electron",
    "implicit_hydrogens": "hydrogens are missing; add them with coordinates, or use --heavy",
    "hydrogens_not_implied": "--heavy: its hydrogens do not follow from the heavy atoms",
}
"""rule -> what it leaves out, in the order in which the rules are asked."""

LOST = ("unreadable", "not_embedded", "no_force_field", "not_relaxed")
"""Rules that leave out what was meant to be in the set: a run that met them lost molecules."""


@dataclass(frozen=True)
class Options:
    """What a set is prepared for."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    """Elements and charges that are allowed."""
    explicit_hydrogens: bool = True
    """Whether hydrogens are atoms of their own; when False they are removed and implied."""
    max_atoms: int = 255
    """Most atoms a molecule may have, counted as stored; indices are stored in a byte."""
    limit: int | None = None
    """Read so many records only."""
    split: str = "all"
    """Keep the training part of a split only, see `molediff.data.split.SPLITS`."""
    xtb: bool = False
    """Relax every molecule with GFN2-xTB before it is judged."""


@dataclass(frozen=True)
class Ready:
    """A molecule as it is stored."""

    index: int
    """Number in its source."""
    atom: np.ndarray
    """(n,) element classes."""
    charge: np.ndarray
    """(n,) charge classes."""
    pos: np.ndarray
    """(n, 3) angstrom, centred."""
    bonds: np.ndarray
    """(m, 3) rows (i, j, order)."""
    centres: np.ndarray
    """(s, 5), see `molediff.chem.centres`."""
    cistrans: np.ndarray
    """(d, 3), see `molediff.chem.double_bonds`."""


class LeftOutError(Exception):
    """A molecule that a rule leaves out: the rule and words to it."""

    def __init__(self, rule: str, detail: str = ""):
        super().__init__(rule, detail)
        self.rule, self.detail = rule, detail


def prepare_one(record: Record, options: Options) -> Ready:
    """Judge a molecule and bring it into the form that is stored.

    Raises:
        LeftOutError: by the first rule that applies.
    """
    if not SPLITS[options.split](np.array([record.index]))[0]:
        raise LeftOutError("held_out", options.split)
    if record.problem:
        raise LeftOutError(record.problem, record.detail)
    stored = np.ones(len(record.z), bool) if options.explicit_hydrogens else record.z != 1
    _coordinates(record, stored)
    atom, charge = _classes(record, stored, options)
    if len(atom) > options.max_atoms:
        raise LeftOutError("too_many_atoms", f"{len(atom)} atoms, at most {options.max_atoms}")
    with BlockLogs():
        mol = _sanitised(record, options.explicit_hydrogens)
        if options.explicit_hydrogens:
            _closed(mol, record)
        elif record.radicals or any(a.GetNumRadicalElectrons() for a in mol.GetAtoms()):
            raise LeftOutError("radical")
        try:
            mol = perceive_from_3d(mol)
        except (ValueError, RuntimeError) as error:
            raise LeftOutError("not_sanitised", f"no stereochemistry: {error}") from None
        rows, pairs, bonds = centres(mol), double_bonds(mol), np.asarray(record.bonds)
        if not options.explicit_hydrogens:
            rows, pairs, bonds = _without(stored, rows, pairs, bonds)
            _implied(mol, record, stored, bonds)
    pos = record.pos[stored]
    pos = (pos - pos.mean(0)).astype(np.float32)
    return Ready(record.index, atom, charge, pos, bonds, rows, pairs)


def _coordinates(record: Record, stored: np.ndarray) -> None:
    if not stored.any():
        raise LeftOutError("empty")
    if record.pos is None:
        raise LeftOutError("no_3d", "no 3D conformer")
    if not np.isfinite(record.pos).all():
        raise LeftOutError("nan_coordinates", f"atom {np.flatnonzero(~np.isfinite(record.pos).all(1))[0]}")
    if len(record.z) > 1 and not np.ptp(record.pos, axis=0).any():
        raise LeftOutError("no_3d", "all atoms in one place")


def _classes(record: Record, stored: np.ndarray, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Element and charge classes of the stored atoms."""
    vocabulary = options.vocabulary
    elements = {z: k for k, z in enumerate(vocabulary.atomic_numbers)}
    charges = {c: k for k, c in enumerate(vocabulary.charges)}
    z, charge = record.z[stored].tolist(), record.charge[stored].tolist()
    strange = [number for number in z if number not in elements]
    if strange:
        raise LeftOutError("element", _symbol(strange[0]))
    strange = [c for c in charge if c not in charges] + [c for c in record.charge[~stored].tolist() if c]
    if strange:
        raise LeftOutError("charge", f"{strange[0]:+d}")
    return np.array([elements[number] for number in z], np.uint8), np.array([charges[c] for c in charge], np.uint8)


def _sanitised(record: Record, explicit_hydrogens: bool) -> Chem.Mol:
    """The molecule as written, in one piece, sanitised without repair."""
    try:
        mol = mol_from_arrays(record.z, record.charge, record.bonds, record.pos, explicit_hydrogens)
    except (KeyError, ValueError, RuntimeError, OverflowError) as error:
        raise LeftOutError(
            "unreadable", f"atoms and bonds do not fit: {str(error).split(chr(10))[0].strip()}"
        ) from None
    try:
        step = Chem.SanitizeMol(mol, sanitizeOps=NO_REPAIR, catchErrors=True)
    except (ValueError, RuntimeError):
        step = "sanitisation failed"
    if step != Chem.SanitizeFlags.SANITIZE_NONE:
        problems = [problem.Message() for problem in Chem.DetectChemistryProblems(mol, NO_REPAIR)]
        raise LeftOutError("not_sanitised", problems[0] if problems else str(step))
    pieces = len(Chem.GetMolFrags(mol))
    if pieces > 1:
        raise LeftOutError("fragments", f"{pieces} pieces")
    return mol


def _closed(mol: Chem.Mol, record: Record) -> None:
    """Refuse open valences: RDKit shows a missing hydrogen as a radical where it may not add one."""
    open_atoms = [a.GetIdx() for a in mol.GetAtoms() if a.GetNumRadicalElectrons()]
    if record.radicals:
        raise LeftOutError("radical", "declared in the record")
    if not open_atoms:
        return
    free = mol_from_arrays(record.z, record.charge, record.bonds, None, explicit_hydrogens=False)
    Chem.SanitizeMol(free, sanitizeOps=NO_REPAIR, catchErrors=True)
    added = sum(a.GetTotalNumHs() for a in free.GetAtoms())
    if added:
        raise LeftOutError("implicit_hydrogens", f"{added} missing, the first at atom {open_atoms[0]}")
    raise LeftOutError("radical", f"atom {open_atoms[0]}")


def _without(
    stored: np.ndarray, rows: np.ndarray, pairs: np.ndarray, bonds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres, cis-trans pairs and bonds when hydrogens go; a centre stands in for its hydrogen, last in the row."""
    new = np.where(stored, np.cumsum(stored) - 1, -1)
    kept = []
    for centre, *around in rows.tolist():
        gone = [k for k, atom in enumerate(around) if atom != centre and not stored[atom]]
        if not stored[centre] or len(gone) + around.count(centre) > 1:
            continue
        if gone:
            # an even permutation (two swaps) keeps the handedness
            first, *rest = (k for k in range(4) if k != gone[0])
            order = [first, *rest] if gone[0] % 2 else [rest[0], first, rest[1]]
            around = [around[k] for k in order] + [centre]
        kept.append([new[centre], *new[around]])
    return np.array(kept, dtype=np.int64).reshape(-1, 5), _renumbered(pairs, new), _renumbered(bonds, new)


def _renumbered(table: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Rows (i, j, kind) whose two atoms are both stored, in their new numbers."""
    table = table.astype(np.int64)
    table[:, :2] = new[table[:, :2]]
    return table[(table[:, :2] >= 0).all(1)]


def _implied(full: Chem.Mol, record: Record, stored: np.ndarray, bonds: np.ndarray) -> None:
    """Refuse a molecule whose hydrogens RDKit would not put back as they were."""
    bare = mol_from_arrays(record.z[stored], record.charge[stored], bonds, None, explicit_hydrogens=False)
    step = Chem.SanitizeMol(bare, sanitizeOps=NO_REPAIR, catchErrors=True)
    before = [full.GetAtomWithIdx(int(i)).GetTotalNumHs(includeNeighbors=True) for i in np.flatnonzero(stored)]
    after = [atom.GetTotalNumHs() for atom in bare.GetAtoms()]
    if step != Chem.SanitizeFlags.SANITIZE_NONE or before != after:
        raise LeftOutError("hydrogens_not_implied")


def _symbol(number: int) -> str:
    return Chem.GetPeriodicTable().GetElementSymbol(number) if 0 < number < 119 else f"atomic number {number}"
