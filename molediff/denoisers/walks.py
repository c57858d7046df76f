"""Walks along the bonds that a geometry suggests: with them a network can count the atoms of a ring.

On a graph alone messages between atoms cannot tell rings of six and seven apart (they are as strong as colour
refinement; Vignac et al., 2023, DiGress, give cycle counts to the network for this reason); from distances it must
learn to. Here the bonds between heavy atoms are read off the distances of the current estimate, softly, and walks that
never turn back are counted: one of n - 1 bonds between bonded atoms closes a ring of n.
"""

from __future__ import annotations

import torch
from torch import Tensor

BOND, SOFTNESS = 1.95, 0.07
"""Two heavy atoms nearer than ``BOND`` are taken for bonded; the edge of the step is as soft as ``SOFTNESS``, angstrom.

Bonds between C, N, O, F, S and Cl are shorter than 1.9, distances over an angle longer than 2.1 but in rings of four
(2.06) and cages (1.95). Bonds of Br and Si are half seen, those of I and S-S hardly: few of them are in rings.
"""


def soft_bonds(d: Tensor, both: Tensor) -> Tensor:
    """(B, N, N) in [0, 1] from distances.

    Args:
        d: (B, N, N, 1) angstrom.
        both: (B, N, N) bool, true for pairs of atoms.
    """
    itself = torch.eye(d.shape[1], dtype=torch.bool, device=d.device)
    return torch.sigmoid((BOND - d.squeeze(-1)) / SOFTNESS) * (both & ~itself)


def walks(bonds: Tensor, longest: int) -> Tensor:
    """(B, N, N, longest): walks of 1 to ``longest`` bonds between two atoms that never turn back on a bond.

    P_1 = A, P_2 = A^2 - D, P_k = P_(k-1) A - P_(k-2) (D - 1), with D the degrees (Alon et al., 2007, section 2).

    Args:
        bonds: (B, N, N) symmetric, zero on the diagonal; where all entries are 0 or 1 the counts are exact.
        longest: at least 1.
    """
    degree = bonds.sum(-1)  # (B, N)
    counts = [bonds]
    if longest > 1:
        counts.append(bonds @ bonds - torch.diag_embed(degree))
    while len(counts) < longest:
        counts.append(counts[-1] @ bonds - counts[-2] * (degree - 1).unsqueeze(1))
    return torch.stack(counts, -1)


def walk_features(d: Tensor, both: Tensor, longest: int) -> Tensor:
    """(B, N, N, longest) in [0, 1): p / (1 + p) for each number of walks p, which 0, 1 and 2 change most.

    Args:
        d: (B, N, N, 1) angstrom.
        both: (B, N, N) bool, true for pairs of atoms.
        longest: bonds of the longest walk.
    """
    # Sums of many terms that cancel: not in bfloat16.
    with torch.autocast(d.device.type, enabled=False):
        counts = walks(soft_bonds(d, both), longest).clamp(min=0)
        return counts / (1 + counts)
