"""Chunks of a preparation on disk, so that one that was killed goes on where it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molediff.config import UserError
from molediff.data.rules import Ready
from molediff.data.shards import ARRAYS
from molediff.whole_files import whole_file, write_whole

FOLDER = ".parts"
COLUMNS = {"pos": 3, "bonds": 3, "centres": 5, "cistrans": 3}
"""array -> columns; the others have one value a row."""


@dataclass(frozen=True)
class Part:
    """What became of one chunk of records."""

    arrays: dict[str, np.ndarray]
    """As `molediff.data.shards.ARRAYS`."""
    left_out: tuple[tuple[str, int, int, str, str, str, int | None], ...]
    """(source, record, index, name, rule, detail, line) of each molecule that is not in ``arrays``."""
    sources: tuple[tuple[int, int], ...]
    """(source number, molecules kept) of this chunk."""


def join(ready: Sequence[Ready]) -> dict[str, np.ndarray]:
    """Flat arrays of some molecules."""
    ragged = {name: [getattr(one, name) for one in ready] for name in ("atom", "charge", *COLUMNS)}
    counts = {"natoms": "atom", "nbonds": "bonds", "ncentres": "centres", "ncistrans": "cistrans"}
    arrays = {count: [len(rows) for rows in ragged[name]] for count, name in counts.items()}
    arrays["index"] = [one.index for one in ready]
    for name, rows in ragged.items():
        shape = (-1, COLUMNS[name]) if name in COLUMNS else (-1,)
        arrays[name] = np.concatenate([*rows, np.zeros(0, ARRAYS[name])], axis=None).reshape(shape)
    return {name: np.asarray(arrays[name]).astype(dtype) for name, dtype in ARRAYS.items()}


def begin(folder: Path, manifest: dict) -> None:
    """Make the folder of parts, or make sure that the one there belongs to the same preparation.

    Raises:
        UserError: when it belongs to another one; says in what it differs.
    """
    path = folder / FOLDER / "manifest.json"
    if path.is_file():
        refuse_other(folder, json.loads(path.read_text()), manifest, "an unfinished preparation")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(manifest, indent=1))


def refuse_other(folder: Path, there: dict, wanted: dict, what: str) -> None:
    """Compare two descriptions of a preparation.

    Raises:
        UserError: when they differ.
    """
    # through JSON, so that tuples and lists compare equal
    wanted = json.loads(json.dumps(wanted))
    differing = [key for key in wanted if there.get(key) != wanted[key]]
    if differing:
        key = differing[0]
        raise UserError(
            f"'{folder}' holds {what} with other arguments ({key}: {_short(there.get(key))} there, "
            f"{_short(wanted[key])} now). Choose another --out, or remove the folder '{folder}'."
        )


def save_part(folder: Path, number: int, part: Part) -> None:
    """Write a chunk at once or not at all."""
    notes = json.dumps({"left_out": part.left_out, "sources": part.sources}).encode()
    with whole_file(part_path(folder, number)) as file:
        np.savez(file, notes=np.frombuffer(notes, np.uint8), **part.arrays)


def load_part(folder: Path, number: int) -> Part:
    """A chunk as it was written."""
    with np.load(part_path(folder, number), allow_pickle=False) as held:
        notes = json.loads(held["notes"].tobytes())
        arrays = {name: held[name] for name in ARRAYS}
    return Part(arrays, tuple(map(tuple, notes["left_out"])), tuple(map(tuple, notes["sources"])))


def part_path(folder: Path, number: int) -> Path:
    """Where chunk ``number`` lies."""
    return folder / FOLDER / f"{number:06d}.npz"


def remove_parts(folder: Path) -> None:
    """The parts are no longer needed."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."
