"""A thin Lightning shell round `Model.loss`."""

from __future__ import annotations

import math

import pytorch_lightning as pl
import torch

from molediff.model import Model
from molediff.noise import batch_draws, molecule_generator
from molediff.structures import Condition, Known, Molecules, Stereo
from molediff.training.ema import AveragedWeights
from molediff.training.settings import TrainConfig


class TrainingModule(pl.LightningModule):
    """Loss, optimiser, averaged weights. Noise and tasks of a step depend on (seed, step, rank) alone."""

    def __init__(self, model: Model, config: TrainConfig):
        super().__init__()
        self.model, self.config = model, config
        self.average = AveragedWeights(model.denoiser, config.ema)
        self.finish_at = config.steps
        self.seen = 0
        if config.compile:
            self.model.denoiser.compile(dynamic=True)

    def on_fit_start(self) -> None:
        self.average.to(self.device)

    def training_step(self, batch: tuple[Molecules, Stereo], batch_idx: int) -> torch.Tensor:
        clean, stereo = batch
        generator = molecule_generator(self.config.seed, self.global_step, stream=2 + self.global_rank)
        with torch.autocast(self.device.type, enabled=False):
            graph = torch.rand(len(clean), generator=generator) < self.config.conformer_share
            times = self.model.process.training_times(len(clean), generator)
            draws = batch_draws(*clean.mask.shape, generator=generator)
        graph = graph.to(self.device)
        condition = Condition(Known.graph(clean, graph), stereo.keep(graph))
        losses = self.model.loss(clean, condition, moved(times, self.device), moved(draws, self.device))
        self.seen += len(clean) * self.trainer.world_size
        self.log_dict({f"train/{k}": v.detach() for k, v in losses.items()}, batch_size=len(clean))
        self.log("train/molecules", float(self.seen), batch_size=1)
        return losses["loss"]

    def on_train_batch_end(self, *_) -> None:
        self.average.update(self.model.denoiser, self.global_step)

    def configure_optimizers(self) -> dict:
        c = self.config
        optimizer = torch.optim.AdamW(
            self.model.denoiser.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay, foreach=True
        )
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def rate(self, step: int) -> float:
        """Factor on the learning rate: warm-up, constant, then a half cosine to 1 %."""
        c = self.config
        if step < c.warmup_steps:
            return (step + 1) / c.warmup_steps
        share = min(1.0, max(0, step - self.finish_at) / max(1, c.finish_steps))
        return 0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["molediff"] = {"average": self.average.state_dict(), "seen": self.seen, "finish_at": self.finish_at}

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        state = checkpoint["molediff"]
        self.average.load_state_dict(state["average"])
        self.seen = state["seen"]
        # --finish may have set an earlier end than the checkpoint knows.
        self.finish_at = min(self.finish_at, state["finish_at"])


def moved(numbers, device):
    """A dataclass of tensors on another device."""
    return type(numbers)(**{name: value.to(device) for name, value in vars(numbers).items()})
