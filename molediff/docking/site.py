"""Where to dock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Site:
    """A box in the receptor's frame."""

    centre: np.ndarray
    """(3,) angstrom."""
    size: np.ndarray
    """(3,) edges, angstrom."""
    how: str
    """What defined it: ligand, residues, box or detect, with its value."""
