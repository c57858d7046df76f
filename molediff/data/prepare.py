"""Prepare molecules of files for training: read, judge by rules with names, write shards. Goes on when killed."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import rdkit

from molediff.config import UserError, choose, nearest
from molediff.data.parts import (
    Part,
    begin,
    join,
    load_part,
    part_path,
    refuse_other,
    remove_parts,
    save_part,
    write_text,
)
from molediff.data.readers import Reader
from molediff.data.rules import LEFT_OUT, LeftOutError, Options, prepare_one
from molediff.data.shards import ARRAYS, FORMAT, open_shards, read_meta, write_shards
from molediff.data.sources import Source, find_sources
from molediff.data.split import SPLITS
from molediff.data.workers import work
from molediff.data.xtb import need_tblite, relaxed
from molediff.elements import SYMBOLS, Vocabulary

CHUNK, FEW = 5_000, 50
"""Records a part, and a part of slow ones (embedded from SMILES, relaxed by xTB): what a kill costs."""
MOST_ATOMS = 255
HEADER = ("source", "record", "index", "name", "reason", "detail", "line")


@dataclass(frozen=True)
class Summary:
    """What a preparation did."""

    records: int
    """Molecules read."""
    kept: int
    """Molecules in the prepared set."""
    left_out: dict[str, int]
    """Rule -> molecules that it left out."""
    already: bool
    """Whether the set was complete before, and nothing was done."""


def prepare(
    sources: Sequence[Path | str],
    out: Path | str,
    options: Options | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    chunk: int | None = None,
    archive: Path | str | None = None,
) -> Summary:
    """Prepare a data set, going on where an earlier call with the same arguments was cut off.

    Every record of the sources ends in the set or, with its reason, in ``out/left_out.csv``; ``out/meta.json`` has
    the counts. The result does not depend on ``workers`` or on interruptions.

    Args:
        sources: files, see `molediff.data.readers.READERS`, or names, see `molediff.data.sources`; joined in this
            order.
        out: folder of the prepared set.
        options: vocabulary, hydrogens, size; the defaults of `Options` when None.
        workers: processes; they are spawned, so a script that asks for more than one needs a
            ``if __name__ == "__main__"``.
        progress: called with (records done, records in all) after each chunk.
        chunk: records a part; `CHUNK`, or `FEW` of slow ones, when None.
        archive: of a source given by name, when it is not to be downloaded.

    Raises:
        UserError: for files that cannot be used, a folder with other contents, or when nothing is left.
    """
    out, options = Path(out), options or Options()
    _check(out, options, workers)
    found = find_sources(sources, out, archive)
    chunk = chunk or (FEW if options.xtb or any(source.reader.slow for source in found) else CHUNK)
    manifest = _manifest(found, options, chunk)
    if (out / "meta.json").is_file():
        return _complete(out, manifest)
    total = manifest["records"]
    begin(out, manifest)
    numbers = range(-(-total // chunk))
    missing = [number for number in numbers if not part_path(out, number).is_file()]
    done = total - sum(min(chunk, total - number * chunk) for number in missing)
    if progress:
        progress(done, total)
    for number, part, read in _work(found, missing, total, chunk, options, workers):
        save_part(out, number, part)
        done += read
        if progress:
            progress(done, total)
    return _finish(out, [load_part(out, number) for number in numbers], manifest, options, found)


def parse_vocabulary(elements: str, charges: str) -> Vocabulary:
    """A vocabulary from lists with commas, as typed.

    Raises:
        UserError: for an unknown element (names the nearest), or a charge that is no number or too large.
    """
    symbols = [symbol.strip() for symbol in elements.split(",") if symbol.strip()]
    for symbol in symbols:
        if symbol not in SYMBOLS:
            near = (
                f" Did you mean '{symbol.capitalize()}'?"
                if symbol.capitalize() in SYMBOLS
                else nearest(symbol, SYMBOLS)
            )
            raise UserError(f"Unknown element '{symbol}' in --elements. Allowed: {', '.join(SYMBOLS)}.{near}")
    try:
        numbers = [int(charge) for charge in charges.split(",") if charge.strip()]
    except ValueError:
        raise UserError(f"--charges must be whole numbers with commas, such as 0,-1,1; got '{charges}'.") from None
    for kind, given in (("--elements", symbols), ("--charges", numbers)):
        if not given or len(set(given)) < len(given):
            raise UserError(f"{kind} must name each class once, and at least one; got '{','.join(map(str, given))}'.")
    return Vocabulary(tuple(symbols), tuple(numbers))


def _check(out: Path, options: Options, workers: int) -> None:
    if out.exists() and not out.is_dir():
        raise UserError(f"--out '{out}' is a file. Name a folder, new or of an earlier call.")
    if not 1 <= options.max_atoms <= MOST_ATOMS:
        raise UserError(
            f"--max-atoms must be 1 to {MOST_ATOMS} (indices are stored in a byte), got {options.max_atoms}."
        )
    if options.limit is not None and options.limit < 1:
        raise UserError(f"--limit must be at least 1, got {options.limit}.")
    choose("split", options.split, SPLITS)
    if options.xtb:
        need_tblite()
    if workers < 1:
        raise UserError(f"--workers must be at least 1, got {workers}.")


def _manifest(sources: Sequence[Source], options: Options, chunk: int) -> dict[str, Any]:
    """Everything that the result depends on."""
    total = sum(source.records for source in sources)
    return {
        "sources": [{"name": s.path.name, "sha256": s.sha256, "records": s.records} for s in sources],
        "elements": list(options.vocabulary.elements),
        "charges": list(options.vocabulary.charges),
        "explicit_hydrogens": options.explicit_hydrogens,
        "max_atoms": options.max_atoms,
        "limit": options.limit,
        "split": options.split,
        "xtb": options.xtb,
        "records": total if options.limit is None else min(total, options.limit),
        "chunk": chunk,
        "format": FORMAT,
        "rdkit": rdkit.__version__,
    }


def _complete(out: Path, manifest: dict[str, Any]) -> Summary:
    """The set is there already: verify it and say so.

    Raises:
        UserError: when it is damaged, or was prepared with other arguments.
    """
    meta = read_meta(out)
    # what has no bearing on a finished set may differ
    relevant = {k: v for k, v in manifest.items() if k not in ("chunk", "rdkit")}
    # sets from before these options were prepared without them
    there = {"split": "all", "xtb": False} | meta.get("preparation", {})
    refuse_other(out, there, relevant, "a prepared set")
    shards = open_shards(out)
    remove_parts(out)
    return Summary(manifest["records"], len(shards), meta["left_out"], already=True)


def _work(
    sources: Sequence[Source], missing: Sequence[int], total: int, chunk: int, options: Options, workers: int
) -> Iterator[tuple[int, Part, int]]:
    """(number, part, records read) of each missing chunk, as they are done."""
    chunks = _chunks(sources, missing, total, chunk)
    readers = [(source.path.name, source.reader) for source in sources]
    jobs = ((number, (raw, readers, options), len(raw)) for number, raw in chunks)
    return work(prepare_chunk, jobs, min(workers, max(1, len(missing))))


def _chunks(
    sources: Sequence[Source], missing: Sequence[int], total: int, chunk: int
) -> Iterator[tuple[int, tuple[tuple[int, int, Any], ...]]]:
    """(number, records) of the missing chunks; a record is (source number, record number, undecoded)."""
    wanted, start = set(missing), min(missing, default=0) * chunk
    stream = chain.from_iterable(_records(k, source, sources, start) for k, source in enumerate(sources))
    kept, number = islice(stream, max(0, total - start)), start // chunk
    while raw := tuple(islice(kept, chunk)):
        if number in wanted:
            yield number, raw
        number += 1


def _records(k: int, source: Source, sources: Sequence[Source], start: int) -> Iterator[tuple[int, int, Any]]:
    """Records of source ``k`` from number ``start`` of the joined stream on."""
    first = max(0, start - sum(s.records for s in sources[:k]))
    if first >= source.records:
        return
    for number, raw in enumerate(source.reader.split(source.path, first), first):
        yield k, number, raw


def prepare_chunk(
    records: Sequence[tuple[int, int, Any]], readers: Sequence[tuple[str, Reader]], options: Options
) -> Part:
    """Decode and judge some records; runs in a worker process.

    Args:
        records: (source number, record number, undecoded).
        readers: name and reader of each source.
        options: of the preparation.
    """
    ready, left_out, kept = [], [], Counter()
    for source, number, raw in records:
        name, reader = readers[source]
        record = reader.decode(raw)
        if options.xtb:
            record = relaxed(record)
        try:
            ready.append(prepare_one(record, options))
            kept[source] += 1
        except LeftOutError as why:
            left_out.append((name, number, record.index, record.name, why.rule, why.detail, record.line))
    return Part(join(ready), tuple(left_out), tuple(kept.items()))


def _finish(
    out: Path, parts: Sequence[Part], manifest: dict[str, Any], options: Options, sources: Sequence[Source]
) -> Summary:
    """Join the parts, list what was left out, write the set.

    Raises:
        UserError: when nothing is left.
    """
    rows = [row for part in parts for row in part.left_out]
    write_text(out / "left_out.csv", csv_text(rows))
    counts = Counter(row[4] for row in rows)
    left_out = {rule: counts[rule] for rule in LEFT_OUT if counts[rule]}
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in ARRAYS}
    kept = Counter()
    for part in parts:
        kept.update(dict(part.sources))
    if not len(arrays["natoms"]):
        reasons = "; ".join(f"{rule} {number:,} ({LEFT_OUT[rule]})" for rule, number in left_out.items())
        remove_parts(out)
        raise UserError(
            f"None of the {len(rows):,} molecules can be used: {reasons}. Each is listed in '{out / 'left_out.csv'}'."
        )
    about = {
        "sources": [d | {"kept": kept[k]} for k, d in enumerate(manifest["sources"])],
        "left_out": left_out,
        "preparation": manifest,
    }
    write_shards(out, arrays, options.vocabulary, options.explicit_hydrogens, about)
    remove_parts(out)
    return Summary(manifest["records"], len(arrays["natoms"]), left_out, already=False)


def csv_text(rows: Sequence[tuple]) -> str:
    """The list of what was left out; rows as `HEADER`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue()
