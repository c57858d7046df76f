"""A preparation that goes on where it was cut off: chunks of a stream of records, each on disk once it is done."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from molediff.config import UserError
from molediff.data.parts import begin, part_path, refuse_other, remove_parts
from molediff.data.workers import work
from molediff.whole_files import write_whole

MOST_ATOMS = 255
"""Largest molecule that can be stored: indices of atoms are bytes."""
HEADER = ("source", "record", "index", "name", "reason", "detail", "line")
"""Columns of left_out.csv."""
Progress = Callable[[int, int], None]
"""Called with (records done, records in all)."""


@dataclass(frozen=True)
class Steps:
    """What becomes of a chunk."""

    judge: Callable[..., Any]
    """(records, *more) -> what became of them; a function of a module, as it runs in worker processes."""
    more: tuple
    """Further arguments of ``judge``."""
    save: Callable[[Path, int, Any], None]
    """(folder, number, part): write a part at once or not at all."""
    load: Callable[[Path, int], Any]
    """(folder, number) -> the part as it was written."""


def in_parts(
    out: Path,
    manifest: dict[str, Any],
    records: Callable[[int], Iterator[Any]],
    steps: Steps,
    workers: int,
    progress: Progress | None = None,
) -> list[Any]:
    """All parts in order: those that an earlier call with the same manifest left, and the others made now.

    Args:
        out: folder of the prepared set.
        manifest: everything that the result depends on, with ``records`` and ``chunk``, the records a part.
        records: start -> undecoded records from this number of the joined stream on.
        steps: what becomes of a chunk.
        workers: processes; see `molediff.data.workers.work`.
        progress: called once before the first chunk, and after each.

    Raises:
        UserError: when the folder holds parts of another preparation, or a worker process dies.
    """
    total, chunk = manifest["records"], manifest["chunk"]
    begin(out, manifest)
    numbers = range(-(-total // chunk))
    missing = [number for number in numbers if not part_path(out, number).is_file()]
    done = total - sum(min(chunk, total - number * chunk) for number in missing)
    if progress:
        progress(done, total)
    chunks = ((number, (raw, *steps.more), len(raw)) for number, raw in _chunks(records, missing, total, chunk))
    for number, part, read in work(steps.judge, chunks, min(workers, max(1, len(missing)))):
        steps.save(out, number, part)
        done += read
        if progress:
            progress(done, total)
    return [steps.load(out, number) for number in numbers]


def _chunks(
    records: Callable[[int], Iterator[Any]], missing: Sequence[int], total: int, chunk: int
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """(number, records) of the missing chunks; nothing is read behind the last of them."""
    if not missing:
        return
    wanted, first = set(missing), min(missing)
    stream = islice(records(first * chunk), total - first * chunk)
    for number in range(first, max(missing) + 1):
        raw = tuple(islice(stream, chunk))
        if number in wanted and raw:
            yield number, raw


def beyond(counts: Sequence[int], start: int) -> Iterator[tuple[int, int]]:
    """(source, its first record) of the sources that are read when joined sources are read from ``start`` on.

    Args:
        counts: records of each source.
        start: number of a record in the joined stream.
    """
    before = 0
    for k, count in enumerate(counts):
        first = max(0, start - before)
        before += count
        if first < count:
            yield k, first


def check_call(out: Path, max_atoms: int, limit: int | None, workers: int) -> None:
    """Refuse arguments that no preparation can have.

    Raises:
        UserError: says which, and what is allowed.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"--out '{out}' is a file. Name a folder, new or of an earlier call.")
    if not 1 <= max_atoms <= MOST_ATOMS:
        raise UserError(f"--max-atoms must be 1 to {MOST_ATOMS} (indices are stored in a byte), got {max_atoms}.")
    if limit is not None and limit < 1:
        raise UserError(f"--limit must be at least 1, got {limit}.")
    if workers < 1:
        raise UserError(f"--workers must be at least 1, got {workers}.")


def check_complete(out: Path, there: dict[str, Any], manifest: dict[str, Any], what: str) -> None:
    """Make sure that a complete set is the one that is asked for.

    Args:
        out: its folder.
        there: the manifest that it was prepared with.
        manifest: of this call.
        what: the set in words.

    Raises:
        UserError: when it was prepared with other arguments; says in what they differ.
    """
    # what has no bearing on a finished set may differ
    refuse_other(out, there, {k: v for k, v in manifest.items() if k not in ("chunk", "rdkit")}, what)


def list_left_out(out: Path, rows: Sequence[tuple], rules: dict[str, str], kept: int, what: str) -> dict[str, int]:
    """Write left_out.csv and count.

    Args:
        out: folder of the prepared set.
        rows: as `HEADER`.
        rules: rule -> what it says.
        kept: how many were not left out.
        what: they are, in words.

    Returns:
        rule -> how many it left out, in the order of the rules.

    Raises:
        UserError: when none was kept; the parts are removed then.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    write_whole(out / "left_out.csv", text.getvalue())
    counts = Counter(row[4] for row in rows)
    left_out = {rule: counts[rule] for rule in rules if counts[rule]}
    if not kept:
        reasons = "; ".join(f"{rule} {number:,} ({rules[rule]})" for rule, number in left_out.items())
        remove_parts(out)
        raise UserError(
            f"None of the {len(rows):,} {what} can be used: {reasons}. Each is listed in '{out / 'left_out.csv'}'."
        )
    return left_out
