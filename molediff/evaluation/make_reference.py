"""Reference statistics from anyone's molecules, with their own figures and their floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rdkit import Chem

from .distributions import distances
from .evaluation import evaluate
from .flat import flatten
from .readers import read
from .record import molecule
from .statistics import from_flat


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
    of that many molecules would get), and `figures`, the data's own under `protocols`, over at most `figures_of`
    molecules, printed beside a generator's as its data row.
    """
    records = read(mols)
    built = [None if record.problem else molecule(record)[0] for record in records]
    stats = from_flat(flatten(built), source or (Path(mols).name if isinstance(mols, (str, Path)) else "molecules"))
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(built))
    halves = [[built[i] for i in part] for part in np.array_split(order, 2)]
    sides = [from_flat(flatten(half)) for half in halves]
    values = distances(*sides) if min(len(half) for half in halves) > 1 else {}
    chosen = [records[i] for i in sorted(order[:figures_of])]
    report = evaluate(chosen, protocols, workers=workers, bootstrap=0)
    figures = {
        name: {key: {"value": one["value"], "n": one["n"], "unit": one["unit"]} for key, one in held["figures"].items()}
        for name, held in report.summary["protocols"].items()
    }
    floor = {"n": len(halves[0]), "n_other": len(halves[1]), "values": values}
    return stats | {"floor": floor, "figures": figures}
