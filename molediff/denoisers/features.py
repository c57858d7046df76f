"""What more than one network is told of atoms and pairs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from molediff.structures import Condition, Molecules, Stereo


def atom_features(noisy: Molecules, condition: Condition, classes: tuple[int, int, int]) -> Tensor:
    """(B, N, K_atom + K_charge + 3) noisy element and charge; whether position, element and charge are known.

    Args:
        noisy: molecules.
        condition: what is known.
        classes: of noisy atoms, charges and bonds.
    """
    known = torch.stack([condition.known.pos, condition.known.atom, condition.known.charge], -1)
    features = [one_hot(noisy.atom, classes[0]), one_hot(noisy.charge, classes[1]), known]
    return torch.cat([f.to(noisy.pos) for f in features], -1)


def pair_features(noisy: Molecules, condition: Condition, classes: tuple[int, int, int]) -> Tensor:
    """(B, N, N, K_bond + 4) noisy bond, cis/trans, whether the bond is known.

    Args:
        noisy: molecules.
        condition: what is known, and stereochemistry.
        classes: of noisy atoms, charges and bonds.
    """
    cistrans, known = one_hot(condition.stereo.cistrans, 3), condition.known.bond.unsqueeze(-1)
    return torch.cat([f.to(noisy.pos) for f in (one_hot(noisy.bond, classes[2]), cistrans, known)], -1)


def relative(y: Tensor) -> tuple[Tensor, Tensor]:
    """r_ij = y_j - y_i, (B, N, N, 3), and its length, (B, N, N, 1), with a finite gradient at 0.

    Args:
        y: (B, N, 3) angstrom.
    """
    r = y.unsqueeze(1) - y.unsqueeze(2)
    return r, (r.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def specified(stereo: Stereo) -> Stereo | None:
    """The tags, or None when no molecule has any: their features are zero then, and need not be computed.

    A compiled network always computes them, so that one graph serves every batch.
    """
    return stereo if torch.compiler.is_compiling() or bool((stereo.centre >= 0).any()) else None
