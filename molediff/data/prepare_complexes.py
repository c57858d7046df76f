"""Prepare complexes for training: ligand poses as a set of molecules, their receptors beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
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
from molediff.data.parts import begin, part_path, refuse_other, remove_parts, write_text
from molediff.data.prepare import MOST_ATOMS, csv_text
from molediff.data.shards import ARRAYS, checksum, read_meta, write_shards
from molediff.data.workers import work

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
    total = manifest["records"]
    begin(out, manifest)
    numbers = range(-(-total // chunk))
    missing = [number for number in numbers if not part_path(out, number).is_file()]
    done = total - sum(min(chunk, total - number * chunk) for number in missing)
    if progress:
        progress(done, total)
    chunks = ((n, (raw, options), len(raw)) for n, raw in _chunks(found, missing, manifest, clusters, held_out))
    for number, part, read in work(prepare_complex_chunk, chunks, min(workers, max(1, len(missing)))):
        save_complexes(out, number, part)
        done += read
        if progress:
            progress(done, total)
    return _finish(out, [load_complexes(out, number) for number in numbers], manifest, options, clusters)


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
    if out.exists() and not out.is_dir():
        raise UserError(f"--out '{out}' is a file. Name a folder, new or of an earlier call.")
    if not 1 <= options.max_atoms <= MOST_ATOMS:
        raise UserError(f"--max-atoms must be 1 to {MOST_ATOMS}, got {options.max_atoms}.")
    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit must be at least 1, got {options.limit}.")
    if workers < 1:
        raise UserError(f"--workers must be at least 1, got {workers}.")
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
    # what has no bearing on a finished set may differ
    relevant = {k: v for k, v in manifest.items() if k not in ("chunk", "rdkit")}
    refuse_other(out, meta.get("preparation", {}), relevant, "prepared complexes")
    open_complexes(out)
    remove_parts(out)
    return ComplexSummary(**read_about(out)["counts"], left_out=meta["left_out"], already=True)


def _chunks(
    sources: Sequence[ComplexSource],
    missing: Sequence[int],
    manifest: dict[str, Any],
    clusters: Index,
    held_out: frozenset[int],
) -> Iterator[tuple[int, tuple[Job, ...]]]:
    """(number, complexes) of the missing chunks."""
    chunk, total = manifest["chunk"], manifest["records"]
    wanted, start = set(missing), min(missing, default=0) * manifest["chunk"]
    stream = islice(_jobs(sources, start, clusters, held_out), max(0, total - start))
    number = start // chunk
    while jobs := tuple(islice(stream, chunk)):
        if number in wanted:
            yield number, jobs
        number += 1


def _jobs(sources: Sequence[ComplexSource], start: int, clusters: Index, held_out: frozenset[int]) -> Iterator[Job]:
    """Complexes from number ``start`` of the joined stream on."""
    before = 0
    for k, source in enumerate(sources):
        first = max(0, start - before)
        before += len(source.found)
        if first >= len(source.found):
            continue
        for number, raw in enumerate(read_complexes(source, first), first):
            yield Job(k, source.path.resolve().name, number, raw, clusters.get((raw.set, raw.id)) in held_out)


def _finish(
    out: Path, parts: Sequence[ComplexPart], manifest: dict[str, Any], options: ComplexOptions, index: Index
) -> ComplexSummary:
    """Join the parts, list what was left out, write the set.

    Raises:
        UserError: when nothing is left.
    """
    arrays, rows, counts = _joined(parts)
    write_text(out / "left_out.csv", csv_text(rows))
    reasons = Counter(row[4] for row in rows)
    left_out = {rule: reasons[rule] for rule in LEFT_OUT if reasons[rule]}
    names = [key for part in parts for key in part.receptors]
    if not names:
        why = "; ".join(f"{rule} {number:,} ({LEFT_OUT[rule]})" for rule, number in left_out.items())
        remove_parts(out)
        raise UserError(
            f"None of the {len(rows):,} poses can be used: {why}. Each is listed in '{out / 'left_out.csv'}'."
        )
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
            {"name": s["name"], "sha256": s["sha256"], "records": counts[k][0], "kept": counts[k][1]}
            for k, s in enumerate(manifest["complexes"])
        ],
        "left_out": left_out,
        "preparation": manifest,
    }
    write_shards(out, arrays, options.vocabulary, False, about)
    remove_parts(out)
    return ComplexSummary(**summary, left_out=left_out, already=False)


def _joined(
    parts: Sequence[ComplexPart],
) -> tuple[dict[str, np.ndarray], list[tuple], dict[int, tuple[int, int]]]:
    """Arrays of all parts, rows of what was left out, and (poses read, poses kept) by source."""
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
    return arrays, rows, {k: (read[k], kept[k]) for k in range(len(read) + 1)}


def _clusters(names: Sequence[tuple[str, str]], index: Index) -> np.ndarray:
    """(receptors,) cluster of each; those that the index does not know get numbers beyond it."""
    beyond = max(index.values(), default=-1) + 1
    alone = iter(range(beyond, beyond + len(names)))
    return np.array([index[key] if key in index else next(alone) for key in names], np.int32)
