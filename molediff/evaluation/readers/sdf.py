"""SDF, V2000 and V3000: each record a row, also those that RDKit cannot parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from ..record import Record, from_mol

_V3000_COUNTS = re.compile(r"M  V30 COUNTS +(\d+)")


def read_sdf(path: Path, max_atoms: int = 1000) -> Iterator[Record]:
    """Records of an SDF in order; a record ends at a line that starts with $$$$, or at the end of the file.

    Nothing is sanitised and no hydrogen is removed. A record that RDKit cannot parse is a row `unreadable_record`,
    the last one without its 'M  END' a row `truncated_record`.
    """
    for index, block in enumerate(_blocks(path)):
        yield parse(block, index, path.name, max_atoms)


def parse(block: str, index: int, source: str, max_atoms: int) -> Record:
    """One mol block (up to M  END; data fields may follow) as a record."""
    lines = block.splitlines()
    name = lines[0].strip() if lines else ""
    wide = _V3000_COUNTS.search(block[:4000])
    if wide and int(wide.group(1)[:9]) > max_atoms:
        return Record(index, name, source, problem="too_many_atoms")
    if not any(line.startswith("M  END") for line in lines):
        return Record(index, name, source, problem="truncated_record")
    with BlockLogs():
        try:
            mol = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False, strictParsing=True)
        except (ValueError, RuntimeError):
            mol = None
    if mol is None:
        return Record(index, name, source, problem="unreadable_record")
    record = from_mol(mol, index, name, source, max_atoms)
    if not record.problem and _flat(record, lines[1] if len(lines) > 1 else ""):
        return Record(index, name, source, record.z, record.pos, mol, "2d_record")
    return record


def _flat(record: Record, header: str) -> bool:
    """Declared 2D, or all z zero with more than three atoms and no word of 3D (planar molecules say 3D)."""
    said = header[20:22]
    flat = bool((record.pos[:, 2] == 0).all())
    return flat and (said == "2D" or (said != "3D" and len(record.z) > 3))


def _blocks(path: Path) -> Iterator[str]:
    held: list[str] = []
    with open(path, encoding="utf-8", errors="replace", newline=None) as lines:
        for line in lines:
            if line.startswith("$$$$"):
                yield "".join(held)
                held = []
            else:
                held.append(line)
    if any(line.strip() for line in held):
        yield "".join(held)
