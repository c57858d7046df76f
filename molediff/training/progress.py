"""What a run says while it goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time

import pytorch_lightning as pl
from tqdm import tqdm

EVERY = 30.0
"""Seconds between plain lines."""


def say(text: str) -> None:
    """A line on stderr, above the bar if there is one."""
    tqdm.write(text, file=sys.stderr)
    sys.stderr.flush()


class Progress(pl.Callback):
    """Steps done of all, loss of the last step, molecules a second since the last look."""

    def __init__(self, quiet: bool = False):
        """How to show it.

        Args:
            quiet: plain lines, also on a terminal.
        """
        self.plain = quiet or not sys.stderr.isatty()
        self._bar: tqdm | None = None
        self._then = (0.0, 0, 0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._then = (time.monotonic(), pl_module.seen, trainer.global_step)
        if not trainer.is_global_zero:
            return
        if not self.plain:
            self._bar = tqdm(total=trainer.max_steps, initial=trainer.global_step, unit="step", dynamic_ncols=True)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_) -> None:
        last = trainer.global_step >= trainer.max_steps
        if self._bar is not None:
            self._bar.update(1)
        wait = EVERY if self._bar is None else 1.0
        if not trainer.is_global_zero or not (last or time.monotonic() - self._then[0] >= wait):
            return
        now = (time.monotonic(), pl_module.seen, trainer.global_step)
        seconds = max(now[0] - self._then[0], 1e-9)
        rate, steps = (now[1] - self._then[1]) / seconds, (now[2] - self._then[2]) / seconds
        self._then = now
        loss = pl_module.losses["loss"].item()
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {loss:.3f}, {rate:,.0f} molecules/s")
            return
        left = (trainer.max_steps - now[2]) / steps / 3600 if steps else float("nan")
        say(
            f"step {now[2]:,} of {trainer.max_steps:,}, {now[1]:,} molecules seen, loss {loss:.3f}, "
            f"{rate:,.0f} molecules/s, {left:.2f} h left"
        )

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
