"""What a network said in the step before, as input of the next (self-conditioning; Chen et al., 2023, Analog Bits).

One look at a noisy molecule names every atom, bond and place on its own; a second look that sees what the first one
said can make them agree. In training the first look is taken at the same noise, without gradient, in a share of the
steps; in sampling it is the estimate of the step before and costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from molediff.denoisers.features import relative
from molediff.denoisers.radial import RADII, radial
from molediff.denoisers.walks import walk_features
from molediff.structures import Estimate


class Recall(nn.Module):
    """Features of an `Estimate`; all begin as zeros, so that it may be added to a trained network."""

    def __init__(self, clean: tuple[int, int, int], width: int, hidden: int, vectors: int, walks: int):
        """Build it.

        Args:
            clean: classes of clean atoms, charges and bonds.
            width: scalars an atom.
            hidden: width of the first perceptron on pairs.
            vectors: vector channels an atom.
            walks: bonds of the longest walk counted on the estimate, 0 for none.
        """
        super().__init__()
        self.longest = walks
        self.atoms = nn.Linear(clean[0] + clean[1], width, bias=False)
        self.pairs = nn.Linear(clean[2] + len(RADII) + walks, hidden, bias=False)
        self.along = nn.Linear(hidden, vectors, bias=False)
        self.shift = nn.Linear(width, vectors, bias=False)
        for layer in (self.atoms, self.pairs, self.along, self.shift):
            nn.init.zeros_(layer.weight)

    def forward(self, before: Estimate, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features of what was said.

        Args:
            before: logits over clean classes; a molecule with a NaN position has said nothing, and gives zeros.
            mask: (B, N) bool.

        Returns:
            (B, N, width) and (B, N, N, hidden) to add to atoms and pairs; (B, N, 3) positions and (B, 1, 1) whether
            there are any.
        """
        there = ~before.pos.isnan().any(2).any(1)  # (B,)
        pos = torch.nan_to_num(before.pos) * there[:, None, None]
        kinds = torch.cat([before.atom.to(pos).softmax(-1), before.charge.to(pos).softmax(-1)], -1)
        _, d = relative(pos)  # (B, N, N, 1)
        both = mask.unsqueeze(1) & mask.unsqueeze(2)
        pairs = [before.bond.to(pos).softmax(-1), radial(d)]
        if self.longest:
            pairs.append(walk_features(d, both, self.longest))
        yes = there[:, None, None].to(pos)
        atoms = self.atoms(torch.nan_to_num(kinds) * yes)
        return atoms, self.pairs(torch.nan_to_num(torch.cat(pairs, -1)) * yes.unsqueeze(-1)), pos, yes

    def vectors(self, pos: Tensor, y: Tensor, h: Tensor, hidden: Tensor, both: Tensor, yes: Tensor) -> Tensor:
        """(B, N, 3, vectors) towards the others as they were said to lie, and to where it was said to be itself.

        Args:
            pos: (B, N, 3) positions said, angstrom.
            y: (B, N, 3) positions now, same frame.
            h: (B, N, width)
            hidden: (B, N, N, hidden)
            both: (B, N, N) bool, pairs of atoms.
            yes: (B, 1, 1) whether anything was said.
        """
        r, d = relative(pos)
        unit = r / (d + 0.1)
        gate = self.along(hidden) * (both.unsqueeze(-1) * yes.unsqueeze(-1))
        count = both.sum(-1).clamp(min=1).to(unit)[:, :, None, None]
        along = unit.transpose(2, 3) @ gate.to(unit.dtype) / count  # (B, N, 3, C)
        away = (pos - y) * yes
        away = away / (1 + away.square().sum(-1, keepdim=True)).sqrt()
        return along + away.unsqueeze(-1) * self.shift(h).unsqueeze(2)
