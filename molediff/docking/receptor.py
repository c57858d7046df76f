"""A prepared protein."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Receptor:
    """One model, one place for every atom, hydrogens added; M atoms, H among them."""

    pos: np.ndarray
    """(M, 3) float64, angstrom."""
    element: tuple[str, ...]
    """Symbol of each atom, as 'Zn'."""
    name: tuple[str, ...]
    """Name of each atom, as 'CA'."""
    residue: tuple[str, ...]
    """Three letters (or what the file has) of each atom's residue."""
    chain: tuple[str, ...]
    """Chain of each atom."""
    number: tuple[str, ...]
    """Residue number with insertion code of each atom, as '85' or '85A'."""
    hetero: np.ndarray
    """(M,) bool, atoms that belong to no polymer: waters, metals, cofactors."""
    bonds: np.ndarray
    """(K, 2) int64, pairs of bonded atoms, metals unbonded."""
    types: tuple[str, ...]
    """AutoDock type of each atom (C A N NA OA S SA HD H P F Cl Br I, metals by symbol); '' where Vina has none."""
    source: str = ""
    """File it was read from."""
    log: tuple[str, ...] = field(default=())
    """One line for every residue or atom that was dropped, changed or completed, with the rule's name."""

    def __len__(self) -> int:
        return len(self.element)

    @property
    def heavy(self) -> np.ndarray:
        """(M,) bool, all but hydrogens."""
        return np.array([symbol != "H" for symbol in self.element], dtype=bool)
