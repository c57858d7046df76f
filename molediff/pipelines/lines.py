"""Finished results on disk, one JSON a line, so that a run that was cut off goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from molediff.docking.receptor import Receptor
from molediff.docking.site import Site
from molediff.pipelines.parts import identity


class Lines:
    """An append-only file of results by number, or nothing at all. Its first line is the mark of its run."""

    def __init__(self, path: Path | None, mark: str = ""):
        """Open the file, and drop a last line that was cut off; all of it where it is another run's.

        Args:
            path: file; its folder is made. None keeps nothing.
            mark: of all that decides the results, see `mark_of`. A file with another mark, or with none, is begun anew.
        """
        self.path, self.known = path, {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        first, whole = f"{json.dumps({'mark': mark})}\n".encode(), 0
        with open(path, "ab+") as f:
            f.seek(0)
            if f.readline() == first:
                whole = len(first)
                for line in f:
                    try:
                        number, result = json.loads(line)
                    except (ValueError, TypeError):
                        break
                    if not line.endswith(b"\n"):
                        break
                    self.known[number] = result
                    whole += len(line)
            f.truncate(whole)
            if not whole:
                f.write(first)

    def add(self, number: int, result: Any) -> Any:
        """Keep a result; it is there when this returns. Gives back what a later run would read."""
        text = json.dumps([number, result])
        if self.path is not None:
            with open(self.path, "a", encoding="utf-8") as f:
                f.write(text + "\n")
        self.known[number] = json.loads(text)[1]
        return self.known[number]


def mark_of(receptor: Receptor, site: Site | None, *decisive) -> str:
    """A mark for `Lines`: where molecules lie, by the atoms and the box alone, whatever files they were read from.

    Args:
        receptor: prepared protein.
        site: box; None where it decides nothing.
        decisive: all else that decides the results: rows of the library, settings, checksums of models.
    """
    box = None if site is None else (rounded(site.centre), rounded(site.size))
    return identity(replace(receptor, pos=rounded(receptor.pos), source="", log=()), box, *decisive)


def rounded(places: np.ndarray) -> np.ndarray:
    """To 0.001 angstrom, what a PDB file holds; no negative zeros."""
    return np.asarray(places).round(3) + 0.0
