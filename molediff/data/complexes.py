"""Prepared complexes: a set of ligand poses as in `molediff.data.shards`, and beside it the receptors they lie in."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from molediff.config import UserError
from molediff.data.shards import Shards, checksum, open_shards
from molediff.structures import Pocket
from molediff.whole_files import whole_file, write_whole

FORMAT = 1
ABOUT = "complexes.json"
FOLDS = 20
"""Parts that the clusters are dealt to; one of them, 5 %, is for validation."""
POSE_ARRAYS = {"origin": np.float32, "receptor": np.int32, "cluster": np.int32, "weight": np.float32}
"""A row a pose, in the order of the molecules of the set.

origin: (3,) centre of the ligand in the receptor's frame, angstrom; `pos` + origin is the pose. receptor: number of its
receptor. cluster: of similar receptors. weight: 1 / poses of its cluster, 1 on average.
"""
RECEPTOR_ARRAYS = {
    "rec_natoms": np.int32,
    "rec_pos": np.float32,
    "rec_element": np.uint8,
    "rec_residue": np.uint8,
    "rec_backbone": np.bool_,
    "rec_group": np.int32,
}
"""Heavy atoms of all receptors, joined; rec_natoms gives the lengths.

rec_pos: (3,) in the receptor's frame, angstrom. rec_element, rec_residue: classes, by name in ``complexes.json``
(`molediff.chem.pocket_classes`). rec_backbone: N, CA, C, O of a chain. rec_group: which residue of its receptor.
"""
Cut = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(rec_pos (M, 3), rec_group (M,), ligand_pos (N, 3)) in the receptor's frame -> (M,) bool, the atoms of the pocket."""


@dataclass(frozen=True)
class Complexes:
    """Prepared complexes, opened. A plain training reads ``shards`` alone."""

    shards: Shards
    """The ligand poses."""
    arrays: dict[str, np.ndarray]
    """See `POSE_ARRAYS` and `RECEPTOR_ARRAYS`."""
    offsets: np.ndarray
    """(receptors + 1,) first atom of each receptor."""
    names: tuple[str, ...]
    """Of the receptors, 'set/id'."""
    element_classes: tuple[str, ...]
    """Names of the classes of ``rec_element``."""
    residue_classes: tuple[str, ...]
    """Names of the classes of ``rec_residue``."""

    def __len__(self) -> int:
        return len(self.arrays["receptor"])

    def atoms(self, receptor: int) -> slice:
        """Rows of a receptor in the arrays ``rec_*``."""
        return slice(int(self.offsets[receptor]), int(self.offsets[receptor + 1]))

    def ligand(self, pose: int) -> np.ndarray:
        """(N, 3) heavy atoms of a pose in the receptor's frame, angstrom."""
        first, last = self.shards.offsets["natoms"][pose : pose + 2]
        return self.shards.arrays["pos"][first:last] + self.arrays["origin"][pose]

    def split(self, fold: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the poses to train on, and of those to validate with; no cluster is in both.

        Args:
            fold: which of the `FOLDS` parts of the clusters is for validation.
            seed: of the permutation of the clusters.

        Raises:
            UserError: for a fold that does not exist.
        """
        if not 0 <= fold < FOLDS:
            raise UserError(f"Fold {fold} of the complexes does not exist. Allowed: 0 to {FOLDS - 1}.")
        clusters = np.unique(self.arrays["cluster"])
        held = np.random.default_rng(seed).permutation(clusters)[fold::FOLDS]
        valid = np.isin(self.arrays["cluster"], held)
        return np.flatnonzero(~valid), np.flatnonzero(valid)


def read_pockets(complexes: Complexes, which: Sequence[int] | np.ndarray, cut: Cut) -> Pocket:
    """The pockets of some poses, padded to the largest.

    Args:
        complexes: prepared.
        which: (B,) positions of poses.
        cut: (positions, groups, ligand) -> mask of the receptor's atoms that belong to the pocket, as
            `molediff.data.pocket_cuts.near` with a radius; called once a pose, in order.

    Returns:
        In the frame of each ligand, as `molediff.data.shards.read_batch` gives it: its centre is the origin, add
        ``arrays["origin"]`` for the receptor's frame.
    """
    a, which, chosen = complexes.arrays, np.asarray(which, dtype=np.int64), []
    for pose in which.tolist():
        rows = complexes.atoms(a["receptor"][pose])
        kept = cut(a["rec_pos"][rows], a["rec_group"][rows], complexes.ligand(pose))
        chosen.append(rows.start + np.flatnonzero(kept))
    sizes = np.array([len(rows) for rows in chosen], np.int64)
    b, m = len(which), int(sizes.max(initial=0))
    mask = np.arange(m) < sizes[:, None]  # (B, M)
    rows = np.concatenate([*chosen, np.zeros(0, np.int64)])
    pos, backbone = np.zeros((b, m, 3), np.float32), np.zeros((b, m), bool)
    element, residue = np.zeros((b, m), np.int64), np.zeros((b, m), np.int64)
    pos[mask] = a["rec_pos"][rows] - np.repeat(a["origin"][which], sizes, axis=0)
    element[mask], residue[mask], backbone[mask] = (
        a["rec_element"][rows],
        a["rec_residue"][rows],
        a["rec_backbone"][rows],
    )
    tensors = (torch.from_numpy(x) for x in (pos, element, residue, backbone, mask))
    return Pocket(*tensors, source=tuple(complexes.names[k] for k in a["receptor"][which]))


def cluster_weights(cluster: np.ndarray) -> np.ndarray:
    """(P,) float32, 1 / poses of the cluster of each pose, 1 on average."""
    _, place, poses = np.unique(cluster, return_inverse=True, return_counts=True)
    weight = 1 / poses[place]
    return (weight / weight.mean()).astype(np.float32) if len(weight) else weight.astype(np.float32)


def write_complexes(
    folder: Path,
    arrays: dict[str, np.ndarray],
    names: Sequence[str],
    classes: tuple[Sequence[str], Sequence[str]],
    about: dict,
) -> None:
    """Write the arrays beside a set of poses, their description last.

    Args:
        folder: of the set; made when missing.
        arrays: see `POSE_ARRAYS` and `RECEPTOR_ARRAYS`.
        names: of the receptors.
        classes: names of the element and of the residue classes.
        about: counts, anything for the record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sums = {}
    for name, dtype in (POSE_ARRAYS | RECEPTOR_ARRAYS).items():
        path = folder / f"{name}.npy"
        with whole_file(path) as file:
            np.save(file, np.ascontiguousarray(arrays[name], dtype=dtype))
        sums[name] = checksum(path)
    text = {
        "format": FORMAT,
        "poses": len(arrays["receptor"]),
        "receptors": len(names),
        "clusters": len(np.unique(arrays["cluster"])),
        **about,
        "element_classes": list(classes[0]),
        "residue_classes": list(classes[1]),
        "sha256": sums,
        "names": list(names),
    }
    write_whole(folder / ABOUT, json.dumps(text, indent=1))


def open_complexes(folder: Path | str, verify: bool = True) -> Complexes:
    """Open prepared complexes, memory-mapped.

    Args:
        folder: as `molediff data prepare complexes` wrote it.
        verify: compare checksums first.

    Raises:
        UserError: when the folder holds none, another format, or damaged files.
    """
    folder = Path(folder)
    shards, about = open_shards(folder, verify), read_about(folder)
    for name in POSE_ARRAYS | RECEPTOR_ARRAYS:
        path = folder / f"{name}.npy"
        if not path.is_file() or (verify and checksum(path) != about["sha256"].get(name)):
            raise UserError(f"'{path}' is missing or damaged (checksum differs). Prepare the complexes again.")
    arrays = {
        name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in POSE_ARRAYS | RECEPTOR_ARRAYS
    }
    if len(arrays["receptor"]) != len(shards):
        raise UserError(
            f"'{folder}' holds {len(shards):,} molecules, but poses of {len(arrays['receptor']):,}: files of two "
            "preparations. Prepare the complexes again."
        )
    offsets = np.concatenate([[0], np.cumsum(arrays["rec_natoms"], dtype=np.int64)])
    classes = (tuple(about["element_classes"]), tuple(about["residue_classes"]))
    return Complexes(shards, arrays, offsets, tuple(about["names"]), *classes)


def has_complexes(folder: Path | str) -> bool:
    """Whether a prepared set has receptors."""
    return (Path(folder) / ABOUT).is_file()


def read_about(folder: Path) -> dict:
    """The description of prepared complexes, as `write_complexes` wrote it.

    Raises:
        UserError: when there is none, it cannot be read, or it has another format.
    """
    path = folder / ABOUT
    if not path.is_file():
        raise UserError(
            f"'{folder}' holds no prepared complexes (no {ABOUT}). Make them with: "
            f"molediff data prepare complexes FOLDER --out {folder}"
        )
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"'{path}' is damaged (no JSON). Prepare the complexes again.") from None
    given = about.get("format") if isinstance(about, dict) else None
    if given != FORMAT:
        raise UserError(f"'{path}' has format {given}, this version reads {FORMAT}. Prepare the complexes again.")
    missing = [k for k in ("names", "element_classes", "residue_classes", "sha256") if k not in about]
    if missing:
        raise UserError(f"'{path}' is damaged ('{missing[0]}' is missing). Prepare the complexes again.")
    return about
