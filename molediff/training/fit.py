"""Run a training: fresh, resumed or finished."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger

from molediff.config import UserError
from molediff.data.module import ShardModule
from molediff.data.shards import Shards, open_shards
from molediff.data.split import training_part
from molediff.model import Model, SizePrior
from molediff.training.module import TrainingModule
from molediff.training.settings import TrainConfig

log = logging.getLogger("molediff")


def build(config: TrainConfig) -> tuple[TrainingModule, ShardModule]:
    """Model and data of a run.

    Raises:
        UserError: when data and model do not fit.
    """
    shards = open_shards(config.data)
    fits(shards, config)
    positions = training_part(config.split, shards.arrays["index"])
    if not len(positions):
        raise UserError(f"No molecule of '{config.data}' is in the training part of split '{config.split}'.")
    sizes = Counter(np.asarray(shards.arrays["natoms"])[positions].tolist())
    torch.manual_seed(config.seed)
    model = Model(config.model, SizePrior(dict(sorted(sizes.items()))))
    return TrainingModule(model, config), ShardModule(shards, positions, config.pairs, config.seed)


def fits(shards: Shards, config: TrainConfig) -> None:
    """Refuse a data set made for another vocabulary."""
    wanted = (config.model.vocabulary, config.model.explicit_hydrogens)
    there = (shards.vocabulary, shards.explicit_hydrogens)
    if wanted != there:
        raise UserError(f"The data in '{config.data}' have {there}, the model of this config has {wanted}. Prepare the data for it, or change the config's model.")


def fit(config: TrainConfig, finish: bool = False) -> Path:
    """Train, going on from the last checkpoint when there is one.

    Args:
        config: of the run.
        finish: begin the final decay of the learning rate now.

    Returns:
        The last checkpoint.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    out = Path(config.out)
    module, data = build(config)
    last = out / "checkpoints" / "last.ckpt"
    if finish:
        if not last.is_file():
            raise UserError(f"--finish needs a run to finish, but '{last}' is missing. Start it first without --finish.")
        state = torch.load(last, map_location="cpu", weights_only=True)
        module.finish_at = min(module.finish_at, max(state["global_step"], config.warmup_steps))
    elif last.is_file():
        module.finish_at = torch.load(last, map_location="cpu", weights_only=True)["molediff"]["finish_at"]
    checkpoint = ModelCheckpoint(
        dirpath=last.parent, save_last=True, train_time_interval=timedelta(minutes=config.checkpoint_minutes), save_top_k=1, filename="recent", enable_version_counter=False
    )
    trainer = pl.Trainer(
        default_root_dir=out,
        max_steps=module.finish_at + config.finish_steps,
        precision=config.precision,
        accelerator=config.accelerator,
        devices=config.devices,
        strategy=config.strategy,
        gradient_clip_val=config.clip,
        logger=CSVLogger(out, name="", version="log", flush_logs_every_n_steps=200),
        log_every_n_steps=config.log_every,
        callbacks=[checkpoint],
        use_distributed_sampler=False,
        enable_model_summary=False,
    )
    trainer.fit(module, data, ckpt_path=last if last.is_file() else None, weights_only=True if last.is_file() else None)
    trainer.save_checkpoint(last)
    return last
