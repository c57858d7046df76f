"""Files that are there whole or not at all, however a run ends: written beside their place, then renamed.

The name of the file in the making is fixed, so that what a killed run left behind is written over by the next. Two
processes must not write the same file at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write bytes to; it takes its place when the block ends, and is gone when the block raises.

    Args:
        path: where the file is to lie; its folder is made when missing. What lies there is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all.

    Args:
        path: where the file is to lie; its folder is made when missing. What lies there is replaced.
        content: bytes, or text, which is written as UTF-8 with its line ends as they are.
    """
    with whole_file(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)
