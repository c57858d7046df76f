"""Finished batches on disk, so that a run that was cut off goes on."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import torch

from molediff.structures import Molecules
from molediff.whole_files import whole_file


class Parts:
    """A folder of finished batches, or nothing at all."""

    def __init__(self, folder: Path | str | None):
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, number: int, mark: str) -> Molecules | None:
        """Batch ``number``, or None when it is not there, was cut off, or is marked otherwise (`identity`)."""
        path = self._path(number)
        if path is None or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as content:
                if str(content["mark"]) != mark:
                    return None
                return Molecules(**{f.name: torch.from_numpy(content[f.name]) for f in fields(Molecules)})
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def write(self, number: int, molecules: Molecules, mark: str) -> None:
        """Keep batch ``number``; it is there whole or not at all."""
        path = self._path(number)
        if path is None:
            return
        arrays = {f.name: getattr(molecules, f.name).numpy() for f in fields(Molecules)}
        with whole_file(path) as file:
            np.savez(file, mark=mark, **arrays)

    def _path(self, number: int) -> Path | None:
        return None if self.folder is None else self.folder / f"batch-{number:06d}.npz"


def identity(*decisive) -> str:
    """Digest of all that decides a batch: arrays by their bytes, dataclasses, mappings and sequences by their content,
    all else by its repr.
    """
    digest = hashlib.sha256()

    def add(one) -> None:
        if isinstance(one, torch.Tensor):
            one = one.detach().cpu().numpy()
        if isinstance(one, np.ndarray):
            digest.update(f"array {one.shape} {one.dtype}".encode())
            digest.update(np.ascontiguousarray(one).tobytes())
        elif is_dataclass(one):
            each(type(one).__name__, [getattr(one, f.name) for f in fields(one)])
        elif isinstance(one, Mapping):
            each("mapping", [item for pair in one.items() for item in pair])
        elif isinstance(one, (tuple, list)):
            each("sequence", one)
        else:
            each(repr(one), ())

    def each(name: str, parts: Sequence) -> None:
        digest.update(f"{name} {len(parts)}\0".encode())
        for part in parts:
            add(part)

    each("", decisive)
    return digest.hexdigest()
