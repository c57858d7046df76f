"""Where molecules come from: files, and published data sets by name, whose archive is given or downloaded."""

from __future__ import annotations

import http.client
import shutil
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from molediff.config import UserError
from molediff.data.readers import NAMED, Reader, find_reader
from molediff.data.readers.qm9 import URL
from molediff.data.shards import checksum, folder_checksum
from molediff.whole_files import whole_file

DOWNLOADS = {"qm9": URL}
"""name -> archive that is downloaded when none is given."""
ELSEWHERE = {
    "geom": "GEOM-Drugs is 50 GB packed and is not downloaded here. Get rdkit_folder.tar.gz from "
    "https://doi.org/10.7910/DVN/JNGTDF, unpack it, and type: --archive rdkit_folder. Or give SMILES in a .smi file."
}
"""name -> what to do when no archive is given."""
SECONDS = 60
"""Without a byte for so long, a download has failed."""


@dataclass(frozen=True)
class Source:
    """A file or folder to read."""

    path: Path
    """Where it lies."""
    reader: Reader
    """Of its format."""
    records: int
    """Molecules in it."""
    sha256: str
    """Checksum of the file; of a folder, that of names and sizes."""


def find_sources(given: Sequence[Path | str], out: Path, archive: Path | str | None = None) -> list[Source]:
    """The sources of a preparation, counted.

    Args:
        given: files, or names of `molediff.data.readers.NAMED`.
        out: of the preparation; a download lies beside it, in ``downloads``.
        archive: of the one name among them.

    Raises:
        UserError: for a source that cannot be used, and an archive without its name.
    """
    names = [str(name) for name in given if str(name) in NAMED and not Path(name).exists()]
    if archive is not None and len(names) != 1:
        raise UserError(f"--archive is the archive of one of {', '.join(NAMED)}; type for example: qm9 --archive FILE")
    found = []
    for one in given:
        if str(one) in names:
            path, reader = _archive(str(one), out, archive), NAMED[str(one)]
        else:
            path = Path(one)
            reader = find_reader(path)
        records = reader.count(path)
        found.append(Source(path, reader, records, _sum(path)))
    return found


def _sum(path: Path) -> str:
    if path.is_file():
        return checksum(path)
    return folder_checksum(path, sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()))


def _archive(name: str, out: Path, given: Path | str | None) -> Path:
    if given is None:
        if name not in DOWNLOADS:
            raise UserError(ELSEWHERE[name])
        return download(DOWNLOADS[name], out.parent / "downloads" / f"{name}.zip")
    path = Path(given)
    if not path.exists():
        raise UserError(f"No file '{path}', given as --archive of '{name}'.")
    if name in DOWNLOADS and path.is_dir():
        raise UserError(f"'{path}' is a folder. --archive of '{name}' is a file: {DOWNLOADS[name]}")
    return path


def download(url: str, path: Path) -> Path:
    """Get a file once, whole or not at all.

    Raises:
        UserError: when it cannot be had, or comes cut short.
    """
    if path.is_file():
        return path
    print(f"Downloading {url} to '{path}'", file=sys.stderr, flush=True)
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as stream, whole_file(path) as file:
            size = stream.headers.get("Content-Length")
            shutil.copyfileobj(stream, file, 1 << 20)
            if size is not None and file.tell() != int(size):
                raise OSError(f"{file.tell():,} of {int(size):,} bytes came")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UserError(
            f"{url} cannot be downloaded ({error}). Get it by other means, and type: --archive FILE"
        ) from None
    return path
