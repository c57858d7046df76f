"""Reference statistics from anyone's molecules, with their own figures and their floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rdkit import Chem

from .distributions import distances
from .evaluation import evaluate
from .flat import Piece, join, piece
from .readers import read
from .record import molecule
from .statistics import from_flat

FLOORS = (100, 300, 1000, 3000, 10000, 30000)
OTHERS = 30000  # molecules that a row of `floors` is compared with, at most


def make_reference(
    mols: str | Path | Iterable[Chem.Mol | None],
    source: str = "",
    protocols: Sequence[str] = ("strict", "edm"),
    figures_of: int = 20000,
    seed: int = 0,
    workers: int = 1,
) -> dict:
    """Statistics of a data set, to judge generators by.

    Besides what `statistics` counts: `floor`, the distances of one random half to the other (what a perfect generator
    of that many molecules would get), `floors`, the same of 100, 300, 1000, ... random molecules to others (see
    `distributions.floor_at`), and `figures`, the data's own under `protocols`, over at most `figures_of`
    molecules, printed beside a generator's as its data row.
    """
    records = read(mols)
    pieces = [None if record.problem else piece(molecule(record)[0]) for record in records]
    stats = from_flat(join(pieces), source or (Path(mols).name if isinstance(mols, (str, Path)) else "molecules"))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pieces))
    half = (len(order) + 1) // 2
    chosen = [records[i] for i in sorted(order[:figures_of])]
    report = evaluate(chosen, protocols, workers=workers, bootstrap=0)
    figures = {
        name: {key: {"value": one["value"], "n": one["n"], "unit": one["unit"]} for key, one in held["figures"].items()}
        for name, held in report.summary["protocols"].items()
    }
    floor = _floor(pieces, order, half) if half > 1 else {"n": half, "n_other": len(order) - half, "values": {}}
    return stats | {"floor": floor, "floors": floors(pieces, seed), "figures": figures}


def floors(pieces: Sequence[Piece | None], seed: int = 0, repeats: int = 12) -> list[dict]:
    """Distances of n random molecules of a set to others of it, mean over `repeats` draws, n = 100, 300, ... half.

    The others are all that are left, at most 30,000 of them, so that rows of large n are a little too high.
    """
    rng = np.random.default_rng(seed)
    out = []
    for n in (n for n in FLOORS if n <= len(pieces) // 2):
        found = [_floor(pieces, rng.permutation(len(pieces))[: n + OTHERS], n) for _ in range(repeats)]
        keys = found[0]["values"]
        means = {key: float(np.mean([one["values"].get(key, np.nan) for one in found])) for key in keys}
        out.append(found[0] | {"values": {key: value for key, value in means.items() if np.isfinite(value)}})
    return out


def _floor(pieces: Sequence[Piece | None], order: np.ndarray, n: int) -> dict:
    parts = [[pieces[i] for i in part] for part in (order[:n], order[n:])]
    values = distances(*(from_flat(join(part)) for part in parts))
    return {"n": n, "n_other": len(order) - n, "values": {key: float(f"{value:.5g}") for key, value in values.items()}}
