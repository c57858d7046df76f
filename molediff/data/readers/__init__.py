"""Files that molecules are prepared from: one format a file, listed in `READERS`."""

from __future__ import annotations

from pathlib import Path

from molediff.config import UserError, nearest
from molediff.data.readers.arrays import ARRAYS
from molediff.data.readers.reader import Reader
from molediff.data.readers.sdf import SDF

READERS: dict[str, Reader] = {".sdf": SDF, ".sdf.gz": SDF, ".npz": ARRAYS}
"""end of a file name -> how it is read."""


def find_reader(path: Path) -> Reader:
    """The reader of a file, by the end of its name.

    Raises:
        UserError: for a missing or empty file, or a format that is not listed.
    """
    if not path.exists():
        beside = (
            [p.name for p in path.parent.iterdir() if p.name.endswith(tuple(READERS))] if path.parent.is_dir() else []
        )
        raise UserError(f"No file '{path}'.{nearest(path.name, beside)}")
    if not path.is_file():
        raise UserError(f"'{path}' is a folder. Give the files in it: {', '.join(f'*{end}' for end in READERS)}.")
    for end, reader in READERS.items():
        if path.name.lower().endswith(end):
            if path.stat().st_size == 0:
                raise UserError(f"'{path}' is empty.")
            return reader
    raise UserError(f"'{path}' has no format that can be read. Allowed: {', '.join(READERS)}.")


__all__ = ["READERS", "Reader", "find_reader"]
