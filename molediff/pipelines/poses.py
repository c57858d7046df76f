"""Poses of a ligand, kept as text: as molecules those of a library take many times the memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rdkit import Chem


@dataclass(frozen=True)
class Poses(Sequence):
    """RDKit molecules with hydrogens and one conformer each, made when they are asked for."""

    blocks: tuple[str, ...] = ()
    """MDL mol blocks."""

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, at):
        if isinstance(at, slice):
            return Poses(self.blocks[at])
        return Chem.MolFromMolBlock(self.blocks[at], removeHs=False)
