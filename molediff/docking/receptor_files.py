"""A `Receptor` as PDB and back, nothing lost: all hydrogens, and every bond as CONECT."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from molediff.config import UserError
from molediff.docking.autodock import autodock_types, neighbours
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_text import atom_line

MOST = 99_999
"""Atoms that CONECT can number."""


def pdb_text(receptor: Receptor, only: np.ndarray | None = None) -> str:
    """PDB with CONECT for every bond, so that no reader has to guess (RDKit: ``proximityBonding=False``).

    Args:
        receptor: to write.
        only: (M,) bool, the atoms to write; all by default.

    Raises:
        UserError: for more atoms than PDB can number.
    """
    kept = np.arange(len(receptor)) if only is None else np.flatnonzero(only)
    if len(kept) > MOST:
        raise UserError(f"{len(kept):,} atoms are more than PDB can number ({MOST:,}). Choose chains: --chains A,B")
    serial = {int(k): n for n, k in enumerate(kept, 1)}
    lines = [f"REMARK   1 molediff, prepared from {Path(receptor.source).name or 'unknown source'}"]
    for k, n in serial.items():
        record = "HETATM" if receptor.hetero[k] else "ATOM"
        lines.append(f"{atom_line(receptor, k, n, record)}          {receptor.element[k].upper():>2}")
    around = neighbours(len(receptor), receptor.bonds)
    for k, n in serial.items():
        bonded = sorted(serial[j] for j in around[k] if j in serial)
        for first in range(0, len(bonded), 4):
            lines.append(f"CONECT{n:5d}" + "".join(f"{m:5d}" for m in bonded[first : first + 4]))
    return "\n".join([*lines, "END", ""])


def read_receptor(path: str | Path, source: str = "", log: tuple[str, ...] = ()) -> Receptor:
    """What `pdb_text` wrote; types are worked out anew.

    Args:
        path: a receptor.pdb of ``molediff pocket``.
        source, log: as they were.

    Raises:
        UserError: for a file that is missing or was not written by `pdb_text`.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"'{path}' does not exist. Write it with: molediff pocket --protein FILE --ligand REF.sdf")
    lines = path.read_text().splitlines()
    atoms = [line for line in lines if line.startswith(("ATOM  ", "HETATM"))]
    try:
        pos = np.array([[float(a[k : k + 8]) for k in (30, 38, 46)] for a in atoms]).reshape(-1, 3)
        element = tuple(a[76:78].strip().capitalize() for a in atoms)
        rows = [line for line in lines if line.startswith("CONECT")]
        bonds = {
            tuple(sorted((int(row[6:11]) - 1, int(row[k : k + 5]) - 1)))
            for row in rows
            for k in range(11, len(row.rstrip()), 5)
        }
        pairs = np.array(sorted(bonds), dtype=np.int64).reshape(-1, 2)
        if not atoms or not rows or not all(element):
            raise ValueError("no atoms, no CONECT records or no elements")
        types = autodock_types(element, pairs, pos)
    except ValueError as error:
        raise UserError(
            f"'{path}' is not as `molediff pocket` wrote it ({error}). Make the folder again, or give --protein."
        ) from error
    return Receptor(
        pos=pos,
        element=element,
        name=tuple(a[12:16].strip() for a in atoms),
        residue=tuple(a[17:20].strip() for a in atoms),
        chain=tuple(a[21] for a in atoms),
        number=tuple(a[22:27].strip() for a in atoms),
        hetero=np.array([a.startswith("HETATM") for a in atoms]),
        bonds=pairs,
        types=types,
        source=source or str(path),
        log=log,
    )
