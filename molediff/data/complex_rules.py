"""Which poses of a complex are left out, by rules that have names, and what the others and their receptor become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rdkit import Chem
from scipy.spatial import cKDTree

from molediff.chem.asked import TOUCHING
from molediff.chem.pocket_classes import pocket_classes
from molediff.chem.proteins import ProteinResidue, protein_of_bytes
from molediff.chem.residue_table import METALS
from molediff.config import UserError
from molediff.data.complex_sources import RawComplex
from molediff.data.poses import count_poses, read_poses
from molediff.data.record import Record
from molediff.data.rules import LEFT_OUT as MOLECULE
from molediff.data.rules import LeftOutError, Options, Ready, prepare_one
from molediff.docking.prepare import clean
from molediff.docking.protein_rules import short_names
from molediff.elements import Vocabulary

CONTACT = 2.4
"""Nearest that a heavy atom of a ligand may come to one of the protein that is no metal, angstrom."""
FAR = 6.0
"""Furthest that a ligand may be from the protein, angstrom."""
SHORTEST = 1.2
"""Shortest bond between ligand and protein, angstrom; atoms that are nearer overlap."""
MOST_ATOMS = 60
"""Most heavy atoms of a ligand, unless asked otherwise."""
_OF_LIGAND = (
    *("empty", "bond_type", "no_3d", "nan_coordinates", "element", "charge", "too_many_atoms", "not_sanitised"),
    *("fragments", "radical", "hydrogens_not_implied"),
)
LEFT_OUT = {
    "held_out_cluster": "its cluster is left out (--leave-out-clusters-of)",
    "protein_unreadable": "the file of the receptor cannot be used",
    "ligand_unreadable": "the ligand is missing or cannot be parsed",
    **{rule: MOLECULE[rule] for rule in _OF_LIGAND},
    "far": f"no protein atom within {FAR:g} A of the ligand",
    "covalent": "bound to the protein, by the distance of a heavy atom from one of the protein's (no metal)",
    "contact": f"a heavy atom below {CONTACT} A from one of the protein's (no metal)",
}
"""rule -> what it leaves out, in the order in which the rules are asked."""
LOST = ("protein_unreadable", "ligand_unreadable")
"""Rules that leave out what was meant to be in the set: a run that met them lost poses."""


@dataclass(frozen=True)
class ComplexOptions:
    """What complexes are prepared for."""

    vocabulary: Vocabulary = field(
        default_factory=lambda: Vocabulary(("C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I"), (0, -1, 1))
    )
    """Elements and charges of ligands; hydrogens are implied."""
    max_atoms: int = MOST_ATOMS
    """Most heavy atoms of a ligand."""
    limit: int | None = None
    """Read so many complexes only."""


@dataclass(frozen=True)
class Prepared:
    """A complex as it is stored."""

    poses: tuple[Ready, ...]
    """Those that are kept; `Ready.index` is the number of the pose in the complex."""
    origins: np.ndarray
    """(poses, 3) float32, see `molediff.data.complexes.POSE_ARRAYS`."""
    receptor: dict[str, np.ndarray]
    """See `molediff.data.complexes.RECEPTOR_ARRAYS`; empty when no pose is kept."""
    left_out: tuple[tuple[int, str, str], ...]
    """(number of the pose, rule, detail) of the others."""


def prepare_complex(raw: RawComplex, options: ComplexOptions, held_out: bool = False) -> Prepared:
    """Judge the poses of a complex and bring them and the receptor into the form that is stored.

    Small molecules of the receptor's file that overlap a pose are the ligand, and leave the receptor.

    Args:
        raw: as its files have it.
        options: of the preparation.
        held_out: whether its cluster is left out.
    """
    groups = raw.ligands or ((),)
    if held_out:
        return _none("held_out_cluster", "", sum(count_poses(files) for files in groups))
    records = [record for files in groups for record in read_poses(files)]
    placed = [r.pos[r.z != 1] for r in records if not r.problem and r.pos is not None and np.isfinite(r.pos).all()]
    heavy = np.concatenate([*placed, np.zeros((0, 3))])
    try:
        residues = heavy_receptor(*raw.protein, heavy if len(heavy) else None)
    except UserError as error:
        return _none("protein_unreadable", " ".join(str(error).split())[:300], len(records))
    surface = Surface.of(residues)
    molecule = Options(options.vocabulary, explicit_hydrogens=False, max_atoms=options.max_atoms)
    ready, origins, left_out = [], [], []
    for number, record in enumerate(records):
        try:
            one = prepare_one(_numbered(record, number), molecule)
            pose = record.pos[record.z != 1]
            surface.judge(pose, record.z[record.z != 1])
        except LeftOutError as why:
            left_out.append((number, "ligand_unreadable" if why.rule == "unreadable" else why.rule, why.detail))
            continue
        ready.append(one)
        origins.append(pose.mean(0))
    receptor = receptor_arrays(residues) if ready else {}
    return Prepared(tuple(ready), np.array(origins, np.float32).reshape(-1, 3), receptor, tuple(left_out))


def heavy_receptor(name: str, data: bytes, ligand: np.ndarray | None) -> list[ProteinResidue]:
    """A receptor by the rules of `molediff.docking.prepare.prepare_receptor`, without hydrogens.

    Args:
        name: of the file.
        data: its contents.
        ligand: (n, 3) heavy atoms that take out what overlaps them, angstrom.

    Raises:
        UserError: for a file that cannot be used.
    """
    residues, log = protein_of_bytes(data, Path(name))
    return short_names(clean(residues, log, ligand), log)


def receptor_arrays(residues: Sequence[ProteinResidue]) -> dict[str, np.ndarray]:
    """The arrays ``rec_*`` of one receptor, without its count."""
    atoms = [(residue, atom) for residue in residues for atom in residue.atoms]
    groups: dict[tuple[str, str, str], int] = {}
    group = [groups.setdefault((r.chain, r.number, r.name), len(groups)) for r, _ in atoms]
    element, residue, backbone = pocket_classes(
        [a.element for _, a in atoms],
        [a.name for _, a in atoms],
        [r.name for r, _ in atoms],
        [not r.polymer for r, _ in atoms],
    )
    return {
        "rec_pos": np.round([a.pos for _, a in atoms], 3).astype(np.float32),
        "rec_element": element,
        "rec_residue": residue,
        "rec_backbone": backbone,
        "rec_group": np.array(group, np.int32),
    }


@dataclass(frozen=True)
class Surface:
    """The heavy atoms of a receptor, to measure poses against."""

    all: cKDTree
    """Every heavy atom."""
    bare: cKDTree
    """Those that are no metals."""
    radius: np.ndarray
    """Covalent radii of ``bare``, angstrom."""
    names: tuple[str, ...]
    """Of ``bare``, for the record."""

    @classmethod
    def of(cls, residues: Sequence[ProteinResidue]) -> Surface:
        """Of cleaned residues."""
        atoms = [(r, a) for r in residues for a in r.atoms]
        bare = [(r, a) for r, a in atoms if a.element not in METALS]
        table = Chem.GetPeriodicTable()
        return cls(
            cKDTree(np.array([a.pos for _, a in atoms]).reshape(-1, 3)),
            cKDTree(np.array([a.pos for _, a in bare]).reshape(-1, 3)),
            np.array([table.GetRcovalent(a.element) for _, a in bare]),
            tuple(f"{r} {a.name}" for r, a in bare),
        )

    def judge(self, pose: np.ndarray, z: np.ndarray) -> None:
        """Refuse a pose that is far from the receptor, bound to it, or too close.

        Args:
            pose: (n, 3) heavy atoms, angstrom.
            z: (n,) their atomic numbers.

        Raises:
            LeftOutError: by the first rule that applies.
        """
        nearest, _ = self.all.query(pose)
        if nearest.min() > FAR:
            raise LeftOutError("far", f"{nearest.min():.1f} A")
        distance, atom = self.bare.query(pose)
        closest = int(distance.argmin())
        if distance[closest] >= CONTACT:
            return
        table = Chem.GetPeriodicTable()
        reach = TOUCHING * (self.radius[atom] + [table.GetRcovalent(int(number)) for number in z])
        # what lies on top of an atom is no bond to it
        rule = "covalent" if ((distance < reach) & (distance > SHORTEST)).any() else "contact"
        raise LeftOutError(rule, f"{distance[closest]:.2f} A from {self.names[atom[closest]]}")


def _numbered(record: Record, number: int) -> Record:
    return Record(**{**record.__dict__, "index": number})


def _none(rule: str, detail: str, poses: int) -> Prepared:
    return Prepared((), np.zeros((0, 3), np.float32), {}, tuple((k, rule, detail) for k in range(poses)))
