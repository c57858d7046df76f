"""Prepared data for Lightning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from molediff.data.batches import Batches
from molediff.data.complex_batches import ComplexBatches, read_complexes, turn_of_complexes
from molediff.data.complexes import Complexes
from molediff.data.shards import Shards, read_batch
from molediff.structures import Molecules, Pocket, Stereo


class Batch(NamedTuple):
    """What a training step gets."""

    molecules: Molecules
    """Clean, centred; with pockets, in the frame of the pocket."""
    stereo: Stereo
    """Tags."""
    pocket: Pocket | None = None
    """One for each molecule."""


@dataclass(frozen=True)
class Beside:
    """Complexes that are trained on beside free molecules."""

    complexes: Complexes
    """Prepared, opened."""
    positions: np.ndarray
    """Of the poses to train on."""
    batches: ComplexBatches
    """Of those positions."""
    share: float
    """Of the steps."""

    def read(self, step: int) -> Batch:
        """The batch of step ``step`` among those on complexes."""
        members = self.positions[self.batches.of_step(step)]
        return Batch(*read_complexes(self.complexes, members, self.batches.generator(step, 1)))


class StepBatches(Dataset):
    """Item k is the batch of step k of one rank."""

    def __init__(
        self,
        shards: Shards,
        positions: np.ndarray,
        batches: Batches,
        rank: int,
        world: int,
        beside: Beside | None = None,
    ):
        self.shards, self.positions, self.batches, self.rank, self.world = shards, positions, batches, rank, world
        self.beside = beside

    def __getitem__(self, step: int) -> Batch:
        number = step
        if self.beside is not None:
            # All ranks take the same turn: they wait for each other.
            of_complexes, number = turn_of_complexes(step, self.beside.share)
            if of_complexes:
                return self.beside.read(number * self.world + self.rank)
        members = self.batches.of_step(number * self.world + self.rank)
        return Batch(*read_batch(self.shards, self.positions[members]))


class ShardModule(pl.LightningDataModule):
    """Batches of steps from the trainer's current step on: resuming needs no replay."""

    def __init__(self, shards: Shards, positions: np.ndarray, pairs: int, seed: int, beside: Beside | None = None):
        """Data of a run.

        Args:
            shards: the prepared set.
            positions: of the molecules to train on.
            pairs: atoms squared a batch.
            seed: of the run.
            beside: complexes that some of the steps are on.
        """
        super().__init__()
        self.shards, self.positions, self.beside = shards, positions, beside
        sizes = tuple(np.asarray(shards.arrays["natoms"])[positions].tolist())
        self.batches = Batches(sizes, pairs, seed)

    def train_dataloader(self) -> DataLoader:
        trainer = self.trainer
        ranks = (trainer.global_rank, trainer.world_size)
        steps = StepBatches(self.shards, self.positions, self.batches, *ranks, self.beside)
        return DataLoader(steps, batch_size=None, sampler=range(trainer.global_step, trainer.max_steps))

    def transfer_batch_to_device(self, batch, device, dataloader_idx):
        return Batch(*(None if part is None else part.to(device) for part in batch))
