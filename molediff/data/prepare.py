"""Prepare molecules of files for training: read, judge by rules with names, write shards. Goes on when killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rdkit

from molediff.config import UserError, choose, nearest
from molediff.data.parts import Part, join, load_part, remove_parts, save_part
from molediff.data.readers import Reader
from molediff.data.resumed import Steps, beyond, check_call, check_complete, in_parts, list_left_out
from molediff.data.rules import LEFT_OUT, LeftOutError, Options, prepare_one
from molediff.data.shards import ARRAYS, FORMAT, open_shards, read_meta, write_shards
from molediff.data.sources import Source, find_sources
from molediff.data.split import SPLITS
from molediff.data.xtb import need_tblite, relaxed
from molediff.elements import SYMBOLS, Vocabulary

CHUNK, FEW = 5_000, 50
"""Records a part, and a part of slow ones (embedded from SMILES, relaxed by xTB): what a kill costs."""


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
    readers = [(source.path.name, source.reader) for source in found]
    steps = Steps(prepare_chunk, (readers, options), save_part, load_part)
    parts = in_parts(out, manifest, lambda start: _records(found, start), steps, workers, progress)
    return _finish(out, parts, manifest, options)


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
    check_call(out, options.max_atoms, options.limit, workers)
    choose("split", options.split, SPLITS)
    if options.xtb:
        need_tblite()


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
    # sets from before these options were prepared without them
    there = {"split": "all", "xtb": False} | meta.get("preparation", {})
    check_complete(out, there, manifest, "a prepared set")
    shards = open_shards(out)
    remove_parts(out)
    return Summary(manifest["records"], len(shards), meta["left_out"], already=True)


def _records(sources: Sequence[Source], start: int) -> Iterator[tuple[int, int, Any]]:
    """(source number, record number, undecoded) from number ``start`` of the joined stream on."""
    for k, first in beyond([source.records for source in sources], start):
        source = sources[k]
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


def _finish(out: Path, parts: Sequence[Part], manifest: dict[str, Any], options: Options) -> Summary:
    """Join the parts, list what was left out, write the set.

    Raises:
        UserError: when nothing is left.
    """
    rows = [row for part in parts for row in part.left_out]
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in ARRAYS}
    left_out = list_left_out(out, rows, LEFT_OUT, len(arrays["natoms"]), "molecules")
    kept = Counter()
    for part in parts:
        kept.update(dict(part.sources))
    about = {
        "sources": [d | {"kept": kept[k]} for k, d in enumerate(manifest["sources"])],
        "left_out": left_out,
        "preparation": manifest,
    }
    write_shards(out, arrays, options.vocabulary, options.explicit_hydrogens, about)
    remove_parts(out)
    return Summary(manifest["records"], len(arrays["natoms"]), left_out, already=False)
