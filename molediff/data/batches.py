"""Which molecules make up the batch of a step: a function of (seed, step) alone, so that any run can be resumed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Batches:
    """Batches of molecules of like size, each with about ``budget`` atom pairs."""

    sizes: tuple[int, ...]
    """Atoms of every molecule of the training set."""
    budget: int
    """Atoms squared a batch: 128 molecules of 18 atoms are 41,472."""
    seed: int
    """Of the run."""

    def epoch(self, number: int) -> tuple[np.ndarray, ...]:
        """All batches of an epoch: every molecule once, in an order drawn from (seed, number)."""
        return _epoch(self.sizes, self.budget, self.seed, number)

    def of_step(self, step: int) -> np.ndarray:
        """Positions of the molecules of batch ``step``, counted from 0 over all epochs."""
        # Epochs differ in order only: their number of batches is the same.
        length = len(self.epoch(0))
        return self.epoch(step // length)[step % length]


@lru_cache(maxsize=2)
def _epoch(sizes: tuple[int, ...], budget: int, seed: int, number: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng([seed, number])
    counts = np.asarray(sizes)
    batches = []
    for n in np.unique(counts):
        members = rng.permutation(np.flatnonzero(counts == n))
        per_batch = max(1, budget // int(n) ** 2)
        pieces = max(1, round(len(members) / per_batch))
        batches.extend(np.array_split(members, pieces))
    return tuple(batches[i] for i in rng.permutation(len(batches)))
