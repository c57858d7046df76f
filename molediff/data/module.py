"""Prepared data for Lightning."""

from __future__ import annotations

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from molediff.data.batches import Batches
from molediff.data.shards import Shards, read_batch
from molediff.structures import Molecules, Stereo


class StepBatches(Dataset):
    """Item k is the batch of step k of one rank."""

    def __init__(self, shards: Shards, positions: np.ndarray, batches: Batches, rank: int, world: int):
        self.shards, self.positions, self.batches, self.rank, self.world = shards, positions, batches, rank, world

    def __getitem__(self, step: int) -> tuple[Molecules, Stereo]:
        members = self.batches.of_step(step * self.world + self.rank)
        return read_batch(self.shards, self.positions[members])


class ShardModule(pl.LightningDataModule):
    """Batches of steps from the trainer's current step on: resuming needs no replay."""

    def __init__(self, shards: Shards, positions: np.ndarray, pairs: int, seed: int):
        """Data of a run.

        Args:
            shards: the prepared set.
            positions: of the molecules to train on.
            pairs: atoms squared a batch.
            seed: of the run.
        """
        super().__init__()
        self.shards, self.positions = shards, positions
        sizes = tuple(np.asarray(shards.arrays["natoms"])[positions].tolist())
        self.batches = Batches(sizes, pairs, seed)

    def train_dataloader(self) -> DataLoader:
        trainer = self.trainer
        steps = StepBatches(self.shards, self.positions, self.batches, trainer.global_rank, trainer.world_size)
        return DataLoader(steps, batch_size=None, sampler=range(trainer.global_step, trainer.max_steps))

    def transfer_batch_to_device(self, batch, device, dataloader_idx):
        molecules, stereo = batch
        return molecules.to(device), stereo.to(device)
