"""The averaged weights of a checkpoint as a model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from molediff.installed import versions
from molediff.model import Model, save
from molediff.model.settings import ModelConfig, network_settings
from molediff.training.curve import read_curve
from molediff.training.record import PACKAGES
from molediff.training.settings import TrainConfig

PREFIX = "model.denoiser."
ADDED = {
    "pocket": ("pocket", "pocket_vectors", "pocket_layers"),
    "walks": ("walks",),
    "self_conditioning": ("self_conditioning",),
}
"""What may be added to a trained network: 0 there for none -> settings that belong to it. Begins without effect."""

FOLDERS = ("data", "complexes", "initial", "out")
"""Settings that are places."""


def averaged(model: Model, checkpoint: dict) -> Model:
    """Put the averaged weights of a checkpoint into a model of the same config."""
    weights = {k.removeprefix(PREFIX): v for k, v in checkpoint["state_dict"].items() if k.startswith(PREFIX)}
    model.denoiser.load_state_dict(weights | checkpoint["molediff"]["average"])
    return model.eval()


def about(config: TrainConfig, checkpoint: dict, data: dict, command: str) -> dict:
    """What a model file says of its training."""
    state = checkpoint["molediff"]
    plain = {f.name: getattr(config, f.name) for f in dataclasses.fields(config) if f.name != "model"}
    quality = read_curve(Path(config.out) / "log" / "quality.csv")
    return {
        # Names of folders only: where they lay is no business of the reader's.
        "data": {"name": Path(config.data).name, **data},
        "training": plain | {key: Path(plain[key]).name for key in FOLDERS},
        "command": command,
        "steps": checkpoint["global_step"],
        "molecules_seen": state["seen"],
        "hours": round(state.get("seconds", 0.0) / 3600, 2),
        "finished": checkpoint["global_step"] >= state["finish_at"] + state.get("finish_steps", config.finish_steps),
        "versions": versions(*PACKAGES),
        "quality": quality[-1] if quality else {},
    }


def export(model: Model, config: TrainConfig, checkpoint: dict, data: dict, command: str) -> Path:
    """Write ``<out>/model``.

    Args:
        model: of the run's config, with any weights; it gets the averaged ones.
        config: of the run.
        checkpoint: as `molediff.training.checkpoints.read_checkpoint` gives it.
        data: as `molediff.training.fit.about_data` gives it.
        command: that trained it.
    """
    return save(averaged(model, checkpoint), Path(config.out) / "model", about(config, checkpoint, data, command))


def begin_with(model: Model, other: Model, name: str) -> None:
    """Copy the weights of a trained model; a network may begin with one that lacks what `ADDED` names.

    Raises:
        UserError: when the two are not the same network on the same vocabulary.
    """
    from molediff.config import UserError

    here, there = network_settings(model.config)[1], network_settings(other.config)[1]
    added = [part for part in ADDED if getattr(here, part, 0) and not getattr(there, part, 0)]
    # With defaults filled in: spelling one out makes no other network.
    trunk = dataclasses.replace(here, **{k: getattr(there, k, 0) for part in added for k in ADDED[part]})
    fields = [f.name for f in dataclasses.fields(ModelConfig) if f.name not in ("process", "network")]
    pairs = {k: (getattr(other.config, k), getattr(model.config, k)) for k in fields} | {"network": (there, trunk)}
    # Of the process only what the network is built with: the noise of its training may be another.
    for key in ("scale", "base"):
        pairs[f"process.{key}"] = (getattr(other.config.process, key), getattr(model.config.process, key))
    differ = [f"{k}: {a} there, {b} here" for k, (a, b) in pairs.items() if a != b]
    if differ:
        raise UserError(
            f"The model '{name}' given as 'initial' is another than this config's ({'; '.join(differ)}). "
            "Make them alike."
        )
    with torch.no_grad():
        # What was added is left as it is drawn; everything else must be there.
        weights = model.denoiser.state_dict() if added else {}
        model.denoiser.load_state_dict(weights | other.denoiser.state_dict())
