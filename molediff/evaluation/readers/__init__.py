"""Readers: one file format a module, each yields one `Record` an attempt."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rdkit import Chem

from ..errors import InputError
from ..record import Record, from_mol
from .npz import read_npz
from .sdf import read_sdf
from .xyz import read_xyz

READERS = {".sdf": read_sdf, ".sd": read_sdf, ".mol": read_sdf, ".xyz": read_xyz, ".npz": read_npz}


def read(source: str | Path | Iterable[Chem.Mol | None], max_atoms: int = 1000) -> list[Record]:
    """All records of a file, or of a list of RDKit molecules (or of Records, returned as they are).

    Raises:
        InputError: for a file that is missing, empty, of an unknown kind, or without a single record that parses.
    """
    if isinstance(source, Chem.Mol):
        source = [source]
    if not isinstance(source, (str, Path)):
        given = list(source)
        if not given:
            raise InputError("No molecules were given: the list is empty.")
        return [_kept(one, i, max_atoms) for i, one in enumerate(given)]
    path = Path(source)
    if not path.is_file():
        raise InputError(f"No file '{path}'. Give an existing file: {', '.join(READERS)}.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"'{path.name}' is of an unknown kind '{path.suffix}'. Allowed: {', '.join(READERS)}.")
    if path.stat().st_size == 0:
        raise InputError(f"'{path.name}' is empty. Expected molecules as {', '.join(READERS)}.")
    found = list(reader(path, max_atoms))
    if not found or all(record.problem in ("unreadable_record", "truncated_record") for record in found):
        raise InputError(
            f"'{path.name}' holds no molecule that could be read ({len(found)} records tried). Expected a "
            f"{path.suffix} file of 3D molecules."
        )
    return found


def _kept(one: Chem.Mol | Record | None, index: int, max_atoms: int) -> Record:
    if isinstance(one, Record):
        return one
    if one is not None and not isinstance(one, Chem.Mol):
        raise InputError(f"Molecule {index} is a {type(one).__name__}. Allowed: RDKit molecules, None, a file name.")
    title = one.GetProp("_Name") if one is not None and one.HasProp("_Name") else ""
    return from_mol(one, index, title, "python", max_atoms)
