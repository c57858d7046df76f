"""Training sets as flat, memory-mapped arrays with checksums. Written with RDKit's help, read without it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.structures import Molecules, Stereo
from molediff.whole_files import whole_file, write_whole

FORMAT = 1
ARRAYS = {
    "index": np.int64,
    "natoms": np.int16,
    "nbonds": np.int16,
    "ncentres": np.int16,
    "ncistrans": np.int16,
    "atom": np.uint8,
    "charge": np.uint8,
    "pos": np.float32,
    "bonds": np.uint8,
    "centres": np.uint8,
    "cistrans": np.uint8,
}
"""name -> dtype. Ragged arrays are joined along molecules; the four counts give the lengths.

index: number of the molecule in its source. atom, charge: classes. pos: (atoms, 3) angstrom, centred.
bonds: rows (i, j, order). centres: rows (centre, four neighbours in positive order). cistrans: rows (i, j, 1 or 2).
"""


@dataclass(frozen=True)
class Shards:
    """A prepared set, opened."""

    folder: Path
    """Where it lies."""
    vocabulary: Vocabulary
    """Classes of ``atom`` and ``charge``."""
    explicit_hydrogens: bool
    """Whether hydrogens are atoms of their own."""
    scale: float
    """Standard deviation of the centred coordinates, angstrom."""
    arrays: dict[str, np.ndarray]
    """See `ARRAYS`."""
    offsets: dict[str, np.ndarray]
    """First row of each molecule, by count name; one more than there are molecules."""

    def __len__(self) -> int:
        return len(self.arrays["natoms"])


def write_shards(
    folder: Path, arrays: dict[str, np.ndarray], vocabulary: Vocabulary, explicit_hydrogens: bool, about: dict
) -> None:
    """Write a prepared set; the description comes last, so that a set cut off in the middle is no set.

    Args:
        folder: made when missing.
        arrays: see `ARRAYS`; ``pos`` centred per molecule.
        vocabulary: of the classes.
        explicit_hydrogens: whether hydrogens are atoms.
        about: source, counts of what was left out, anything for the record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sums = {}
    for name, dtype in ARRAYS.items():
        path = folder / f"{name}.npy"
        with whole_file(path) as file:
            np.save(file, np.ascontiguousarray(arrays[name], dtype=dtype))
        sums[name] = checksum(path)
    meta = {
        "format": FORMAT,
        "molecules": len(arrays["natoms"]),
        "atoms": len(arrays["atom"]),
        "elements": list(vocabulary.elements),
        "charges": list(vocabulary.charges),
        "explicit_hydrogens": explicit_hydrogens,
        "scale": float(np.sqrt(np.mean(np.square(arrays["pos"], dtype=np.float64)))) if len(arrays["pos"]) else 1.0,
        "sha256": sums,
        **about,
    }
    write_whole(folder / "meta.json", json.dumps(meta, indent=1))


def open_shards(folder: Path | str, verify: bool = True) -> Shards:
    """Open a prepared set, memory-mapped.

    Args:
        folder: as `write_shards` wrote it.
        verify: compare checksums first.

    Raises:
        UserError: when the folder holds no prepared set, another format, or damaged files.
    """
    folder = Path(folder)
    meta = read_meta(folder)
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        if not path.is_file() or (verify and checksum(path) != meta["sha256"].get(name)):
            raise UserError(f"'{path}' is missing or damaged (checksum differs). Prepare the data again.")
    # A plain view of each map: the same memory without the cost of numpy's memmap class on every slice.
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in ARRAYS}
    counts = ("natoms", "nbonds", "ncentres", "ncistrans")
    offsets = {name: np.concatenate([[0], np.cumsum(arrays[name], dtype=np.int64)]) for name in counts}
    vocabulary = Vocabulary(tuple(meta["elements"]), tuple(meta["charges"]))
    return Shards(folder, vocabulary, meta["explicit_hydrogens"], meta["scale"], arrays, offsets)


def read_meta(folder: Path) -> dict:
    """The description of a prepared set, as `write_shards` wrote it.

    Raises:
        UserError: when there is none, it cannot be read, or it has another format.
    """
    path = folder / "meta.json"
    if not path.is_file():
        raise UserError(
            f"'{folder}' holds no prepared data (no meta.json). Make it with: molediff data prepare FILE --out {folder}"
        )
    try:
        meta = json.loads(path.read_text())
    except ValueError:
        raise UserError(f"'{path}' is damaged (no JSON). Prepare the data again.") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        given = meta.get("format") if isinstance(meta, dict) else None
        raise UserError(f"'{folder}' has format {given}, this version reads {FORMAT}. Prepare it again.")
    missing = [k for k in ("elements", "charges", "explicit_hydrogens", "scale", "sha256") if k not in meta]
    if missing:
        raise UserError(f"'{path}' is damaged ('{missing[0]}' is missing). Prepare the data again.")
    return meta


def read_batch(shards: Shards, which: np.ndarray) -> tuple[Molecules, Stereo]:
    """The molecules at positions ``which`` of the set, padded to the largest."""
    a, o, which = shards.arrays, shards.offsets, np.asarray(which, dtype=np.int64)
    sizes = o["natoms"][which + 1] - o["natoms"][which]
    b, n = len(which), int(sizes.max(initial=0))
    mask = np.arange(n) < sizes[:, None]  # (B, N)
    pos, atom, charge = np.zeros((b, n, 3), np.float32), np.zeros((b, n), np.int64), np.zeros((b, n), np.int64)
    bond, cistrans = np.zeros((b, n, n), np.int64), np.zeros((b, n, n), np.int64)
    centre = np.full((b, n, 4), -1, np.int64)
    _, rows = _rows(o["natoms"], which)
    pos[mask], atom[mask], charge[mask] = a["pos"][rows], a["atom"][rows], a["charge"][rows]
    for dense, name in ((bond, "bonds"), (cistrans, "cistrans")):
        owner, rows = _rows(o[f"n{name}"], which)
        i, j, kind = a[name][rows].T
        dense[owner, i, j] = dense[owner, j, i] = kind
    owner, rows = _rows(o["ncentres"], which)
    row = a["centres"][rows]
    centre[owner, row[:, 0]] = row[:, 1:]
    tensors = (torch.from_numpy(x) for x in (pos, atom, charge, bond, mask))
    return Molecules(*tensors), Stereo(torch.from_numpy(centre), torch.from_numpy(cistrans))


def _rows(offsets: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a ragged array that belong to the molecules ``which``: place in the batch of each, and its position."""
    first, counts = offsets[which], offsets[which + 1] - offsets[which]
    ends = np.cumsum(counts)
    owner = np.repeat(np.arange(len(which)), counts)
    return owner, np.arange(len(owner)) + np.repeat(first - ends + counts, counts)


def checksum(path: Path) -> str:
    """sha256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def folder_checksum(folder: Path, files: Sequence[str]) -> str:
    """sha256 of the names and sizes of files, hexadecimal: their bytes may be 100 GB.

    Args:
        folder: where they lie.
        files: names below it, in a fixed order.
    """
    listed = [(name, (folder / name).stat().st_size) for name in files]
    return hashlib.sha256(repr(listed).encode()).hexdigest()
