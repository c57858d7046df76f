"""The batch of a step on complexes: poses and cuts are a function of (seed, step) alone, so that any run resumes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from molediff.data.complexes import Complexes, read_pockets
from molediff.data.pocket_cuts import draw_cut
from molediff.data.shards import read_batch
from molediff.geometry import masked_mean
from molediff.structures import Molecules, Pocket, Stereo

STREAM = 7
"""Keeps these numbers apart from those of `molediff.data.batches.Batches` with the same seed."""


@dataclass(frozen=True)
class ComplexBatches:
    """Poses of like size, drawn by weight; each is trained at several noise levels at once.

    The pocket is encoded once for all ``copies`` of a pose: that is what makes training on pockets affordable.
    """

    sizes: tuple[int, ...]
    """Ligand atoms of every pose of the training set."""
    weights: tuple[float, ...]
    """How often each is drawn, relatively."""
    budget: int
    """Ligand atoms squared a batch, copies included."""
    copies: int
    """Noise levels a pose."""
    seed: int
    """Of the run."""

    def of_step(self, step: int) -> np.ndarray:
        """Positions of the poses of batch ``step``, with repeats where weights ask for them."""
        rng = self.generator(step)
        sizes, weights = self._arrays
        # A batch of small ligands holds more of them: their batches are drawn less often, so that weights come true.
        per_batch = weights * sizes**2
        first = rng.choice(len(sizes), p=per_batch / per_batch.sum())
        n = int(sizes[first])
        count = max(1, round(self.budget / (self.copies * n**2)))
        like = np.flatnonzero(np.abs(sizes - n) <= 1)
        others = rng.choice(like, size=count - 1, p=weights[like] / weights[like].sum())
        return np.concatenate([[first], others]).astype(np.int64)

    def generator(self, step: int, stream: int = 0) -> np.random.Generator:
        """Random numbers of a step; ``stream`` 1 is for the cuts of its pockets."""
        return np.random.default_rng([self.seed, step, STREAM, stream])

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(self.sizes, np.int64), np.asarray(self.weights, np.float64)


def turn_of_complexes(step: int, share: float) -> tuple[bool, int]:
    """Whether step ``step`` is one on complexes, and its number among its kind: evenly spread, ``share`` of all.

    Args:
        step: counted from 0.
        share: of the steps, 0 to 1.
    """
    before, after = int(step * share), int((step + 1) * share)
    return (True, before) if after > before else (False, step - before)


def read_complexes(
    complexes: Complexes, which: np.ndarray, rng: np.random.Generator
) -> tuple[Molecules, Stereo, Pocket]:
    """Some poses with a random cut of their pockets, in the frame of the pocket: its centre is the origin.

    Args:
        complexes: prepared.
        which: (B,) positions of poses.
        rng: of the cuts.
    """
    molecules, stereo = read_batch(complexes.shards, which)
    pocket = read_pockets(complexes, which, lambda pos, group, ligand: draw_cut(pos, group, ligand, rng))
    centre = masked_mean(pocket.pos, pocket.mask)  # (B, 1, 3)
    molecules = molecules.replace(pos=(molecules.pos - centre) * molecules.mask[..., None])
    return molecules, stereo, replace(pocket, pos=(pocket.pos - centre) * pocket.mask[..., None])
