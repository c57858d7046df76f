"""Chunks of a preparation of complexes on disk, so that one that was killed goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molediff.data.complex_rules import Prepared
from molediff.data.complexes import RECEPTOR_ARRAYS
from molediff.data.parts import join, part_path
from molediff.data.shards import ARRAYS
from molediff.whole_files import whole_file

COLUMNS = {"rec_pos": 3}
HELD = {**ARRAYS, **RECEPTOR_ARRAYS, "origin": np.float32, "receptor": np.int32}


@dataclass(frozen=True)
class ComplexPart:
    """What became of one chunk of complexes."""

    arrays: dict[str, np.ndarray]
    """Of the poses and receptors that are kept; ``index`` counts poses, ``receptor`` receptors of this chunk."""
    receptors: tuple[tuple[str, str], ...]
    """(set, id) of the receptors that are kept."""
    left_out: tuple[tuple[str, int, int, str, str, str], ...]
    """(source, complex in it, pose of this chunk, name, rule, detail) of each pose that is not in ``arrays``."""
    sources: tuple[tuple[int, int, int], ...]
    """(source number, poses read, poses kept) of each complex."""


def join_complexes(prepared: Sequence[Prepared], known: Sequence[tuple[int, str, int, str, str]]) -> ComplexPart:
    """One chunk.

    Args:
        prepared: complexes.
        known: (source number, source, number in it, set, id) of each.
    """
    ready, receptors, rows, sources, left_out = [], [], [], [], []
    pose = 0
    for one, (k, source, number, group, name) in zip(prepared, known, strict=True):
        if one.poses:
            rows += [len(receptors)] * len(one.poses)
            receptors.append((group, name))
        ready += [(pose + p.index, p) for p in one.poses]
        left_out += [(source, number, pose + i, f"{group}/{name}", rule, why) for i, rule, why in one.left_out]
        read = len(one.poses) + len(one.left_out)
        sources.append((k, read, len(one.poses)))
        pose += read
    kept = [one for one in prepared if one.poses]
    arrays = join([p for _, p in ready])
    arrays["index"] = np.array([number for number, _ in ready], np.int64)
    arrays["origin"] = np.concatenate([*(one.origins for one in kept), np.zeros((0, 3), np.float32)])
    arrays["receptor"] = np.array(rows, np.int32)
    arrays["rec_natoms"] = np.array([len(one.receptor["rec_pos"]) for one in kept], np.int32)
    for array, dtype in RECEPTOR_ARRAYS.items():
        if array != "rec_natoms":
            shape = (0, COLUMNS[array]) if array in COLUMNS else (0,)
            arrays[array] = np.concatenate([*(one.receptor[array] for one in kept), np.zeros(shape, dtype)])
    return ComplexPart(arrays, tuple(receptors), tuple(left_out), tuple(sources))


def save_complexes(folder: Path, number: int, part: ComplexPart) -> None:
    """Write a chunk at once or not at all."""
    notes = json.dumps({"receptors": part.receptors, "left_out": part.left_out, "sources": part.sources}).encode()
    with whole_file(part_path(folder, number)) as file:
        np.savez(file, notes=np.frombuffer(notes, np.uint8), **part.arrays)


def load_complexes(folder: Path, number: int) -> ComplexPart:
    """A chunk as it was written."""
    with np.load(part_path(folder, number), allow_pickle=False) as held:
        notes = json.loads(held["notes"].tobytes())
        arrays = {name: held[name] for name in HELD}
    rest = (tuple(map(tuple, notes[name])) for name in ("receptors", "left_out", "sources"))
    return ComplexPart(arrays, *rest)
