"""Finished batches on disk, so that a run that was cut off goes on."""

from __future__ import annotations

import os
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from molediff.structures import Molecules


class Parts:
    """A folder of finished batches, or nothing at all."""

    def __init__(self, folder: Path | str | None):
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, number: int) -> Molecules | None:
        """Batch ``number``, or None when it is not there or was cut off."""
        path = self._path(number)
        if path is None or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as content:
                return Molecules(**{f.name: torch.from_numpy(content[f.name]) for f in fields(Molecules)})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def write(self, number: int, molecules: Molecules) -> None:
        """Keep batch ``number``; it is there whole or not at all."""
        path = self._path(number)
        if path is None:
            return
        temporary = path.with_suffix(".tmp.npz")
        np.savez(temporary, **{f.name: getattr(molecules, f.name).numpy() for f in fields(Molecules)})
        os.replace(temporary, path)

    def _path(self, number: int) -> Path | None:
        return None if self.folder is None else self.folder / f"batch-{number:06d}.npz"
