"""The one molecule type: always a batch, dense, frozen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Molecules:
    """A padded batch of molecules, clean or noisy. A single molecule is a batch of one.

    Letters: B molecules, N atoms (padded). Classes index a `molediff.elements.Vocabulary`; an absorbing process adds
    one class after the last.
    """

    pos: Tensor
    """(B, N, 3) float, positions in angstrom; zero at padding."""
    atom: Tensor
    """(B, N) int64, element class; zero at padding."""
    charge: Tensor
    """(B, N) int64, class of the formal charge; zero at padding."""
    bond: Tensor
    """(B, N, N) int64, symmetric, bond order class (0 none, 1 single, 2 double, 3 triple); zero on the diagonal."""
    mask: Tensor
    """(B, N) bool, True where there is an atom. Atoms come first."""

    def __len__(self) -> int:
        return self.mask.shape[0]

    @property
    def sizes(self) -> Tensor:
        """(B,) number of atoms."""
        return self.mask.sum(1)

    @property
    def pair_mask(self) -> Tensor:
        """(B, N, N) bool, True for two different atoms that are both there."""
        both = self.mask.unsqueeze(1) & self.mask.unsqueeze(2)
        return both & ~torch.eye(both.shape[1], dtype=torch.bool, device=both.device)

    def replace(self, **changes: Tensor) -> Molecules:
        """A copy with some fields exchanged."""
        return dataclasses.replace(self, **changes)

    def to(self, *args, **kwargs) -> Molecules:
        """Move to a device; a floating dtype is applied to positions only."""
        moved = {f.name: getattr(self, f.name).to(*args, **kwargs) for f in dataclasses.fields(self) if f.name == "pos"}
        device = moved["pos"].device
        rest = {f.name: getattr(self, f.name).to(device) for f in dataclasses.fields(self) if f.name != "pos"}
        return Molecules(**moved, **rest)


def take(molecules: Molecules, index: Tensor | Sequence[int]) -> Molecules:
    """The molecules at ``index``, padding cut to the largest of them."""
    index = torch.as_tensor(index, dtype=torch.long)
    n = int(molecules.sizes[index].max()) if len(index) else 0
    return Molecules(
        pos=molecules.pos[index, :n],
        atom=molecules.atom[index, :n],
        charge=molecules.charge[index, :n],
        bond=molecules.bond[index, :n, :n],
        mask=molecules.mask[index, :n],
    )


def stack(parts: Sequence[Molecules]) -> Molecules:
    """Join batches along B, padding each to the largest N."""
    n = max(p.mask.shape[1] for p in parts)
    return Molecules(
        pos=torch.cat([pad_atoms(p.pos, n) for p in parts]),
        atom=torch.cat([pad_atoms(p.atom, n) for p in parts]),
        charge=torch.cat([pad_atoms(p.charge, n) for p in parts]),
        bond=torch.cat([pad_pairs(p.bond, n) for p in parts]),
        mask=torch.cat([pad_atoms(p.mask, n) for p in parts]),
    )


def pad_atoms(x: Tensor, n: int) -> Tensor:
    """(B, N, ...) to (B, n, ...) by zeros."""
    out = x.new_zeros((x.shape[0], n, *x.shape[2:]))
    out[:, : x.shape[1]] = x
    return out


def pad_pairs(x: Tensor, n: int) -> Tensor:
    """(B, N, N, ...) to (B, n, n, ...) by zeros."""
    out = x.new_zeros((x.shape[0], n, n, *x.shape[3:]))
    out[:, : x.shape[1], : x.shape[2]] = x
    return out
