"""Protein atoms round a ligand."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Pocket:
    """A padded batch of pockets: M protein atoms in the frame of the ligand."""

    pos: Tensor
    """(B, M, 3) positions, angstrom."""
    element: Tensor
    """(B, M) int64 element class."""
    residue: Tensor
    """(B, M) int64 residue class."""
    backbone: Tensor
    """(B, M) bool, True for N, CA, C, O."""
    mask: Tensor
    """(B, M) bool, True where there is an atom."""
    source: tuple[str, ...] = ()
    """Where each pocket came from, for the record."""
