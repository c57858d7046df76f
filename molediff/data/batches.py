"""Which molecules make up the batch of a step: a function of (seed, step) alone, so that any run can be resumed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
        rng = np.random.default_rng([self.seed, number])
        batches = []
        for n, members in self._of_size.items():
            batches.extend(np.array_split(rng.permutation(members), self._pieces(n)))
        return tuple(batches[i] for i in rng.permutation(len(batches)))

    def of_step(self, step: int) -> np.ndarray:
        """Positions of the molecules of batch ``step``, counted from 0 over all epochs."""
        # Epochs differ in order only: their number of batches is the same.
        number, place = divmod(step, len(self))
        if number not in self._latest:
            self._latest.clear()
            self._latest[number] = self.epoch(number)
        return self._latest[number][place]

    def __len__(self) -> int:
        """Batches an epoch."""
        return sum(self._pieces(n) for n in self._of_size)

    @cached_property
    def _of_size(self) -> dict[int, np.ndarray]:
        """Number of atoms -> positions of the molecules that have as many, ascending."""
        counts = np.asarray(self.sizes)
        return {int(n): np.flatnonzero(counts == n) for n in np.unique(counts)}

    @cached_property
    def _latest(self) -> dict[int, tuple[np.ndarray, ...]]:
        """The epoch in use: steps ask for one batch at a time."""
        return {}

    def _pieces(self, n: int) -> int:
        return max(1, round(len(self._of_size[n]) / max(1, self.budget // n**2)))
