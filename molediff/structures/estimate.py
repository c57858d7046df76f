"""What a denoiser says of the clean molecule."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

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

    def replace(self, **changes: Tensor) -> Estimate:
        """A copy with some fields exchanged."""
        return dataclasses.replace(self, **changes)
