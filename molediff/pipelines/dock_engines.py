"""What every engine of a docking does where nothing is said: one table for the command and for Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from molediff.config import choose, from_dict
from molediff.docking.rank import RANKS
from molediff.docking.settings import DockConfig
from molediff.model import Model
from molediff.pipelines.denoising import asks_model

NO = "none"
"""Word for poses that are not relaxed."""


@dataclass(frozen=True)
class DockEngine:
    """One way to dock, and what is usual for it."""

    search: str = ""
    """Engine of `molediff.docking.engines.ENGINES` that searches; '' where nothing does."""
    proposes: str = ""
    """Where poses come from that are not searched: 'diffusion', 'random' (the control), or '' for nowhere."""
    samples: int = 40
    """Poses proposed a ligand, before the best are kept."""
    relax: str = "vina"
    """How proposed poses are relaxed: one of `molediff.docking.refine.METHODS`, or `NO`."""
    exhaustiveness: int = 8
    """Effort of the search, Vina's scale."""
    rank: str = "model"
    """Order of a ligand's poses, where there is a model that can be asked; without one it is 'vina'."""


ENGINES = {
    "vina": DockEngine("vina"),
    "torch": DockEngine("torch", exhaustiveness=32),
    "diffusion": DockEngine(proposes="diffusion"),
    "hybrid": DockEngine("torch", "diffusion", samples=10),
    "random": DockEngine(proposes="random", rank="vina"),
}
"""Name -> what it does. Torch at effort 32 finds as many right poses as Vina at 8 in 75 % of its time; where a model
puts them in order, more of the first poses are right, whatever the engine (experiments/docking_astex)."""
OTHER = DockEngine(proposes="elsewhere")
"""Poses of a proposer with a name of its own."""


def settled(
    name: str, rank: str, model: Model | None, settings: Mapping[str, Any]
) -> tuple[str, Model | None, DockConfig]:
    """What a pipeline docks by: (order of the poses, the model that is asked about them or None, settings).

    Args:
        name: of the engine, of `ENGINES` or a proposer's own.
        rank: one of `molediff.docking.rank.RANKS`; '' for what is usual.
        model: that reads pockets, if there is one.
        settings: fields of `molediff.docking.settings.DockConfig` that were given.

    Raises:
        UserError: for settings that do not exist or cannot be, an order that is not there, or needs a model and has
            none.
    """
    usual = ENGINES.get(name, OTHER)
    rank = rank or ("vina" if model is None else usual.rank)
    choose("rank", rank, RANKS)
    asked = model if asks_model(rank, model) else None
    return rank, asked, from_dict(DockConfig, {"exhaustiveness": usual.exhaustiveness, **settings}, "dock")
