"""One molecule as a file gave it, before anything is judged."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Record:
    """Plain arrays of a molecule, or the reason why there are none."""

    index: int
    """Number of the molecule in its source."""
    name: str = ""
    """Title or SMILES that the source gives, for the list of what was left out."""
    z: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """(n,) atomic numbers."""
    charge: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """(n,) formal charges, elementary charge."""
    bonds: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    """(m, 3) rows (i, j, order 1..3), kekulised."""
    pos: np.ndarray | None = None
    """(n, 3) angstrom; None for a flat drawing or no coordinates."""
    radicals: bool = False
    """Whether the source declares an unpaired electron."""
    problem: str = ""
    """A key of `molediff.data.rules.LEFT_OUT` that the reader already found, else ''."""
    detail: str = ""
    """Words to the problem."""
    line: int | None = None
    """Line of the source, counted from 1, where a line is a molecule."""


def words(error: Exception) -> str:
    """What an error says, in one line of at most 200 characters, as a `Record.detail`."""
    return " ".join(str(error).split())[:200]
