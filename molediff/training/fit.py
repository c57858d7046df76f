"""Run a training: fresh, resumed or finished."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from molediff.config import UserError
from molediff.data.complex_batches import ComplexBatches
from molediff.data.complexes import open_complexes, read_about
from molediff.data.module import Beside, ShardModule
from molediff.data.shards import Shards, open_shards
from molediff.data.split import training_part
from molediff.model import Model, SizePrior, load
from molediff.training.checkpoints import BEFORE_FINISH, LAST, AtomicFiles, Checkpoints, read_checkpoint
from molediff.training.curve import Curves
from molediff.training.export import begin_with, export
from molediff.training.module import TrainingModule
from molediff.training.plan import Plan
from molediff.training.plots import plot_curves
from molediff.training.progress import Progress, say
from molediff.training.quality import Judge, Quality, missing, sample_and_judge
from molediff.training.record import check_same, read_record, write_record
from molediff.training.settings import TrainConfig
from molediff.whole_files import whole_file

TREE = """{out}/
  run.json                 versions, config, seed, the command that resumes this
  checkpoints/last.ckpt    every {minutes:g} minutes, on SIGTERM and Ctrl-C, at the end; previous.ckpt the one before
  checkpoints/before_finish.ckpt  where the decay began: to train on from there, copy it over last.ckpt
  log/loss.csv             a line every {lines} steps{quality}{tensorboard}
  loss.png, model/         at the end: the curves, and the averaged weights as a model"""

# A batch without specified stereochemistry leaves the parameters for it out of the loss.
STRATEGIES = {"ddp": "ddp_find_unused_parameters_true"}


@dataclass(frozen=True)
class Outcome:
    """How a sitting ended."""

    step: int
    """Steps done, over all sittings."""
    end: int
    """Steps after which the run is complete."""
    stopped_by: int = 0
    """Number of the signal that stopped it; 0 when none did."""
    model: Path | None = None
    """The model written, when the run is complete."""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self.end


def fit(
    config: TrainConfig, finish: bool = False, command: str = "", quiet: bool = False, judge: Judge | None = None
) -> Outcome:
    """Train, going on from the last checkpoint when there is one.

    Args:
        config: of the run.
        finish: begin the decay of the learning rate now.
        command: that resumes the run, for its record.
        quiet: plain lines instead of a bar.
        judge: of the molecules every ``sample_every`` steps; `sample_and_judge` when None.

    Raises:
        UserError: for data, a folder or a checkpoint that cannot be used.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    out, last = Path(config.out), Path(config.out) / "checkpoints" / LAST
    shards = open_shards(config.data)
    data = about_data(shards, config.complexes)
    record = read_record(out)
    if record is not None:
        check_same(record, config, data)
    state = read_checkpoint(last) if last.is_file() else None
    plan, step = planned(config, state, finish)
    first = rank_zero_only.rank == 0
    if first:
        write_record(config, data, command, step, record)
        say(announcement(config, plan, step, command))
    model, positions = build(config, shards, fresh=state is None)
    if step < plan.end:
        found = ShardModule(shards, positions, config.pairs, config.seed, beside(config, model))
        outcome = train(config, plan, model, found, state, judge, quiet)
    else:
        outcome = Outcome(step, plan.end)
    if not outcome.complete or not first:
        return outcome
    folder = export(Model(config.model, model.sizes), config, read_checkpoint(last), data, command)
    plot_curves(out / "log", out / "loss.png")
    return Outcome(outcome.step, outcome.end, outcome.stopped_by, folder)


def export_last(config: TrainConfig, command: str = "") -> Path:
    """Write the averaged weights of the last checkpoint as a model, without training.

    Raises:
        UserError: when there is no checkpoint, or it is of another run.
    """
    last = Path(config.out) / "checkpoints" / LAST
    if not last.is_file():
        raise UserError(f"There is nothing to export: '{last}' is missing. Train first: molediff train CONFIG.yaml")
    shards = open_shards(config.data)
    data = about_data(shards, config.complexes)
    record = read_record(Path(config.out))
    if record is not None:
        check_same(record, config, data)
    model, _ = build(config, shards, fresh=False)
    plot_curves(Path(config.out) / "log", Path(config.out) / "loss.png")
    return export(model, config, read_checkpoint(last), data, command)


def planned(config: TrainConfig, state: dict | None, finish: bool) -> tuple[Plan, int]:
    """The plan of the learning rate, and the step to begin at."""
    plan = Plan(config.warmup_steps, config.steps, config.finish_steps)
    if state is not None:
        return plan.resumed(state["global_step"], state["molediff"], finish), state["global_step"]
    if finish:
        raise UserError(
            f"--finish needs a run to finish, but '{config.out}' has no checkpoint. Start it without --finish."
        )
    return plan, 0


def announcement(config: TrainConfig, plan: Plan, step: int, command: str) -> str:
    """What will be written, where the run stands and how it is resumed."""
    lines = TREE.format(
        out=config.out,
        minutes=config.checkpoint_minutes,
        lines=config.log_every,
        quality=f"; log/quality.csv every {config.sample_every}" if config.sample_every else "",
        tensorboard="; log/tensorboard/" if find_spec("tensorboard") else "",
    )
    where = f"From step {step:,}: constant rate until {plan.finish_at:,}, decay until {plan.end:,}."
    if step >= plan.end:
        where = f"Complete at step {step:,}; nothing left to train."
    elif step > plan.finish_at:
        where = f"From step {step:,}: decay until {plan.end:,}."
    resume = f"\nResume with: {command}" if command else ""
    return f"{lines}\n{where}{resume}"


def about_data(shards: Shards, complexes: str = "") -> dict:
    """What tells one prepared set from another, the checksums of their checksums: sha256, molecules, complexes.

    Args:
        shards: the set of molecules.
        complexes: folder of prepared complexes; '' for none, and then nothing is said of them.

    Raises:
        UserError: when the folder holds none.
    """
    found = {"sha256": _digest(json.loads((shards.folder / "meta.json").read_text())["sha256"])}
    found |= {"molecules": len(shards)}
    if complexes:
        folder = Path(complexes)
        poses = json.loads((open_shards(folder, verify=False).folder / "meta.json").read_text())["sha256"]
        found |= {"complexes": _digest({"poses": poses, "receptors": read_about(folder)["sha256"]})}
    return found


def _digest(sums: dict) -> str:
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def build(config: TrainConfig, shards: Shards, fresh: bool) -> tuple[Model, np.ndarray]:
    """The model of a run and the positions of its molecules in the set.

    Args:
        config: of the run.
        shards: prepared data.
        fresh: whether the weights matter: no checkpoint will replace them.

    Raises:
        UserError: when data, model and initial weights do not fit.
    """
    wanted = (config.model.vocabulary, config.model.explicit_hydrogens)
    there = (shards.vocabulary, shards.explicit_hydrogens)
    if wanted != there:
        raise UserError(
            f"The data in '{config.data}' have {there}, the model of this config has {wanted}. "
            "Prepare the data for it, or change the config's model."
        )
    positions = training_part(config.split, shards.arrays["index"])
    if not len(positions):
        raise UserError(f"No molecule of '{config.data}' is in the training part of split '{config.split}'.")
    torch.manual_seed(config.seed)
    model = Model(config.model, SizePrior(sizes_of(shards, positions), sizes_in_pockets(config.complexes)))
    if config.initial and fresh:
        begin_with(model, load(config.initial), config.initial)
    return model, positions


def sizes_of(shards: Shards, positions: np.ndarray) -> dict[int, int]:
    """atoms -> molecules, of those at some positions of a set."""
    return dict(sorted(Counter(np.asarray(shards.arrays["natoms"])[positions].tolist()).items()))


def sizes_in_pockets(folder: str) -> dict[int, int]:
    """atoms -> poses of the training part of prepared complexes; empty for no folder.

    Raises:
        UserError: when the folder holds none.
    """
    if not folder:
        return {}
    complexes = open_complexes(folder, verify=False)  # `beside` compares checksums
    return sizes_of(complexes.shards, complexes.split()[0])


def beside(config: TrainConfig, model: Model) -> Beside | None:
    """The complexes of a run, those of its training part; None for a run on free molecules.

    Raises:
        UserError: when they, the model and the settings do not fit.
    """
    if not config.complexes:
        return None
    if not model.reads_pockets:
        raise UserError(
            f"complexes is '{config.complexes}', but this config's network reads no pockets. "
            "Add the width of a pocket encoder: --set model.network.pocket=64"
        )
    if not 0 < config.complex_share <= 1 or config.complex_copies < 1:
        raise UserError(
            "complex_share must lie above 0 and up to 1, and complex_copies must be at least 1, got "
            f"{config.complex_share} and {config.complex_copies}."
        )
    complexes = open_complexes(config.complexes)
    wanted, there = (model.vocabulary, model.config.explicit_hydrogens), complexes.shards
    if wanted != (there.vocabulary, there.explicit_hydrogens):
        raise UserError(
            f"The complexes in '{config.complexes}' have {(there.vocabulary, there.explicit_hydrogens)}, the model of "
            f"this config has {wanted}. Prepare them for it, or change the config's model."
        )
    positions, _ = complexes.split()
    sizes = np.asarray(there.arrays["natoms"])[positions]
    weights = np.asarray(complexes.arrays["weight"])[positions]
    numbers = (config.complex_pairs, config.complex_copies, config.seed)
    batches = ComplexBatches(tuple(sizes.tolist()), tuple(weights.tolist()), *numbers)
    return Beside(complexes, positions, batches, config.complex_share)


def train(
    config: TrainConfig,
    plan: Plan,
    model: Model,
    data: pl.LightningDataModule,
    state: dict | None,
    judge: Judge | None,
    quiet: bool,
) -> Outcome:
    """The sitting itself, in Lightning's hands."""
    out = Path(config.out)
    folder = out / "checkpoints"
    step = 0 if state is None else state["global_step"]
    finish_now = plan.asked and state is not None and not state["molediff"].get("asked", False)
    if finish_now and rank_zero_only.rank == 0:
        with open(folder / LAST, "rb") as there, whole_file(folder / BEFORE_FINISH) as file:
            shutil.copyfileobj(there, file)
    checkpoints = Checkpoints(folder, config.checkpoint_minutes, at_start=finish_now)
    # In this order: a checkpoint before sampling, so that a sampling cut off costs no training.
    callbacks = [Progress(quiet), checkpoints, *quality_callback(config, judge)]
    module = TrainingModule(model, config, plan)
    with quiet_lightning():
        trainer = pl.Trainer(
            default_root_dir=out,
            max_steps=plan.end,
            max_epochs=-1,
            precision=config.precision,
            accelerator=config.accelerator,
            devices=config.devices,
            strategy=STRATEGIES.get(config.strategy, config.strategy),
            logger=loggers(out, step),
            log_every_n_steps=config.log_every,
            callbacks=callbacks,
            plugins=[AtomicFiles()],
            use_distributed_sampler=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            enable_checkpointing=False,
        )
        trainer.fit(module, data, ckpt_path=folder / LAST if state is not None else None)
    return Outcome(trainer.global_step, plan.end, checkpoints.stopped_by)


def quality_callback(config: TrainConfig, judge: Judge | None) -> list[Quality]:
    """The callback that samples, if it is asked for and can be had."""
    if not config.sample_every:
        return []
    if judge is None and missing():
        if rank_zero_only.rank == 0:
            say(f"Sampling every {config.sample_every} steps is skipped: {missing()} is not installed.")
        return []
    return [Quality(judge or sample_and_judge, config.sample_every, config.seed)]


def loggers(out: Path, step: int) -> list:
    """CSV, and TensorBoard where it is installed."""
    found: list = [Curves(out / "log", step)]
    if find_spec("tensorboard"):
        from pytorch_lightning.loggers import TensorBoardLogger

        # What earlier events say after this step is void.
        purge = step + 1 if step else None
        found.append(TensorBoardLogger(out, "log", "tensorboard", default_hp_metric=False, purge_step=purge))
    return found


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Without Lightning's tips and remarks, which concern the programmer."""
    names = ("pytorch_lightning", "lightning_fabric", "lightning.pytorch")
    levels = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        for module in ("pytorch_lightning", "lightning_fabric", "torch.utils.data", "torch.optim.lr_scheduler"):
            warnings.filterwarnings("ignore", module=module.replace(".", r"\."))
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
