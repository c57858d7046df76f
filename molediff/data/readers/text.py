"""Lines of text files, plain or packed by gzip or xz."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from molediff.config import UserError

OPENERS: dict[str, Callable] = {".gz": gzip.open, ".xz": lzma.open}
"""Last suffix of a name -> how the file is opened."""


def lines(path: Path) -> Iterator[str]:
    """Lines with their ends; bytes that are no UTF-8 become the replacement character.

    Raises:
        UserError: for a packed file that is damaged or cut short.
    """
    try:
        with _open(path) as file:
            yield from file
    except (gzip.BadGzipFile, lzma.LZMAError, EOFError, zlib.error) as error:
        raise UserError(
            f"'{path}' cannot be unpacked ({error}). It may be damaged or cut short; copy it again."
        ) from None


def _open(path: Path) -> TextIO:
    opener = OPENERS.get(path.suffix.lower(), open)
    return opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
