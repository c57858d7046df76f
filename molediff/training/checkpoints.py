"""Checkpoints: written whole or not at all, when time is up, when a signal comes, at the end."""

from __future__ import annotations

import io
import os
import pickle
import signal
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO

from molediff.config import UserError
from molediff.whole_files import write_whole

LAST, PREVIOUS, BEFORE_FINISH = "last.ckpt", "previous.ckpt", "before_finish.ckpt"


def read_checkpoint(path: Path) -> dict:
    """A checkpoint, its checksums compared first.

    Raises:
        UserError: for a damaged file or one that is no checkpoint of molediff.
    """
    previous = path.with_name(PREVIOUS)
    mend = f"mv '{previous}' '{path}'" if previous.is_file() else f"rm '{path}'"
    then = "goes on from the checkpoint before it" if previous.is_file() else "begins the run anew"
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
        if bad is not None:
            raise UserError(f"The checkpoint '{path}' is damaged (at {bad}). This {then}: {mend}")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f"The checkpoint '{path}' is damaged ({error}). This {then}: {mend}") from error
    if not isinstance(state, dict) or "molediff" not in state:
        raise UserError(f"'{path}' is not a checkpoint of molediff. Move it away; this {then}: {mend}")
    return state


class AtomicFiles(TorchCheckpointIO):
    """Lightning's door to files, with atomic writing; the checkpoint before the last stays as a second one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path, storage_options: Any | None = None) -> None:
        path = Path(path)
        content = io.BytesIO()
        torch.save(checkpoint, content)
        if path.name == LAST and path.is_file():
            link = path.with_name(f".{PREVIOUS}.tmp")
            # File systems without hard links just have no second one.
            with suppress(OSError):
                link.unlink(missing_ok=True)
                os.link(path, link)
                os.replace(link, path.with_name(PREVIOUS))
        write_whole(path, content.getvalue())

    def load_checkpoint(self, path, map_location=None, weights_only: bool | None = None) -> dict[str, Any]:
        return read_checkpoint(Path(path))


class Checkpoints(pl.Callback):
    """Writes ``last.ckpt`` every few minutes, on SIGTERM or SIGINT (and then stops), and after the last step."""

    def __init__(self, folder: Path, minutes: float, at_start: bool = False):
        """When to write.

        Args:
            folder: of the checkpoints.
            minutes: between two of them.
            at_start: write one before the first step too (a --finish must not be forgotten).
        """
        self.folder, self.minutes, self.at_start = folder, minutes, at_start
        self.stopped_by = 0
        self._due = 0.0
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._due = time.monotonic() + 60 * self.minutes
        # After Lightning has set its own, which would stop without a checkpoint.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._stop)
        if self.at_start:
            trainer.save_checkpoint(self.folder / LAST)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopped_by and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stopped_by = number

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_) -> None:
        decide = trainer.strategy.reduce_boolean_decision
        stop = decide(bool(self.stopped_by), all=False)
        due = decide(time.monotonic() >= self._due, all=False)
        if trainer.global_step == pl_module.plan.finish_at and not pl_module.plan.asked:
            trainer.save_checkpoint(self.folder / BEFORE_FINISH)
        if stop or due or trainer.global_step >= trainer.max_steps:
            trainer.save_checkpoint(self.folder / LAST)
            self._due = time.monotonic() + 60 * self.minutes
        if stop:
            self.stopped_by = self.stopped_by or signal.SIGTERM
            trainer.should_stop = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
