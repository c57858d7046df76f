"""The averaged weights of a checkpoint as a model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from molediff.model import Model, save
from molediff.model.settings import ModelConfig
from molediff.training.curve import read_curve
from molediff.training.record import versions
from molediff.training.settings import TrainConfig

PREFIX = "model.denoiser."
POCKET_SETTINGS = ("pocket", "pocket_vectors", "pocket_layers")
"""Settings of a network that the trunk does not have."""


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
        "training": {**plain, "data": Path(config.data).name, "out": Path(config.out).name},
        "command": command,
        "steps": checkpoint["global_step"],
        "molecules_seen": state["seen"],
        "hours": round(state.get("seconds", 0.0) / 3600, 2),
        "finished": checkpoint["global_step"] >= state["finish_at"] + state.get("finish_steps", config.finish_steps),
        "versions": versions(),
        "quality": quality[-1] if quality else {},
    }


def export(model: Model, config: TrainConfig, checkpoint: dict, data: dict, command: str) -> Path:
    """Write ``<out>/model``.

    Args:
        model: of the run's config, with any weights; it gets the averaged ones.
        config: of the run.
        checkpoint: as `molediff.training.checkpoints.read_checkpoint` gives it.
        data: checksum and number of molecules of the training set.
        command: that trained it.
    """
    return save(averaged(model, checkpoint), Path(config.out) / "model", about(config, checkpoint, data, command))


def begin_with(model: Model, other: Model, name: str) -> None:
    """Copy the weights of a trained model; a network that reads pockets may begin with one that does not.

    Raises:
        UserError: when the two are not the same network on the same vocabulary.
    """
    from molediff.config import UserError

    trunk = model.reads_pockets and not other.reads_pockets
    differ = [
        f.name
        for f in dataclasses.fields(ModelConfig)
        if f.name != "process" and _setting(model, f.name, trunk) != _setting(other, f.name, trunk)
    ]
    if differ:
        said = "; ".join(f"{k}: {_setting(other, k, trunk)} there, {_setting(model, k, trunk)} here" for k in differ)
        raise UserError(
            f"The model '{name}' given as 'initial' is another than this config's ({said}). Make them alike."
        )
    with torch.no_grad():
        # Strict where both read pockets, or none does: else what reads pockets is left as it is drawn.
        model.denoiser.load_state_dict(other.denoiser.state_dict(), strict=model.reads_pockets == other.reads_pockets)


def _setting(model: Model, name: str, trunk: bool):
    """A setting to compare; of the network without what reads pockets, if only the trunk matters."""
    value = getattr(model.config, name)
    if name != "network":
        return value
    from molediff.model.settings import network_settings

    # With defaults filled in: spelling one out makes no other network.
    settings = network_settings(model.config)[1]
    return dataclasses.replace(settings, **dict.fromkeys(POCKET_SETTINGS, 0)) if trunk else settings
