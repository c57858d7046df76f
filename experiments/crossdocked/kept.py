"""Lines of JSON, compressed: each is a stream of its own, so that a run that was killed loses at most its last."""

from __future__ import annotations

import json
import lzma
import os
from pathlib import Path


def read(path: Path) -> list[dict]:
    """All lines; none where there is no file.

    Raises:
        EOFError: the last line is not whole.
    """
    if not path.is_file():
        return []
    with lzma.open(path, "rt", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def append(path: Path, line: dict) -> None:
    """One line more."""
    with open(path, "ab") as f:
        f.write(packed([line]))


def pack(path: Path) -> None:
    """All lines as one stream: a sixth of the room. No other process may append meanwhile."""
    lines = read(path)
    if lines:
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(packed(lines))
        os.replace(temporary, path)


def packed(lines: list[dict]) -> bytes:
    """A stream of lines."""
    return lzma.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
