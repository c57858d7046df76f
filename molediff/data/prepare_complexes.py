"""Prepare complexes for training: ligand poses as a set of molecules, their receptors beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rdkit

from molediff.chem.pocket_classes import ELEMENT_CLASSES, RESIDUE_CLASSES
from molediff.config import UserError
from molediff.data.clusters import Index, clusters_of, read_index
from molediff.data.complex_parts import ComplexPart, join_complexes, load_complexes, save_complexes
from molediff.data.complex_rules import LEFT_OUT, ComplexOptions, prepare_complex
from molediff.data.complex_sources import ComplexSource, RawComplex, find_complexes, read_complexes
from molediff.data.complexes import (
    FORMAT,
    RECEPTOR_ARRAYS,
    cluster_weights,
    has_complexes,
    open_complexes,
    read_about,
    write_complexes,
)
from molediff.data.parts import remove_parts
from molediff.data.resumed import Steps, beyond, check_call, check_complete, in_parts, list_left_out
from molediff.data.shards import ARRAYS, checksum, read_meta, write_shards

CHUNK = 20
"""Complexes a part: what a kill costs."""


@dataclass(frozen=True)
class ComplexSummary:
    """What a preparation did."""

    complexes: int
    """Receptors with their ligands that were found."""
    outside: int
    """Those outside the clusters that are left out."""
    receptors: int
    """Receptors in the prepared set."""
    clusters: int
    """Clusters in the prepared set."""
    unlisted: int
    """Complexes that are not in the index; each is a cluster of its own."""
    poses: int
    """Ligand poses read."""
    kept: int
    """Poses in the prepared set."""
    left_out: dict[str, int]
    """Rule -> poses that it left out."""
    already: bool
    """Whether the set was complete before, and nothing was done."""


def prepare_complexes(
    sources: Sequence[Path | str],
    out: Path | str,
    options: ComplexOptions | None = None,
    index: Path | str | None = None,
    leave_out: str | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    chunk: int = CHUNK,
) -> ComplexSummary:
    """Prepare complexes, going on where an earlier call with the same arguments was cut off.

    Every pose of the sources ends in the set or, with its reason, in ``out/left_out.csv``. The result does not depend
    on ``workers`` or on interruptions.

    Args:
        sources: folders and tar archives, see `molediff.data.layouts.LAYOUTS`; joined in this order.
        out: folder of the prepared set.
        options: vocabulary and size; the defaults of `ComplexOptions` when None.
        index: CSV of clusters, see `molediff.data.clusters`; without it each receptor is a cluster of its own.
        leave_out: set of the index, or CSV of complexes, whose clusters are left out.
        workers: processes; see `molediff.data.workers.work`.
        progress: called with (complexes done, complexes in all) after each chunk.
        chunk: complexes a part.

    Raises:
        UserError: for sources or an index that cannot be used, a folder with other contents, or when nothing is left.
    """
    out, options = Path(out), options or ComplexOptions()
    _check(out, options, workers, index, leave_out)
    clusters = read_index(index) if index is not None else {}
    held_out = clusters_of(leave_out, clusters) if leave_out is not None else frozenset()
    found = [find_complexes(source) for source in sources]
    manifest = _manifest(found, options, index, held_out, chunk)
    if (out / "meta.json").is_file():
        return _complete(out, manifest)
    steps = Steps(prepare_complex_chunk, (options,), save_complexes, load_complexes)
    records = partial(_jobs, found, clusters=clusters, held_out=held_out)
    parts = in_parts(out, manifest, records, steps, workers, progress)
    return _finish(out, parts, manifest, options, clusters)


@dataclass(frozen=True)
class Job:
    """One complex of a chunk."""

    source: int
    """Number of its source."""
    where: str
    """Name of its source."""
    number: int
    """Of the complex in its source."""
    raw: RawComplex
    """Its files."""
    held_out: bool
    """Whether its cluster is left out."""


def prepare_complex_chunk(jobs: Sequence[Job], options: ComplexOptions) -> ComplexPart:
    """Judge some complexes; runs in a worker process."""
    prepared = [prepare_complex(job.raw, options, job.held_out) for job in jobs]
    return join_complexes(prepared, [(job.source, job.where, job.number, job.raw.set, job.raw.id) for job in jobs])


def _check(out: Path, options: ComplexOptions, workers: int, index: Path | str | None, leave_out: str | None) -> None:
    check_call(out, options.max_atoms, options.limit, workers)
    if leave_out is not None and index is None:
        raise UserError(
            "--leave-out-clusters-of needs the clusters: --index FILE, a CSV with the columns set, id and cluster."
        )


def _manifest(
    sources: Sequence[ComplexSource],
    options: ComplexOptions,
    index: Path | str | None,
    held_out: frozenset[int],
    chunk: int,
) -> dict[str, Any]:
    """Everything that the result depends on."""
    total = sum(len(source.found) for source in sources)
    return {
        "complexes": [{"name": s.path.resolve().name, "sha256": s.sha256, "complexes": len(s.found)} for s in sources],
        "elements": list(options.vocabulary.elements),
        "charges": list(options.vocabulary.charges),
        "explicit_hydrogens": False,
        "max_atoms": options.max_atoms,
        "limit": options.limit,
        "index": checksum(Path(index)) if index is not None else None,
        "clusters_left_out": sorted(held_out),
        "records": total if options.limit is None else min(total, options.limit),
        "chunk": chunk,
        "format": FORMAT,
        "rdkit": rdkit.__version__,
    }


def _complete(out: Path, manifest: dict[str, Any]) -> ComplexSummary:
    """The set is there already: verify it and say so.

    Raises:
        UserError: when it is damaged, or was prepared with other arguments.
    """
    meta = read_meta(out)
    if not has_complexes(out):
        raise UserError(f"'{out}' holds a prepared set of molecules. Choose another --out for the complexes.")
    check_complete(out, meta.get("preparation", {}), manifest, "prepared complexes")
    open_complexes(out)
    remove_parts(out)
    return ComplexSummary(**read_about(out)["counts"], left_out=meta["left_out"], already=True)


def _jobs(sources: Sequence[ComplexSource], start: int, clusters: Index, held_out: frozenset[int]) -> Iterator[Job]:
    """Complexes from number ``start`` of the joined stream on."""
    for k, first in beyond([len(source.found) for source in sources], start):
        where = sources[k].path.resolve().name
        for number, raw in enumerate(read_complexes(sources[k], first), first):
            yield Job(k, where, number, raw, clusters.get((raw.set, raw.id)) in held_out)


def _finish(
    out: Path, parts: Sequence[ComplexPart], manifest: dict[str, Any], options: ComplexOptions, index: Index
) -> ComplexSummary:
    """Join the parts, list what was left out, write the set.

    Raises:
        UserError: when nothing is left.
    """
    arrays, rows, counts = _joined(parts, len(manifest["complexes"]))
    names = [key for part in parts for key in part.receptors]
    left_out = list_left_out(out, rows, LEFT_OUT, len(names), "poses")
    cluster = _clusters(names, index)
    arrays["cluster"] = cluster[arrays["receptor"]]
    arrays["weight"] = cluster_weights(arrays["cluster"])
    held = {row[:2] for row in rows if row[4] == "held_out_cluster"}
    unlisted = {row[3] for row in rows} | {"/".join(key) for key in names}
    summary = {
        "complexes": manifest["records"],
        "outside": manifest["records"] - len(held),
        "receptors": len(names),
        "clusters": len(np.unique(cluster)),
        "unlisted": len(unlisted - {"/".join(key) for key in index}) if index else 0,
        "poses": len(rows) + len(arrays["natoms"]),
        "kept": len(arrays["natoms"]),
    }
    classes = (ELEMENT_CLASSES, RESIDUE_CLASSES)
    # the receptors first: the description of the set, which comes last, says that all is there
    write_complexes(out, arrays, ["/".join(key) for key in names], classes, {"counts": summary})
    about = {
        "sources": [
            {"name": s["name"], "sha256": s["sha256"], "records": read, "kept": kept}
            for s, (read, kept) in zip(manifest["complexes"], counts, strict=True)
        ],
        "left_out": left_out,
        "preparation": manifest,
    }
    write_shards(out, arrays, options.vocabulary, False, about)
    remove_parts(out)
    return ComplexSummary(**summary, left_out=left_out, already=False)


def _joined(
    parts: Sequence[ComplexPart], sources: int
) -> tuple[dict[str, np.ndarray], list[tuple], list[tuple[int, int]]]:
    """Arrays of all parts, rows of what was left out, and (poses read, poses kept) of each of the sources.

    A source that --limit does not reach has read none.
    """
    read, kept = Counter(), Counter()
    rows, poses, receptors, shifted = [], 0, 0, []
    for part in parts:
        # numbers within the part become numbers within the set
        rows += [(source, number, poses + pose, *rest, None) for source, number, pose, *rest in part.left_out]
        moved = {"index": part.arrays["index"] + poses, "receptor": part.arrays["receptor"] + receptors}
        shifted.append(part.arrays | moved)
        for k, there, used in part.sources:
            read[k] += there
            kept[k] += used
            poses += there
        receptors += len(part.receptors)
    every = [*ARRAYS, *RECEPTOR_ARRAYS, "origin", "receptor"]
    arrays = {name: np.concatenate([part[name] for part in shifted]) for name in every}
    return arrays, rows, [(read[k], kept[k]) for k in range(sources)]


def _clusters(names: Sequence[tuple[str, str]], index: Index) -> np.ndarray:
    """(receptors,) cluster of each; those that the index does not know get numbers beyond it."""
    beyond = max(index.values(), default=-1) + 1
    alone = iter(range(beyond, beyond + len(names)))
    return np.array([index[key] if key in index else next(alone) for key in names], np.int32)
