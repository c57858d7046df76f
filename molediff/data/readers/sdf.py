"""SD files (V2000 and V3000), plain or gzipped. Molecules are taken exactly as written: nothing is repaired."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.chem import arrays_from_mol
from molediff.config import UserError
from molediff.data.readers.reader import Reader
from molediff.data.record import Record, words

END = b"$$$$"


def count(path: Path) -> int:
    """Records of the file.

    Raises:
        UserError: when it holds no mol block, or is no text.
    """
    number, blocks = 0, 0
    for text in _records(path):
        number += 1
        blocks += b"V2000" in text or b"V3000" in text or b"M  END" in text
    if not blocks:
        raise UserError(f"'{path}' holds no molecules (no mol block in it). An SD file is needed, with 3D coordinates.")
    return number


def split(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """(number, text) of each record from number ``start`` on, counted from 0."""
    return islice(enumerate(_records(path)), start, None)


def decode(raw: tuple[int, bytes]) -> Record:
    """Parse one record."""
    number, data = raw
    text = data.decode("utf-8", errors="replace")
    name = text.partition("\n")[0].strip()
    with BlockLogs():
        try:
            mol = Chem.MolFromMolBlock(text, sanitize=False, removeHs=False, strictParsing=True)
        except (ValueError, RuntimeError) as error:
            return Record(number, name, problem="unreadable", detail=words(error))
        if mol is None:
            return Record(number, name, problem="unreadable", detail="RDKit cannot parse the mol block")
        radicals = any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
        try:
            z, charge, bonds, pos = arrays_from_mol(mol)
        except UserError as error:
            return Record(number, name, problem="bond_type", detail=words(error))
        except (ValueError, RuntimeError) as error:
            return Record(number, name, problem="not_sanitised", detail=words(error))
    return Record(number, name, z, charge, bonds, pos if _is_3d(mol) else None, radicals)


def _is_3d(mol: Chem.Mol) -> bool:
    """Whether the coordinates are in space. RDKit calls planar molecules 2D even where the header says 3D."""
    if not mol.GetNumConformers():
        return False
    header = mol.GetProp("_MolFileInfo") if mol.HasProp("_MolFileInfo") else ""
    return mol.GetConformer().Is3D() or header[20:22] == "3D"


def _records(path: Path) -> Iterator[bytes]:
    """Text between the $$$$ lines; the last one may lack its own."""
    try:
        with _open(path) as file:
            yield from records_of(file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"'{path}' cannot be unpacked ({error}). It may be damaged or not gzipped.") from None


def records_of(file: Iterable[bytes]) -> Iterator[bytes]:
    """Records of an open file."""
    lines: list[bytes] = []
    for line in file:
        if line.startswith(END):
            yield b"".join(lines)
            lines = []
        else:
            lines.append(line)
    if any(line.strip() for line in lines):
        yield b"".join(lines)


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else open(path, "rb")


SDF = Reader(count, split, decode)
