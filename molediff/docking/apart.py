"""Poses apart from one another: one greedy choice for all engines, and the sizes of clusters.

Of two poses closer than a least RMSD the better stays. Poses lie in the frame of one receptor: nothing is superposed.
Symmetry is not considered (Vina's rule).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from molediff.docking.settings import DockConfig

CLUSTER = 2.0
"""Poses within this RMSD of a pose are of its cluster, angstrom."""
Near = Callable[[slice], Sequence[Sequence[bool]]]
"""Some rows, k to l -> (l - k, l) lists: whether each of them is closer than the least distance to rows 0 to l."""


def greedy(count: int, most: int, near: Near, block: int = 1) -> list[int]:
    """Rows that are near none of those chosen before them, in order.

    Args:
        count: rows there are, the best first.
        most: rows to choose at most.
        near: asked for one block after the other, until enough are chosen.
        block: rows of one question: many where an answer costs about the same for many as for one, as on a GPU.
    """
    chosen: list[int] = []
    first = 0
    while first < count and len(chosen) < most:
        rows = slice(first, min(first + block, count))
        for k, close in enumerate(near(rows), first):
            if len(chosen) < most and not any(close[other] for other in chosen):
                chosen.append(k)
        first = rows.stop
    return chosen


def best_apart(pos: np.ndarray, scores: Sequence[float] | np.ndarray, config: DockConfig) -> list[int]:
    """Poses to keep, best first: none closer than ``min_rmsd`` to a better one, none beyond the energy range.

    Args:
        pos: (n, heavy atoms, 3) angstrom, in any order.
        scores: (n,) kcal/mol; of equal scores the first is the better.
        config: poses at most, and the two limits.
    """
    order = np.argsort(scores, kind="stable").tolist()
    order = [k for k in order if not scores[k] > scores[order[0]] + config.energy_range]
    sorted_pos = pos[order]

    def near(rows: slice) -> list[list[bool]]:
        return (rmsd(sorted_pos[rows, None], sorted_pos[None, : rows.stop]) < config.min_rmsd).tolist()

    return [order[k] for k in greedy(len(order), config.poses, near)]


def cluster_sizes(pos: np.ndarray, rows: Sequence[int], radius: float = CLUSTER) -> list[int]:
    """For some poses, how many of all (itself included) lie within ``radius`` of it.

    Args:
        pos: (n, heavy atoms, 3) angstrom.
        rows: the poses asked for.
        radius: RMSD, angstrom.
    """
    return [int((rmsd(pos, pos[k]) <= radius).sum()) for k in rows]


def rmsd(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(...) angstrom, of positions (..., atoms, 3) that broadcast, as they lie."""
    return np.sqrt(((a - b) ** 2).sum(-1).mean(-1))
