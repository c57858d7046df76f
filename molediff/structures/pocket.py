"""Protein atoms round a ligand, and what a network made of them."""

from __future__ import annotations

import dataclasses
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

    def __len__(self) -> int:
        return self.mask.shape[0]

    def to(self, device) -> Pocket:
        """Move to a device."""
        moved = (x.to(device) for x in (self.pos, self.element, self.residue, self.backbone, self.mask))
        return Pocket(*moved, self.source)


@dataclass(frozen=True)
class EncodedPocket:
    """What a network reads of a batch of pockets: made once a complex, read in every step by every molecule."""

    pos: Tensor
    """(B, M, 3) positions, angstrom."""
    mask: Tensor
    """(B, M) bool, True where there is an atom; a molecule without a pocket has none."""
    scalar: Tensor
    """(B, M, S) features that no rotation changes."""
    vector: Tensor
    """(B, M, 3, C) features that turn with the pocket."""

    def __len__(self) -> int:
        return self.mask.shape[0]

    def dropped(self, which: Tensor) -> EncodedPocket:
        """Without the pockets of some molecules; their frame stays.

        Args:
            which: (B,) bool, the molecules that lose theirs.
        """
        return dataclasses.replace(self, mask=self.mask & ~which[:, None])

    def expand(self, b: int) -> EncodedPocket:
        """One pocket for b molecules, without copies.

        Args:
            b: molecules; this must be a batch of one.
        """
        return EncodedPocket(*(x.expand(b, *x.shape[1:]) for x in (self.pos, self.mask, self.scalar, self.vector)))
