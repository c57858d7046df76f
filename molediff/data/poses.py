"""Poses of a ligand file (SD or MOL2) as records, made sound by RDKit: unlike molecules, they come from many hands."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.chem import arrays_from_mol
from molediff.config import UserError
from molediff.data.readers.sdf import records_of
from molediff.data.record import Record, words

MOL2 = b"@<TRIPOS>MOLECULE"


def read_poses(files: Sequence[tuple[str, bytes]]) -> list[Record]:
    """The poses of a ligand.

    Args:
        files: (name, contents) of the same poses in several formats. The first file counts of which a pose can be
            used; when there is none, the first.

    Returns:
        At least one record; hydrogens as in the file. Bonds and charges are those of RDKit's sanitisation, kekulised.
    """
    tried = [_of_file(name, data) for name, data in files]
    empty = [Record(0, problem="ligand_unreadable", detail="no ligand beside the receptor")]
    return next((poses for poses in tried if not all(p.problem for p in poses)), tried[0] if tried else empty)


def count_poses(files: Sequence[tuple[str, bytes]]) -> int:
    """Poses of a ligand, by its first file, at least one; nothing is parsed."""
    blocks, _ = _blocks(*files[0]) if files else ([], "")
    return max(1, len(blocks))


def _of_file(name: str, data: bytes) -> list[Record]:
    blocks, problem = _blocks(name, data)
    if not blocks:
        return [Record(0, problem="ligand_unreadable", detail=f"{name}: {problem or 'no molecules in it'}")]
    read = _mol2 if _is_mol2(name) else _sdf
    return [_record(k, block, read) for k, block in enumerate(blocks)]


def _blocks(name: str, data: bytes) -> tuple[list[bytes], str]:
    """Text of each pose, or why there is none."""
    if name.lower().endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            return [], f"cannot be unpacked ({error})"
    if _is_mol2(name):
        return [MOL2 + block for block in data.split(MOL2)[1:]], ""
    return list(records_of(io.BytesIO(data))), ""


def _is_mol2(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(".mol2")


def _sdf(text: str) -> Chem.Mol | None:
    return Chem.MolFromMolBlock(text, sanitize=False, removeHs=False, strictParsing=True)


def _mol2(text: str) -> Chem.Mol | None:
    return Chem.MolFromMol2Block(text, sanitize=False, removeHs=False)


def _record(number: int, block: bytes, read) -> Record:
    text = block.decode("utf-8", errors="replace")
    with BlockLogs():
        try:
            mol = read(text)
        except (ValueError, RuntimeError) as error:
            return Record(number, problem="ligand_unreadable", detail=words(error))
        if mol is None:
            return Record(number, problem="ligand_unreadable", detail="RDKit cannot parse it")
        try:
            Chem.SanitizeMol(mol)
            radicals = any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
            z, charge, bonds, pos = arrays_from_mol(mol)
        except UserError as error:
            return Record(number, problem="bond_type", detail=words(error))
        except (ValueError, RuntimeError) as error:
            return Record(number, problem="not_sanitised", detail=words(error))
    flat = pos is None or not (mol.GetConformer().Is3D() or pos[:, 2].any())
    return Record(number, z=z, charge=charge, bonds=bonds, pos=None if flat else pos, radicals=radicals)
