"""The docking engines: ``dock(receptor, site, ligand, config) -> Docked``, each imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from molediff.config import UserError, choose
from molediff.docking.ligand import Docked, Ligand
from molediff.docking.receptor import Receptor
from molediff.docking.scoring import ScoringPocket
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site

Dock = Callable[[Receptor, Site, Ligand, DockConfig], Docked]
"""Raises UserError for what no ligand can be docked into; what is wrong with one ligand is its reason."""


@dataclass(frozen=True)
class Engine:
    """One way to dock."""

    module: str
    """Module that has it."""
    function: str
    """Name of the function there that docks."""
    pocket: str
    """Name of the function there that scores: ``pocket(receptor, site, config) -> ScoringPocket``."""
    needs: tuple[str, ...]
    """Packages it imports besides RDKit and numpy."""

    @property
    def missing(self) -> list[str]:
        """Packages it needs that are not installed."""
        return [name for name in self.needs if find_spec(name) is None]

    def load(self, name: str):
        """What its module has under a name.

        Raises:
            UserError: for a package that is not installed.
        """
        missing = self.missing
        if missing:
            raise UserError(
                f"This engine needs {', '.join(missing)}, not installed. Type: pip install -e '.[dock]' in the clone"
                f"{' (vina: Python below 3.13; --engine torch works without it)' if 'vina' in missing else ''}."
            )
        return getattr(import_module(self.module), name)


ENGINES = {
    "vina": Engine("molediff.docking.vina", "dock_vina", "pocket_of", ("vina", "meeko")),
    "torch": Engine("molediff.docking.torch_vina", "dock_torch", "pocket_of", ("torch",)),
}
"""Name -> AutoDock Vina 1.2; Vina's function in torch, searched from many starts."""


def engine(name: str) -> Dock:
    """How an engine docks.

    Raises:
        UserError: for one that does not exist or cannot run here.
    """
    found = choose("engine", name, ENGINES)
    return found.load(found.function)


def scorer(name: str) -> Callable[[Receptor, Site, DockConfig], ScoringPocket]:
    """How an engine makes ready to score poses where they are; a box off the protein is its UserError.

    Raises:
        UserError: for one that does not exist or cannot run here.
    """
    found = choose("engine", name, ENGINES)
    return found.load(found.pocket)


def usual_engine() -> str:
    """The first engine that is installed here."""
    return next(name for name, one in ENGINES.items() if not one.missing)
