"""What a denoiser says of the clean molecule."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """A network's view of the clean molecule."""

    pos: Tensor
    """(B, N, 3) positions, angstrom."""
    atom: Tensor
    """(B, N, K_atom) logits over element classes."""
    charge: Tensor
    """(B, N, K_charge) logits over formal-charge classes."""
    bond: Tensor
    """(B, N, N, K_bond) logits over bond orders, symmetric in the two atoms."""

    said: Estimate | None = None
    """What the network itself said, where guidance has changed it since; None where nothing has."""

    def replace(self, **changes: Tensor) -> Estimate:
        """A copy with some fields exchanged, which remembers what was said at first."""
        return dataclasses.replace(self, said=self.said or self, **changes)

    def take(self, index: Tensor) -> Estimate:
        """Of the molecules at ``index`` (B'), and what was said of them."""
        said = None if self.said is None else self.said.take(index)
        return Estimate(self.pos[index], self.atom[index], self.charge[index], self.bond[index], said)

    @classmethod
    def unsaid(cls, pos: Tensor, classes: tuple[int, int, int]) -> Estimate:
        """What a network has said before its first word: NaN positions, no preference.

        Args:
            pos: (B, N, 3), for its shape.
            classes: clean classes of atoms, charges and bonds.
        """
        b, n, _ = pos.shape
        atom, charge, bond = (
            pos.new_zeros(*shape) for shape in ((b, n, classes[0]), (b, n, classes[1]), (b, n, n, classes[2]))
        )
        return cls(torch.full_like(pos, float("nan")), atom, charge, bond)
