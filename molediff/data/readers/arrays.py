"""Molecules as joined arrays in one npz file: natoms, nbonds, z, charge, bonds, pos or pos_1e4, and maybe index."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from molediff.config import UserError
from molediff.data.readers.reader import Reader
from molediff.data.record import Record

NEEDED = ("natoms", "nbonds", "z", "charge", "bonds")
POSITIONS = {"pos": 1e-3, "pos_1e4": 1e-4}
"""name -> angstrom of one unit where the array holds integers; floating positions are in angstrom."""


def count(path: Path) -> int:
    """Molecules of the file.

    Raises:
        UserError: for a file that is no npz, lacks an array, or whose arrays do not fit each other.
    """
    with _load(path) as held:
        missing = [name for name in NEEDED if name not in held.files]
        if not any(name in held.files for name in POSITIONS):
            missing.append(" or ".join(POSITIONS))
        if missing:
            raise UserError(
                f"'{path}' lacks the array '{missing[0]}'. Needed: {', '.join(NEEDED)}, {' or '.join(POSITIONS)}; "
                f"there are: {', '.join(held.files) or 'none'}."
            )
        natoms, nbonds, pos = held["natoms"], held["nbonds"], held[_positions(held)]
        atoms, bonds = int(natoms.sum(dtype=np.int64)), int(nbonds.sum(dtype=np.int64))
        wanted = {"nbonds": (len(natoms),), "z": (atoms,), "charge": (atoms,), "bonds": (bonds, 3)}
        shapes = {name: held[name].shape for name in wanted} | {_positions(held): pos.shape}
        for name, shape in (wanted | {_positions(held): (atoms, 3)}).items():
            if shapes[name] != shape:
                raise UserError(
                    f"'{path}': array '{name}' has shape {shapes[name]}, but natoms and nbonds say {shape}."
                )
    if not len(natoms):
        raise UserError(f"'{path}' holds no molecules.")
    return len(natoms)


def split(path: Path, start: int) -> Iterator[Record]:
    """Molecules from position ``start`` on."""
    with _load(path) as held:
        unit = POSITIONS[_positions(held)]
        z, charge, bonds, pos = (held[k] for k in ("z", "charge", "bonds", _positions(held)))
        natoms, nbonds = held["natoms"].astype(np.int64), held["nbonds"].astype(np.int64)
        index = held["index"] if "index" in held.files else np.arange(len(natoms))
        names = held["smiles"] if "smiles" in held.files else None
    a, b = int(natoms[:start].sum()), int(nbonds[:start].sum())
    for i in range(start, len(natoms)):
        atoms, rows = slice(a, a + int(natoms[i])), slice(b, b + int(nbonds[i]))
        a, b = atoms.stop, rows.stop
        place = pos[atoms].astype(np.float64)
        if np.issubdtype(pos.dtype, np.integer):
            place *= unit
        name = "" if names is None else str(names[i])
        yield Record(int(index[i]), name, z[atoms].astype(np.int64), charge[atoms].astype(np.int64), bonds[rows], place)


def decode(raw: Record) -> Record:
    """Nothing is left to do."""
    return raw


def _load(path: Path) -> np.lib.npyio.NpzFile:
    try:
        held = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile):
        raise UserError(f"'{path}' is no npz file, or a damaged one.") from None
    if not isinstance(held, np.lib.npyio.NpzFile):
        raise UserError(f"'{path}' holds a single array. An npz file with {', '.join(NEEDED)} is needed.")
    return held


def _positions(held: np.lib.npyio.NpzFile) -> str:
    return next(name for name in POSITIONS if name in held.files)


ARRAYS = Reader(count, split, decode)
