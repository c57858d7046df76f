"""A thin Lightning shell round `Model.loss`."""

from __future__ import annotations

import dataclasses
import time

import pytorch_lightning as pl
import torch
from torch import Tensor

from molediff.config import UserError, choose
from molediff.data.module import Batch
from molediff.memory import is_out_of_memory
from molediff.model import Model
from molediff.noise.draws import DROPS, RECALLS, TASKS, TRAINING, batch_draws, molecule_generator
from molediff.training.ema import AveragedWeights
from molediff.training.optimizers import OPTIMIZERS
from molediff.training.pieces import free_memory, halved, piecewise
from molediff.training.plan import Plan
from molediff.training.settings import TrainConfig
from molediff.training.tally import Tally
from molediff.training.tasks import Shares, positioned

PATIENCE = 20
"""Steps in a row without a finite gradient after which a run stops."""


class TrainingModule(pl.LightningModule):
    """Loss, optimiser, averaged weights. Noise and tasks of a step depend on (seed, step, rank) alone."""

    def __init__(self, model: Model, config: TrainConfig, plan: Plan):
        """A run's module.

        Args:
            model: trained in place.
            config: of the run.
            plan: of the learning rate.
        """
        super().__init__()
        self.model, self.config, self.plan = model, config, plan
        self.shares = Shares(
            config.conformer_share,
            config.fragment_share,
            config.retype_share,
            config.hydrogens_marked,
            config.closed_marked,
        )
        self.shares.check()
        if not 0 <= config.recall_share <= 1:
            raise UserError(
                f"recall_share must lie in [0, 1], got {config.recall_share}. Set for example recall_share: 0.5"
            )
        self.average = AveragedWeights(model.denoiser, config.ema)
        self.tally = Tally()
        self.seen = self.skipped = self.skipped_in_a_row = 0
        self.pieces = 1
        self.seconds_before, self.started = 0.0, time.monotonic()
        self.losses: dict[str, Tensor] = {}
        self._step: tuple = ()
        if config.compile:
            self.model.compile_network()

    @property
    def seconds(self) -> float:
        """Time trained, over all sittings."""
        return self.seconds_before + time.monotonic() - self.started

    def on_fit_start(self) -> None:
        self.average.to(self.device)

    def on_train_start(self) -> None:
        self.started = time.monotonic()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self._step = inputs = self.inputs(batch)
        return self.loss(inputs)

    def inputs(self, batch: Batch) -> tuple:
        """What the loss of this step is a function of: molecules, task, times, noise.

        With pockets every molecule is there ``complex_copies`` times, one after the other, and the condition holds the
        pockets as they are, one a molecule.
        """
        clean, stereo, pocket = Batch(*batch)
        if pocket is not None:
            clean, stereo = repeated(clean, self.config.complex_copies), repeated(stereo, self.config.complex_copies)
        generator = molecule_generator(self.config.seed, self.global_step, stream=TRAINING + self.global_rank)
        with torch.autocast(self.device.type, enabled=False):
            graph = torch.rand(len(clean), generator=generator) < self.config.conformer_share
            times = self.model.process.training_times(len(clean), generator)
            draws = batch_draws(*clean.mask.shape, generator=generator)
            cuts = molecule_generator(self.config.seed, self.global_step, stream=TASKS + self.global_rank)
            graph, hydrogen = graph.to(self.device), self.model.config.hydrogen
            framed = pocket is not None
            clean, condition = positioned(clean, stereo, graph, self.shares, hydrogen, cuts, framed)
        condition = dataclasses.replace(condition, pocket=pocket)
        return clean, condition, moved(times, self.device), moved(draws, self.device)

    def encoded(self, inputs: tuple) -> tuple:
        """The same with pockets encoded, one a copy, without those that guidance needs left out."""
        clean, condition, times, draws = inputs
        if condition.pocket is None:
            return inputs
        pocket = repeated(self.model.encode(condition.pocket), self.config.complex_copies)
        lost = molecule_generator(self.config.seed, self.global_step, stream=DROPS + self.global_rank)
        lost = torch.rand(len(clean), generator=lost) < self.config.pocket_drop
        return clean, dataclasses.replace(condition, pocket=pocket.dropped(lost.to(self.device))), times, draws

    def hears(self) -> bool:
        """Whether the network hears in this step what it says at first sight; decided by (seed, step, rank)."""
        coin = molecule_generator(self.config.seed, self.global_step, stream=RECALLS + self.global_rank)
        return self.model.self_conditioned and float(torch.rand((), generator=coin)) < self.config.recall_share

    def loss(self, inputs: tuple) -> Tensor:
        """The loss of a step; out of memory, half the batch at once, and again."""
        losses_of = self.model.loss_on_second_look if self.hears() else self.model.loss
        while True:
            try:
                losses = piecewise(losses_of, self.encoded(inputs), self.pieces)
                break
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self.pieces = halved(self.pieces, len(inputs[0]))
            # Here, not in the handler: the exception holds on to what filled the memory.
            free_memory()
        self.losses = {name: value.detach() for name, value in losses.items()}
        return losses["loss"]

    def backward(self, loss: Tensor, *args, **kwargs) -> None:
        while True:
            try:
                loss.backward(*args, **kwargs)
                return
            except RuntimeError as error:
                # Other ranks have had a part of these gradients already: only a single process can begin again.
                if not is_out_of_memory(error) or self.trainer.world_size > 1:
                    raise
                self.pieces = halved(self.pieces, len(self._step[0]))
            # The trainer holds this loss: cut it from the graph that filled the memory.
            loss.detach_()
            self.zero_grad()
            free_memory()
            with self.trainer.precision_plugin.train_step_context():
                loss = self.loss(self._step)

    def configure_gradient_clipping(self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None) -> None:
        """Clip. Without a finite loss and gradient skip the step: Adam leaves parameters without gradient alone."""
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip or float("inf"))
        finite = bool(torch.isfinite(norm) & torch.isfinite(self.losses["loss"]))
        finite = self.trainer.strategy.reduce_boolean_decision(finite, all=True)
        self.skipped_in_a_row = 0 if finite else self.skipped_in_a_row + 1
        self.losses["norm"] = norm
        if not finite:
            self.skipped += 1
            for p in parameters:
                p.grad = None

    def optimizer_step(self, epoch, batch_idx, optimizer, optimizer_closure=None) -> None:
        """One step of optimiser, average and tally together: a checkpoint sees all of it or nothing."""
        rate = optimizer.param_groups[0]["lr"]
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        step = self.global_step + 1
        if not self.skipped_in_a_row:
            self.average.update(self.model.denoiser, step)
            self.tally.add(self.losses)
        self.seen += self._molecules()
        self._step = ()
        if step % self.config.log_every == 0:
            self.write_line(step, rate)
        if self.skipped_in_a_row >= PATIENCE:
            raise UserError(
                f"No finite loss for {PATIENCE} steps in a row, up to step {step}; the weights are those before them. "
                "Train anew in another 'out' with a lower learning_rate, or with precision 32-true."
            )

    def write_line(self, step: int, rate: float) -> None:
        """A line of the log: means over the steps since the last one."""
        means = {k: self.trainer.strategy.reduce(torch.tensor(v)).item() for k, v in self.tally.means().items()}
        rest = {"rate": rate, "skipped": self.skipped, "seconds": round(self.seconds, 1)}
        line = {f"train/{k}": v for k, v in ({"molecules": self.seen} | means | rest).items()}
        for logger in self.loggers:
            logger.log_metrics(line, step)

    def _molecules(self) -> int:
        """Molecules of this step, of all ranks."""
        count = len(self._step[0])
        if self.trainer.world_size == 1:
            return count
        return int(self.trainer.strategy.reduce(torch.tensor(count, device=self.device), reduce_op="sum"))

    def configure_optimizers(self) -> dict:
        c = self.config
        build = choose("optimizer", c.optimizer, OPTIMIZERS)
        optimizer = build(self.model.denoiser, c.learning_rate, c.weight_decay)
        # A function that asks the plan each time: a resumed run has another one.
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: self.plan.rate(step))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["molediff"] = {
            "average": self.average.state_dict(),
            "seen": self.seen,
            "tally": self.tally.state_dict(),
            "skipped": self.skipped,
            "skipped_in_a_row": self.skipped_in_a_row,
            "seconds": self.seconds,
            **self.plan.state(),
        }

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        state = checkpoint["molediff"]
        self.average.load_state_dict(state["average"])
        self.seen = state["seen"]
        if "tally" in state:
            self.tally.load_state_dict(state["tally"])
        self.skipped = state.get("skipped", 0)
        self.skipped_in_a_row = state.get("skipped_in_a_row", 0)
        self.seconds_before = state.get("seconds", 0.0)
        forget_place_in_epoch(checkpoint)


def forget_place_in_epoch(checkpoint: dict) -> None:
    """Our loader begins at the current step, so Lightning must not think that a part of it has been read.

    Otherwise it ends the epoch early and starts the loader over, which repeats batches.
    """
    progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    progress["current"] = dict.fromkeys(progress["current"], 0)
    progress["total"] = dict.fromkeys(progress["total"], progress["total"]["processed"])
    progress["is_last_batch"] = False


def moved(numbers, device):
    """A dataclass of tensors on another device."""
    return type(numbers)(**{name: value.to(device) for name, value in vars(numbers).items()})


def repeated(numbers, copies: int):
    """Every row of a dataclass of tensors (B, ...), copies times: (B copies, ...)."""
    return type(numbers)(**{name: value.repeat_interleave(copies, 0) for name, value in vars(numbers).items()})
