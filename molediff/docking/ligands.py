"""Libraries of ligands: SMILES, SDF or CSV in, one `Ligand` a row out. Nothing is dropped."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors
from rdkit.rdBase import BlockLogs

from molediff.config import UserError
from molediff.docking.conformations import embed
from molediff.docking.ligand import Ligand
from molediff.docking.protonate import protonate
from molediff.docking.settings import DockConfig

ELEMENTS = {"H": 1, "C": 6, "N": 7, "O": 8, "F": 9, "Si": 14, "P": 15, "S": 16, "Cl": 17, "Br": 35, "I": 53}
"""What Vina and AutoDock have parameters for in a ligand."""
FORMATS = {".smi": "smiles", ".smiles": "smiles", ".txt": "smiles", ".sdf": "sdf", ".mol": "sdf", ".csv": "csv"}
"""Suffix -> how a library is read."""
MOST_HEAVY = 200
"""Heavy atoms beyond which a row is no ligand."""


HOLDS = {
    "smiles": "It takes one a line: SMILES, a space, a name.",
    "csv": "It takes a column smiles and one molecule a line.",
    "sdf": "An SD file holds records that end with $$$$.",
}
"""Kind of file -> what a library of it looks like."""


@dataclass(frozen=True)
class Row:
    """One row of a library, as text."""

    row: int
    """Place in the library, from 0."""
    name: str
    """Title, or the SMILES where there is none."""
    smiles: str = ""
    """As given; '' when ``block`` is."""
    block: str = ""
    """MDL mol block as given; '' when ``smiles`` is."""
    reason: str = ""
    """Why there is neither; '' when there is."""


def read_library(path: Path | str) -> list[Row]:
    """Rows of a library.

    SMILES: 'SMILES name' a line, empty lines and lines that begin with # are no rows. CSV: a column ``smiles``, and
    ``name`` or ``id`` if there is one. SDF: one row a record.

    Raises:
        UserError: for a file that is missing, of another format, without the column or without a row.
    """
    path = Path(path)
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise UserError(f"'{path}' is no library that can be read. Allowed: {', '.join(FORMATS)}.")
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UserError(f"The library '{path}' cannot be read ({error.strerror}). Give --molecules FILE.") from error
    rows = {"smiles": _from_smiles, "sdf": _from_sdf, "csv": _from_csv}[kind](text, path)
    if not rows:
        raise UserError(f"The library '{path}' holds no molecule. {HOLDS[kind]}")
    return rows


def rows_of(mols: list[Chem.Mol | str]) -> list[Row]:
    """Rows of molecules that are in memory: SMILES, or RDKit molecules with or without conformers."""
    rows = []
    for i, mol in enumerate(mols):
        if isinstance(mol, str):
            rows.append(Row(i, mol, smiles=mol))
        elif mol is None:
            rows.append(Row(i, "", reason="no molecule to judge"))
        else:
            name = mol.GetProp("_Name") if mol.HasProp("_Name") else ""
            given = {"block": Chem.MolToMolBlock(mol)} if mol.GetNumConformers() else {"smiles": Chem.MolToSmiles(mol)}
            rows.append(Row(i, name or Chem.MolToSmiles(mol), **given))
    return rows


def _from_smiles(text: str, path: Path) -> list[Row]:
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    rows = []
    for i, line in enumerate(lines):
        words = line.split(None, 1)
        rows.append(Row(i, words[1].strip() if len(words) > 1 else words[0], smiles=words[0]))
    return rows


def _from_csv(text: str, path: Path) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text))
    columns = {(c or "").strip().lower(): c for c in reader.fieldnames or []}
    if "smiles" not in columns:
        raise UserError(
            f"'{path}' has no column 'smiles'. Its columns: {', '.join(columns) or 'none'}. Name one of them smiles."
        )
    title = columns.get("name") or columns.get("id")
    rows = []
    for i, line in enumerate(reader):
        smiles = (line[columns["smiles"]] or "").strip()
        name = ((line[title] or "") if title else "").strip()
        rows.append(Row(i, name or smiles, smiles=smiles, reason="" if smiles else "the column smiles is empty"))
    return rows


def _from_sdf(text: str, path: Path) -> list[Row]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    records = text.split("\n$$$$")
    records = [records[0], *(r.partition("\n")[2] for r in records[1:])]
    rows = []
    for record in records:
        if not record.strip():
            continue
        block, end, _ = record.partition("M  END")
        name = record.split("\n", 1)[0].strip()
        i = len(rows)
        reason = "" if end else "the record has no 'M  END': the file is cut off"
        rows.append(Row(i, name or f"record {i}", block=block + end, reason=reason))
    return rows


def prepare(row: Row, config: DockConfig, protonation: bool = False) -> Ligand:
    """A row ready to be docked: read, checked, with hydrogens and ``config.conformers`` conformers.

    The charges stay as given unless ``protonation``; what was done is said in ``note``. Stereo centres that the input
    leaves open are drawn by the first conformer, which the note says too, and are the same in all.

    Args:
        row: of `read_library`.
        config: conformers (0: the coordinates as given), seed, torsions.
        protonation: set acids and bases to their state at pH 7.4, by the rules of `molediff.docking.protonate`.
    """
    mol, reason = parse(row)
    notes = ["protonation as given"]
    if not reason:
        reason = unfit(mol, config.torsions)
    if reason:
        return Ligand(row.row, row.name, None, reason=reason)
    if protonation:
        mol, changed = protonate(mol)
        notes = [f"protonated at pH 7.4: {changed or 'nothing to change'}"]
    solid = mol.GetNumConformers() > 0 and mol.GetConformer().Is3D()
    if config.conformers == 0 and not solid:
        return Ligand(row.row, row.name, None, reason="has no 3D coordinates to start from; ask for --conformers 1")
    before = mol.GetNumAtoms()
    mol = Chem.AddHs(mol, addCoords=solid)
    if mol.GetNumAtoms() > before:
        notes.append("hydrogens added")
    if config.conformers == 0:
        Chem.AssignStereochemistryFrom3D(mol)
        return Ligand(row.row, row.name, mol, note="; ".join([*notes, "coordinates as given"]))
    mol, drawn, reason = embed(mol, config.conformers, config.seed, row.row)
    if reason:
        return Ligand(row.row, row.name, None, reason=reason)
    if drawn:
        notes.append(f"{drawn} open stereo element{'s' * (drawn > 1)} drawn")
    count = mol.GetNumConformers()
    notes.append("embedded" if count == 1 else f"embedded {count} conformers")
    return Ligand(row.row, row.name, mol, note="; ".join(notes))


def parse(row: Row) -> tuple[Chem.Mol | None, str]:
    """(sanitised molecule with its conformer if it has one, '') or (None, reason)."""
    if row.reason:
        return None, row.reason
    with BlockLogs():
        try:
            mol = _read(row)
            if mol is None:
                return None, f"cannot be read as {'a mol block' if row.block else 'SMILES'}"
            Chem.SanitizeMol(mol)
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
            if row.block and mol.GetNumConformers():
                _show_stereo(mol)
        except (ValueError, RuntimeError) as error:
            return None, f"chemistry refused: {str(error).strip().splitlines()[0]}"[:160]
    return mol, ""


def _read(row: Row) -> Chem.Mol | None:
    """The molecule as it stands in the text, unsanitised."""
    if row.block:
        return Chem.MolFromMolBlock(row.block, sanitize=False, removeHs=False)
    params = Chem.SmilesParserParams()
    params.sanitize, params.removeHs = False, False
    return Chem.MolFromSmiles(row.smiles, params)


def _show_stereo(mol: Chem.Mol) -> None:
    """Stereochemistry from the positions, or from the wedges of a flat drawing."""
    if mol.GetConformer().Is3D():
        Chem.AssignStereochemistryFrom3D(mol)
        return
    Chem.AssignChiralTypesFromBondDirs(mol)
    Chem.SetDoubleBondNeighborDirections(mol)
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)


def unfit(mol: Chem.Mol, torsions: int) -> str:
    """Why a molecule cannot be a ligand, or ''. Limits: one fragment, `ELEMENTS`, 1 to 200 heavy atoms, torsions."""
    heavy = mol.GetNumHeavyAtoms()
    if heavy == 0:
        return "has no heavy atom"
    fragments = len(Chem.GetMolFrags(mol))
    if fragments > 1:
        return f"has {fragments} fragments; keep the one to be docked"
    odd = sorted({a.GetSymbol() for a in mol.GetAtoms()} - set(ELEMENTS))
    if odd:
        return f"holds {', '.join(odd)}; allowed elements: {', '.join(ELEMENTS)}"
    if heavy > MOST_HEAVY:
        return f"has {heavy} heavy atoms; at most {MOST_HEAVY}"
    if any(a.GetNumRadicalElectrons() for a in mol.GetAtoms()):
        return "has unpaired electrons"
    rotatable = rdMolDescriptors.CalcNumRotatableBonds(mol)
    if rotatable > torsions:
        return f"has {rotatable} rotatable bonds; at most {torsions} (--torsions)"
    return ""
