"""Whether what was sampled can be made a molecule of RDKit at all."""

from __future__ import annotations

import torch

from molediff.structures import Molecules

BONDS = 2000
"""More bonds than this, and than four an atom, are no molecule: RDKit takes all memory looking for its rings."""


def unusable(molecule: Molecules) -> str:
    """Why what was sampled (a batch of one) is nothing that can be written as a molecule; '' where it is."""
    if not torch.isfinite(molecule.pos).all():
        return "sampling gave no finite positions"
    atoms, bonds = int(molecule.sizes[0]), int((molecule.bond > 0).sum()) // 2
    return f"sampling gave {bonds} bonds between {atoms} atoms" if bonds > max(BONDS, 4 * atoms) else ""
