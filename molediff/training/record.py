"""run.json: what a run is, written before anything else, and the guard against another config in its folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from molediff.config import UserError, from_dict, to_dict
from molediff.installed import versions
from molediff.training.settings import TrainConfig
from molediff.whole_files import write_whole

NAME = "run.json"
PACKAGES = ("torch", "pytorch-lightning", "numpy")
"""Whose versions a run's numbers hang on."""
MAY_CHANGE = (
    "accelerator",
    "devices",
    "strategy",
    "threads",
    "compile",
    "checkpoint_minutes",
    "log_every",
    "sample_every",
    "conformer_share",
    "fragment_share",
    "retype_share",
    "recall_share",
    "hydrogens_marked",
    "closed_marked",
    "pocket_drop",
    "steps",
    "finish_steps",
    "out",
)
"""Keys that may differ when a run goes on."""
MAY_MOVE = {"data": "sha256", "complexes": "complexes"}
"""Keys of folders that may move where their content is the same -> key of its checksum in what is said of the data."""


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys with dots."""
    out = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            out |= flat(value, f"{name}.")
        else:
            out[name] = list(value) if isinstance(value, tuple) else value
    return out


def read_record(out: Path) -> dict | None:
    """The record of a run folder; None when there is none.

    Raises:
        UserError: when it is damaged.
    """
    path = out / NAME
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text())
        record["config"], record["data"]["sha256"]
        return record
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"'{path}' is damaged ({error}). Give another 'out', or go on with: rm '{path}'") from error


def check_same(record: dict, config: TrainConfig, data: dict) -> None:
    """Refuse to go on with another config or other data.

    Args:
        record: of the run.
        config: to go on with.
        data: as `molediff.training.fit.about_data` gives it.

    Raises:
        UserError: names each key that differs, with both values.
    """
    try:
        # Through the dataclass, so that keys added since then have their defaults.
        there = flat(to_dict(from_dict(TrainConfig, record["config"])))
    except UserError:
        there = flat(record["config"])
    here = flat(to_dict(config))
    moved = {key for key, of in MAY_MOVE.items() if of in record["data"] and of in data}  # older records say less
    differ = [k for k in {**there, **here} if there.get(k) != here.get(k) and k not in {*MAY_CHANGE, *moved}]
    lines = [f"  {k}: {there.get(k)!r} there, {here.get(k)!r} now" for k in differ]
    for key in sorted(moved):
        if record["data"][MAY_MOVE[key]] != data[MAY_MOVE[key]]:
            lines.append(f"  {key}: '{there.get(key)}' there, '{here[key]}' now, with another content")
    if lines:
        raise UserError(
            f"The run in '{config.out}' was made with another config:\n" + "\n".join(lines) + "\n"
            f"Set these back to go on, or give another 'out': --set out=FOLDER. May change: {', '.join(MAY_CHANGE)}."
        )


def write_record(config: TrainConfig, data: dict, command: str, step: int, before: dict | None) -> None:
    """Write run.json, or add a sitting to it.

    Args:
        config: of the run.
        data: as `molediff.training.fit.about_data` gives it.
        command: that resumes the run.
        step: at which this sitting begins.
        before: the record that is there.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    there = versions(*PACKAGES)
    sitting = {"started": now, "from_step": step, "versions": there, "command": command}
    record = {
        "verb": "train",
        "versions": there,
        "seed": config.seed,
        "resume": command,
        "config": to_dict(config),
        "data": data,
        "sittings": [*(before or {}).get("sittings", []), sitting],
    }
    write_whole(Path(config.out) / NAME, json.dumps(record, indent=1))
