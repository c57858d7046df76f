"""npz of positions and atomic numbers: ragged arrays joined (`natoms`), or padded (zeros in `z`)."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..build import build
from ..errors import InputError
from ..record import Record, from_arrays

LAYOUT = (
    "Allowed: 'z' (A,) with 'natoms' (M,) and 'pos' (A, 3) in angstrom, or 'z' (M, N) padded with 0 and 'pos' "
    "(M, N, 3). Integer 'pos' counts 0.001 angstrom, 'pos_1e4' 0.0001. Bonds are optional: 'bonds' (E, 3) rows "
    "(i, j, order 1-3) with 'nbonds' (M,), and 'charge' like 'z'."
)


def read_npz(path: Path, max_atoms: int = 1000) -> Iterator[Record]:
    """Molecules of an npz file without pickles. See LAYOUT for the arrays; `InputError` where they do not fit."""
    try:
        with np.load(path, allow_pickle=False) as held:
            names = ("z", "pos", "pos_1e4", "natoms", "nbonds", "bonds", "charge")
            arrays = {name: held[name] for name in names if name in held.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise InputError(f"'{path}' is not a readable npz without pickles: {error}. {LAYOUT}") from error
    yield from records(arrays, path.name, max_atoms)


def records(arrays: dict[str, np.ndarray], source: str, max_atoms: int = 1000) -> Iterator[Record]:
    """Records from the arrays of LAYOUT."""
    if "z" not in arrays or not {"pos", "pos_1e4"} & set(arrays):
        raise InputError(f"'{source}' holds {sorted(arrays) or 'none of the known arrays'}. {LAYOUT}")
    z, pos = arrays["z"], _angstrom(arrays)
    if z.ndim == 2:
        yield from _padded(z, pos, source, max_atoms)
        return
    if "natoms" not in arrays or pos.shape != (len(z), 3) or arrays["natoms"].astype(np.int64).sum() != len(z):
        raise InputError(f"'{source}': the shapes of 'z' {z.shape}, 'pos' {pos.shape}, 'natoms' do not fit. {LAYOUT}")
    ends = np.cumsum(arrays["natoms"].astype(np.int64))
    bonds = arrays.get("bonds") if "nbonds" in arrays else None
    bond_ends = np.cumsum(arrays["nbonds"].astype(np.int64)) if bonds is not None else None
    charge = arrays.get("charge")
    for index, end in enumerate(ends):
        start = ends[index - 1] if index else 0
        mol = None
        if bonds is not None and end - start <= max_atoms:
            own = bonds[bond_ends[index - 1] if index else 0 : bond_ends[index]]
            mol = _built(z[start:end], pos[start:end], own, None if charge is None else charge[start:end])
            if mol is None:
                yield Record(index, "", source, problem="unreadable_record")
                continue
        yield from_arrays(z[start:end], pos[start:end], index, "", source, max_atoms, mol)


def _angstrom(arrays: dict[str, np.ndarray]) -> np.ndarray:
    if "pos" not in arrays:
        return arrays["pos_1e4"] / 1e4
    pos = arrays["pos"]
    return pos / 1e3 if np.issubdtype(pos.dtype, np.integer) else pos


def _padded(z: np.ndarray, pos: np.ndarray, source: str, max_atoms: int) -> Iterator[Record]:
    if pos.shape != (*z.shape, 3):
        raise InputError(f"'{source}': 'z' is {z.shape} and 'pos' {pos.shape}. {LAYOUT}")
    for index, (row, xyz) in enumerate(zip(z, pos, strict=True)):
        yield from_arrays(row[row != 0], xyz[row != 0], index, "", source, max_atoms)


def _built(z, pos, bonds, charge):
    """The molecule, or None where a bond joins no two atoms or has an order that is not 1, 2, 3."""
    try:
        return build(z, pos, bonds, charge)
    except (KeyError, RuntimeError, ValueError, OverflowError):
        return None
