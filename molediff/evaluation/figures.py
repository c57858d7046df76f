"""Honest figures: each with its n, its bootstrap interval, its spread over groups and its definition."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Measure:
    """What a figure is made of, one number a row of the table.

    Attributes:
        key: name of the figure.
        definition: one sentence, with the denominator.
        kind: 'share' (100 sum part / sum whole), 'unique' (100 distinct keys among part / sum whole), 'mean' or
            'median' (of `part` where `whole`).
        part: (N,) numbers, or bools.
        whole: (N,) weights of the denominator.
        keys: (N,) identifiers for 'unique'.
        unit: of the value.
    """

    key: str
    definition: str
    kind: str
    part: np.ndarray
    whole: np.ndarray
    keys: np.ndarray | None = None
    unit: str = "%"


@dataclass(frozen=True)
class Figure:
    """A value as it would stand in a paper.

    Attributes:
        n: the denominator (attempts, atoms, valid molecules: see `definition`).
        low, high: 95 % bootstrap interval over molecules; None for uniqueness, which resampling would falsify.
        spread: standard deviation (n - 1) over the groups of the file; None with one group.
    """

    key: str
    value: float
    n: int
    low: float | None
    high: float | None
    spread: float | None
    unit: str
    definition: str

    def as_dict(self) -> dict:
        return asdict(self)


def settle(measures: list[Measure], groups: int = 1, bootstrap: int = 1000, seed: int = 0) -> dict[str, Figure]:
    """Figures of measures over rows in file order.

    Groups are `groups` consecutive parts of the file, as even as can be, none dropped.
    """
    out = {}
    for one in measures:
        parts = np.array_split(np.arange(len(one.part)), groups)
        values = [KINDS[one.kind](one, rows) for rows in parts] if groups > 1 else []
        low, high = _interval(one, bootstrap, seed)
        out[one.key] = Figure(
            key=one.key,
            value=KINDS[one.kind](one, np.arange(len(one.part))),
            n=int(np.sum(one.whole)),
            low=low,
            high=high,
            spread=float(np.std(values, ddof=1)) if len(values) > 1 else None,
            unit=one.unit,
            definition=one.definition,
        )
    return out


def _share(one: Measure, rows: np.ndarray) -> float:
    whole = float(np.sum(one.whole[rows]))
    return 100.0 * float(np.sum(one.part[rows])) / whole if whole else float("nan")


def _unique(one: Measure, rows: np.ndarray) -> float:
    whole = float(np.sum(one.whole[rows]))
    distinct = len(set(one.keys[rows][one.part[rows].astype(bool)]))
    return 100.0 * distinct / whole if whole else float("nan")


def _held(one: Measure, rows: np.ndarray) -> np.ndarray:
    values = one.part[rows][one.whole[rows].astype(bool)].astype(float)
    return values[np.isfinite(values)]


def _mean(one: Measure, rows: np.ndarray) -> float:
    held = _held(one, rows)
    return float(held.mean()) if len(held) else float("nan")


def _median(one: Measure, rows: np.ndarray) -> float:
    held = _held(one, rows)
    return float(np.median(held)) if len(held) else float("nan")


KINDS = {"share": _share, "unique": _unique, "mean": _mean, "median": _median}


def _interval(one: Measure, bootstrap: int, seed: int) -> tuple[float | None, float | None]:
    rng = np.random.default_rng(seed)
    n = len(one.part)
    if bootstrap < 2 or n < 2 or one.kind == "unique":
        return None, None
    if one.kind == "share":
        part, whole = one.part.astype(float), one.whole.astype(float)
        draws = []
        for _ in range(bootstrap):
            times = np.bincount(rng.integers(0, n, n), minlength=n)
            total = times @ whole
            draws.append(100.0 * (times @ part) / total if total else np.nan)
    else:
        held = _held(one, np.arange(n))
        if len(held) < 2:
            return None, None
        middle = np.mean if one.kind == "mean" else np.median
        draws = [middle(held[rng.integers(0, len(held), len(held))]) for _ in range(bootstrap)]
    draws = np.array(draws)
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return None, None
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)
