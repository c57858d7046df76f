"""Finished results on disk, one JSON a line, so that a run that was cut off goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Lines:
    """An append-only file of results by number, or nothing at all."""

    def __init__(self, path: Path | None):
        """Open the file, and drop a last line that was cut off.

        Args:
            path: file; its folder is made. None keeps nothing.
        """
        self.path, self.known = path, {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = 0
        if path.is_file():
            with open(path, "rb") as f:
                for line in f:
                    try:
                        number, result = json.loads(line)
                    except (ValueError, TypeError):
                        break
                    if not line.endswith(b"\n"):
                        break
                    self.known[number] = result
                    whole += len(line)
            with open(path, "rb+") as f:
                f.truncate(whole)

    def add(self, number: int, result: Any) -> Any:
        """Keep a result; it is there when this returns. Gives back what a later run would read."""
        text = json.dumps([number, result])
        if self.path is not None:
            with open(self.path, "a", encoding="utf-8") as f:
                f.write(text + "\n")
        self.known[number] = json.loads(text)[1]
        return self.known[number]
