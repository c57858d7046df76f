"""The docking engines: ``dock(receptor, site, ligand, config) -> Docked``, each imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from molediff.config import UserError, choose
from molediff.docking.ligand import Docked, Ligand
from molediff.docking.receptor import Receptor
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
    """Name of the function there."""
    needs: tuple[str, ...]
    """Packages it imports besides RDKit and numpy."""
    what: str
    """One line for --help."""

    def load(self) -> Dock:
        """The function.

        Raises:
            UserError: for a package that is not installed.
        """
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            raise UserError(
                f"This engine needs {', '.join(missing)}, not installed here. Type: pip install 'molediff[dock]'"
                f"{' (vina: Python below 3.13; --engine torch works without it)' if 'vina' in missing else ''}."
            )
        return getattr(import_module(self.module), self.function)


ENGINES = {
    "vina": Engine("molediff.docking.vina", "dock_vina", ("vina", "meeko"), "AutoDock Vina 1.2"),
    "torch": Engine("molediff.docking.torch_vina", "dock_torch", ("torch",), "Vina's function in torch, many starts"),
}
"""Name -> engine."""


def engine(name: str) -> Dock:
    """An engine by name.

    Raises:
        UserError: for one that does not exist or cannot run here.
    """
    return choose("engine", name, ENGINES).load()
