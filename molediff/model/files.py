"""Models on disk: safetensors for weights, JSON for everything else, checksums for both. Never a pickled object."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from molediff.config import UserError, from_dict, nearest, to_dict
from molediff.model.model import Model, SizePrior, Source
from molediff.model.settings import ModelConfig
from molediff.whole_files import write_whole

FORMAT = 1
WEIGHTS, DESCRIPTION, CARD, HASHES = "weights.safetensors", "model.json", "card.md", "train_hashes.npy"


def bundled() -> dict[str, Path]:
    """Models that lie in the package: name -> folder."""
    root = Path(str(files("molediff"))) / "weights"
    return {p.name: p for p in sorted(root.iterdir()) if (p / DESCRIPTION).is_file()} if root.is_dir() else {}


def save(model: Model, folder: Path | str, about: dict, dtype: torch.dtype = torch.float16) -> Path:
    """Write a model; the description, which makes it one, comes last.

    Args:
        model: whose denoiser's weights are written.
        folder: made when missing.
        about: data, training command, hours, measured figures; plain JSON values.
        dtype: of the stored weights.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.detach().cpu().to(dtype).contiguous() for k, v in model.denoiser.state_dict().items()}
    content = save_tensors(weights)
    write_whole(folder / WEIGHTS, content)
    description = {
        "format": FORMAT,
        "sha256": hashlib.sha256(content).hexdigest(),
        "config": to_dict(model.config),
        "sizes": {str(n): count for n, count in model.sizes.counts.items()},
        "sizes_in_pockets": {str(n): count for n, count in model.sizes.in_pockets.items()},
        "about": about,
    }
    write_whole(folder / DESCRIPTION, json.dumps(description, indent=1))
    return folder


def describe(name: str | Path) -> dict:
    """A model's description, without its weights.

    Args:
        name: of a bundled model, or a folder.

    Raises:
        UserError: when there is no such model, or its description is damaged or of another format.
    """
    folder = locate(name)
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"'{path}' cannot be read as JSON ({error}). Copy the model again.") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        given = description.get("format") if isinstance(description, dict) else None
        raise UserError(
            f"'{path}' has model format {given!r}, this version reads {FORMAT}. Update molediff or the model."
        )
    return description


def load(name: str | Path) -> Model:
    """A model with its weights in float32, checked against its checksum before anything is read from it.

    Args:
        name: of a bundled model, or a folder that `save` wrote.

    Raises:
        UserError: for an unknown name, a damaged or foreign file, or weights that do not fit the settings.
    """
    folder = locate(name)
    description = describe(folder)
    try:
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise UserError(f"'{folder / WEIGHTS}' cannot be read ({error.strerror}). Copy the model again.") from error
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != description.get("sha256"):
        raise UserError(
            f"'{folder / WEIGHTS}' is damaged or foreign: its checksum is {checksum[:12]}, "
            f"{DESCRIPTION} says {str(description.get('sha256'))[:12]}. Copy the model again."
        )
    config = from_dict(ModelConfig, description.get("config", {}), "config")
    sizes = SizePrior(*(_numbers(description.get(key, {})) for key in ("sizes", "sizes_in_pockets")))
    model = Model(config, sizes, Source(folder.name, checksum, description.get("about", {}), folder))
    try:
        tensors = {k: v.float() for k, v in load_tensors(content).items()}
        model.denoiser.load_state_dict(tensors)
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"The weights in '{folder}' do not fit its settings: {error}") from error
    return model.eval()


def _numbers(found: dict[str, int]) -> dict[int, int]:
    """JSON has no numbers for keys."""
    return {int(n): int(count) for n, count in found.items()}


def locate(name: str | Path) -> Path:
    """The folder of a bundled model or of a path."""
    there = bundled()
    if str(name) in there:
        return there[str(name)]
    if (Path(name) / DESCRIPTION).is_file():
        return Path(name)
    raise UserError(
        f"There is no model '{name}'. Bundled: {', '.join(there) or 'none'}; or give a folder that holds "
        f"{DESCRIPTION}.{nearest(str(name), there)}"
    )
