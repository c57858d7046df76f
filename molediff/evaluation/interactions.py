"""Interactions of a pose with the protein, by prolif, and their likeness to those of the reference pose."""

from __future__ import annotations

import logging
import warnings
from functools import lru_cache

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from .complexes import stamp
from .errors import InputError

KINDS = {
    "HBDonor": "hydrogen bond, ligand gives",
    "HBAcceptor": "hydrogen bond, ligand takes",
    "XBDonor": "halogen bond",
    "Cationic": "salt bridge, ligand positive",
    "Anionic": "salt bridge, ligand negative",
    "CationPi": "cation-pi, ligand positive",
    "PiCation": "cation-pi, protein positive",
    "PiStacking": "pi stacking",
    "MetalDonor": "metal, ligand is the metal",
    "MetalAcceptor": "metal, held by the ligand",
    "Hydrophobic": "hydrophobic contact",
}
"""What prolif looks for: its defaults without VdWContact, which every neighbour has, plus halogens and metals."""


def contacts(mol: Chem.Mol, protein: str) -> list[dict]:
    """Interactions of one pose, the nearest of each (residue, kind).

    Args:
        mol: sanitised, with hydrogens and one conformer in the protein's frame, angstrom.
        protein: PDB file with hydrogens.

    Returns:
        dicts `residue` ('A:ASP129'), `kind` (key of KINDS), `distance` (angstrom, as prolif defines it for the kind),
        `ligand_x`, `ligand_y`, `ligand_z`, `protein_x`, ... (angstrom, middle of the atoms that take part), in the
        order of KINDS, then by distance.

    Raises:
        InputError: without prolif, or where RDKit cannot make sense of the protein.
    """
    prolif = _prolif()
    whole = host(str(protein))
    with BlockLogs():
        ligand = prolif.Molecule.from_rdkit(mol)
        found = prolif.Fingerprint(list(KINDS)).generate(ligand, whole, metadata=True)
    pos, there = mol.GetConformer().GetPositions(), whole.GetConformer().GetPositions()
    rows = []
    for (_, residue), kinds in found.items():
        for kind, hits in kinds.items():
            hit = min(hits, key=lambda one: one["distance"])
            ends = (pos[list(hit["parent_indices"]["ligand"])], there[list(hit["parent_indices"]["protein"])])
            rows.append(
                {"residue": _residue(residue), "kind": kind, "distance": float(hit["distance"])}
                | dict(zip(("ligand_x", "ligand_y", "ligand_z"), map(float, ends[0].mean(0)), strict=True))
                | dict(zip(("protein_x", "protein_y", "protein_z"), map(float, ends[1].mean(0)), strict=True))
            )
    order = list(KINDS)
    return sorted(rows, key=lambda row: (order.index(row["kind"]), row["distance"], row["residue"]))


def text(rows: list[dict]) -> str:
    """One line: 'A:ASP129 HBDonor 2.81; ...'."""
    return "; ".join(f"{row['residue']} {row['kind']} {row['distance']:.2f}" for row in rows)


def parse(line: str) -> list[tuple[str, str, float]]:
    """(residue, kind, angstrom) of a line that `text` wrote."""
    parts = [one.rsplit(" ", 2) for one in str(line).split("; ") if one]
    return [(residue, kind, float(distance)) for residue, kind, distance in parts]


def similarity(rows: list[dict], reference: list[dict]) -> float | None:
    """Tanimoto similarity of the two sets of (residue, kind), 0 to 1; None where both are empty."""
    one, two = ({(row["residue"], row["kind"]) for row in side} for side in (rows, reference))
    return len(one & two) / len(one | two) if one | two else None


def protonated(mol: Chem.Mol) -> Chem.Mol:
    """A sanitised copy with explicit hydrogens; those only implied get places.

    Raises:
        ValueError: of RDKit, where it does not sanitise.
    """
    work = Chem.Mol(mol)
    Chem.SanitizeMol(work)
    return Chem.AddHs(work, addCoords=True)


def _prolif():
    try:
        logging.getLogger("MDAnalysis").setLevel(logging.ERROR)
        # MDAnalysis warns about its own modules, and sees to it that filters set before do not stop that.
        with warnings.catch_warnings(record=True):
            import prolif
        warnings.filterwarnings("ignore", module="MDAnalysis")
    except ImportError as error:
        raise InputError(
            f'Interactions need prolif ({error}). Type: pip install -e ".[dock]" in the clone of molediff'
        ) from error
    return prolif


def _residue(found) -> str:
    name = f"{found.name}{found.number}"
    return f"{found.chain}:{name}" if found.chain else name


def host(protein: str):
    """The protein as prolif takes it, read once; bonds by residue templates, by distance within anything else.

    Raises:
        InputError: without prolif, without hydrogens, or where RDKit cannot make sense of the file.
    """
    return _host(protein, stamp(protein))


@lru_cache(maxsize=2)
def _host(path: str, changed: int):
    prolif = _prolif()
    with BlockLogs():
        mol = Chem.MolFromPDBFile(path, sanitize=False, removeHs=False)
        if mol is None or mol.GetNumAtoms() == 0:
            raise InputError(f"'{path}' holds no protein atoms. Give a PDB file: --protein receptor.pdb")
        if not any(atom.GetAtomicNum() == 1 for atom in mol.GetAtoms()):
            raise InputError(f"'{path}' has no hydrogens, without which prolif sees no hydrogen bond. Add them first.")
        if Chem.SanitizeMol(mol, catchErrors=True):
            mol = _without_faults(path)
    try:
        return prolif.Molecule.from_rdkit(mol)
    except RuntimeError as error:  # a residue in several pieces, as where an atom in its middle is missing
        raise InputError(
            f"prolif cannot take the protein '{path}' apart into residues: {str(error)[:200]} ..."
        ) from error


def _without_faults(path: str) -> Chem.Mol:
    """The protein without the residues that RDKit refuses (a cofactor with bonds guessed wrongly, mostly)."""
    mol = Chem.MolFromPDBFile(path, sanitize=False, removeHs=False)
    mol.UpdatePropertyCache(strict=False)
    bad = {_place(mol.GetAtomWithIdx(i)) for problem in Chem.DetectChemistryProblems(mol) for i in _atoms(problem)}
    work = Chem.RWMol(mol)
    work.BeginBatchEdit()
    for atom in mol.GetAtoms():
        if _place(atom) in bad:
            work.RemoveAtom(atom.GetIdx())
    work.CommitBatchEdit()
    if work.GetNumAtoms() == 0 or Chem.SanitizeMol(work, catchErrors=True):
        raise InputError(f"RDKit cannot make sense of the protein '{path}'. Prepare it: molediff pocket {path} ...")
    return work.GetMol()


def _place(atom: Chem.Atom) -> tuple:
    info = atom.GetPDBResidueInfo()
    return info.GetChainId(), info.GetResidueNumber(), info.GetInsertionCode()


def _atoms(problem) -> list[int]:
    indices = getattr(problem, "GetAtomIndices", None)
    return list(indices()) if indices else [problem.GetAtomIdx()]
