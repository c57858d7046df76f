"""Files that molecules are prepared from: one format a file, listed in `READERS`; data sets by name in `NAMED`."""

from __future__ import annotations

from pathlib import Path

from molediff.config import UserError, nearest
from molediff.data.readers.arrays import ARRAYS
from molediff.data.readers.pickles import PICKLES
from molediff.data.readers.qm9 import QM9
from molediff.data.readers.reader import Reader
from molediff.data.readers.sdf import SDF
from molediff.data.readers.smiles import LIST, TABLE

READERS: dict[str, Reader] = {
    ".sdf": SDF,
    ".sdf.gz": SDF,
    ".npz": ARRAYS,
    **{f".smi{packed}": LIST for packed in ("", ".gz", ".xz")},
    **{f".csv{packed}": TABLE for packed in ("", ".gz", ".xz")},
    ".pickle": PICKLES,
    ".pkl": PICKLES,
}
"""end of a file name -> how it is read."""
NAMED: dict[str, Reader] = {"qm9": QM9, "geom": PICKLES}
"""name of a published data set -> how its archive is read."""


def find_reader(path: Path) -> Reader:
    """The reader of a file, by the end of its name.

    Raises:
        UserError: for a missing or empty file, or a format that is not listed.
    """
    if not path.exists():
        beside = (
            [p.name for p in path.parent.iterdir() if p.name.endswith(tuple(READERS))] if path.parent.is_dir() else []
        )
        raise UserError(f"No file '{path}'.{nearest(path.name, [*beside, *NAMED])}")
    if not path.is_file():
        raise UserError(
            f"'{path}' is a folder. Give the files in it: {', '.join(f'*{end}' for end in READERS)}. Of proteins with "
            f"ligands: molediff data prepare complexes {path}"
        )
    for end, reader in READERS.items():
        if path.name.lower().endswith(end):
            if path.stat().st_size == 0:
                raise UserError(f"'{path}' is empty.")
            return reader
    raise UserError(f"'{path}' has no format that can be read. Allowed: {', '.join(READERS)}.")


__all__ = ["NAMED", "READERS", "Reader", "find_reader"]
