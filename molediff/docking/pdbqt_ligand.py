"""An RDKit ligand as PDBQT (by meeko), and poses back onto the same RDKit molecule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from rdkit import Chem

from molediff.chem.proteins import AUTODOCK_ELEMENTS
from molediff.config import UserError
from molediff.docking.ligand import with_poses

STRETCH = 0.05
"""Most by which a bond may differ between the conformer that went in and a pose, angstrom; PDBQT has 3 decimals."""
CLOSURE = 0.5
"""The same for bonds of rings that meeko opens to make them flexible."""
ELEMENT = AUTODOCK_ELEMENTS | {"CL": "Cl", "BR": "Br", "SI": "Si"}
"""AutoDock type in capitals -> element, where it is not the type itself."""


@dataclass(frozen=True)
class LigandPdbqt:
    """One conformer of a ligand as a docking engine reads it."""

    text: str
    """PDBQT with meeko's remarks."""
    serials: dict[int, int]
    """Serial number in the file -> index of the atom in the RDKit molecule. Hydrogens on carbon are not in the file."""
    torsions: int
    """Rotatable bonds, the branches of the file."""
    opened: frozenset[tuple[int, int]]
    """Bonds (pairs of atom indices, lower first) of rings that were opened; their closure is only approximate."""


def to_pdbqt(mol: Chem.Mol, conformer: int = -1, rigid_rings: bool = False) -> LigandPdbqt:
    """PDBQT of one conformer.

    Args:
        mol: with explicit hydrogens, one fragment.
        conformer: id.
        rigid_rings: leave rings of seven and more closed. Meeko opens them for a search to bend them; their bonds then
            count among the rotors by which Vina divides, and the score is no longer that of the molecule.

    Raises:
        ValueError: what meeko refused, or a file whose atoms cannot be told apart; the caller makes it a reason.
    """
    single = Chem.Mol(mol, confId=conformer) if conformer >= 0 else Chem.Mol(mol)
    preparation, writer = _meeko(rigid_rings)
    try:
        setups = preparation.prepare(single)
        text, fine, error = writer.write_string(setups[0])
    except (ValueError, RuntimeError, KeyError, AssertionError, IndexError) as problem:
        raise ValueError(f"meeko refused the ligand: {problem}") from problem
    if not fine:
        raise ValueError(f"meeko refused the ligand: {error}")
    return LigandPdbqt(text, _serials(text, single), text.count("\nBRANCH"), _opened(text, single))


@lru_cache(maxsize=2)
def _meeko(rigid_rings: bool):
    try:
        from meeko import MoleculePreparation, PDBQTWriterLegacy
    except ImportError as error:
        raise UserError(
            f"Vina needs meeko ({error}). Type: pip install -e '.[dock]' in the clone, or use --engine torch."
        ) from error
    return MoleculePreparation(rigid_macrocycles=rigid_rings), PDBQTWriterLegacy


def atoms_of(text: str) -> list[tuple[int, str, np.ndarray]]:
    """(serial, AutoDock type, position (3,)) of every atom of a PDBQT model, glue atoms of opened rings left out."""
    found = []
    for line in text.splitlines():
        if line.startswith(("ATOM", "HETATM")):
            kind = line[77:].strip()
            if not (kind[:1] == "G" and kind[1:].isdigit()):
                xyz = np.array([float(line[30:38]), float(line[38:46]), float(line[46:54])])
                found.append((int(line[6:11]), kind, xyz))
    return found


def _serials(text: str, mol: Chem.Mol) -> dict[int, int]:
    """Serial -> index. The file has the conformer's own coordinates: an atom is the RDKit atom that lies there."""
    places = mol.GetConformer().GetPositions()
    symbols = [a.GetSymbol() for a in mol.GetAtoms()]
    serials: dict[int, int] = {}
    for serial, kind, xyz in atoms_of(text):
        distance = np.linalg.norm(places - xyz, axis=1)
        index = int(distance.argmin())
        if distance[index] > 0.002 or symbols[index] != _element(kind) or index in serials.values():
            raise ValueError(f"atom {serial} ({kind}) of the PDBQT is no atom of the ligand")
        serials[serial] = index
    heavy = {a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1}
    if heavy - set(serials.values()):
        raise ValueError("the PDBQT lacks heavy atoms of the ligand")
    return serials


def _element(kind: str) -> str:
    upper = kind.upper()
    if upper.startswith("CG") and upper[2:].isdigit():  # the carbon of an opened ring
        return "C"
    return ELEMENT.get(upper, upper)


def _opened(text: str, mol: Chem.Mol) -> frozenset[tuple[int, int]]:
    """Ring bonds that no longer close: those between two carbons of type CG0, CG1, ..."""
    places = mol.GetConformer().GetPositions()
    marked = set()
    for _, kind, xyz in atoms_of(text):
        if kind[:2] == "CG":
            marked.add(int(np.linalg.norm(places - xyz, axis=1).argmin()))
    bonds = (sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in mol.GetBonds() if b.IsInRing())
    return frozenset((i, j) for i, j in bonds if i in marked and j in marked)


def onto(mol: Chem.Mol, conformer: int, written: LigandPdbqt, model: str) -> np.ndarray:
    """Positions of all atoms of ``mol``, (N, 3), in the pose that a PDBQT model holds.

    Hydrogens that the file lacks ride on their heavy atom: docking moves rigid groups, so the neighbourhood of the
    parent is laid over its place in the pose and the hydrogen goes with it.

    Raises:
        ValueError: for a model that is not of this ligand.
    """
    before = mol.GetConformer(conformer).GetPositions()
    after = np.full_like(before, np.nan)
    for serial, _, xyz in atoms_of(model):
        if serial not in written.serials:
            raise ValueError(f"atom {serial} of the pose is not of this ligand")
        after[written.serials[serial]] = xyz
    known = np.isfinite(after[:, 0])
    if int(known.sum()) != len(written.serials):
        raise ValueError(f"the pose has {int(known.sum())} of {len(written.serials)} atoms")
    for parent in {mol.GetAtomWithIdx(int(h)).GetNeighbors()[0].GetIdx() for h in np.flatnonzero(~known)}:
        hydrogens = [n.GetIdx() for n in mol.GetAtomWithIdx(parent).GetNeighbors() if not known[n.GetIdx()]]
        frame = _frame(mol, parent, before)
        rotation, shift = superpose(before[frame], after[frame])
        after[hydrogens] = before[hydrogens] @ rotation.T + shift
    return after


def _frame(mol: Chem.Mol, parent: int, places: np.ndarray) -> list[int]:
    """Heavy atoms that move as one with the hydrogens of ``parent``: it, its neighbours, theirs if it has but one."""
    heavy = [n.GetIdx() for n in mol.GetAtomWithIdx(parent).GetNeighbors() if n.GetAtomicNum() > 1]
    frame = [parent, *heavy]
    if len(heavy) < 2 or np.linalg.matrix_rank(places[frame] - places[parent], tol=0.2) < 2:
        for i in heavy:
            frame += [n.GetIdx() for n in mol.GetAtomWithIdx(i).GetNeighbors() if n.GetAtomicNum() > 1]
    return sorted(set(frame))  # one order, so that both ends of a line, as in ethane, turn alike


def superpose(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation R (3, 3) and shift t (3,) with ``a @ R.T + t`` nearest to ``b``; both (n, 3), n >= 1 (Kabsch)."""
    ca, cb = a.mean(0), b.mean(0)
    u, _, vt = np.linalg.svd((a - ca).T @ (b - cb))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u @ flip @ vt).T
    return rotation, cb - rotation @ ca


def faults(mol: Chem.Mol, conformer: int, places: np.ndarray, opened: frozenset[tuple[int, int]] = frozenset()) -> str:
    """What differs between a molecule and a pose of it, or '': bond lengths, bond orders and stereo must be the same.

    Args:
        mol: as it went in, with stereo.
        conformer: id of the conformer that was docked.
        places: (N, 3) of the pose.
        opened: bonds for which `CLOSURE` holds instead of `STRETCH`.
    """
    if not np.isfinite(places).all():
        return "a pose has no finite positions"
    before = mol.GetConformer(conformer).GetPositions()
    for bond in mol.GetBonds():
        i, j = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
        change = abs(np.linalg.norm(places[i] - places[j]) - np.linalg.norm(before[i] - before[j]))
        if change > (CLOSURE if (i, j) in opened else STRETCH):
            return f"docking changed the bond {i}-{j} by {change:.2f} A"
    was, became = isomer(mol, before), isomer(mol, places)
    return "" if was == became else f"docking changed the molecule: {was} to {became}"


def isomer(mol: Chem.Mol, places: np.ndarray) -> str:
    """Isomeric SMILES with the stereo that positions show, and none other."""
    copy = with_poses(mol, [places])
    Chem.RemoveStereochemistry(copy)
    Chem.AssignStereochemistryFrom3D(copy)
    return Chem.MolToSmiles(Chem.RemoveHs(copy))
