"""Ligand atoms read the pocket: attention to protein atoms near the current estimate, in the true frame.

Every ligand atom looks at its nearest protein atoms and, at ranks that grow by a fixed factor, at farther ones: what is
close counts most, and early on, when nothing is decided, the shape of the whole pocket can be seen. The outputs begin
at zero (Bachlechner et al., 2021, ReZero), so that a network trained without pockets is the same with one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molediff.denoisers.radial import RADII, radial
from molediff.structures import EncodedPocket

NEAREST = 16
"""Protein atoms that are always looked at."""
GROWTH = 1.3
"""Factor between the ranks of the farther ones."""
FARTHEST = 400
"""Largest rank."""
USUAL = 16
"""Protein atoms by which sums of directions are scaled."""


def ranks() -> list[int]:
    """Places, in the order of distance, of the protein atoms that a ligand atom looks at: 0, 1, ..., 15, 19, 25, ..."""
    out, rank = list(range(NEAREST)), float(NEAREST)
    while (rank := rank * GROWTH) < FARTHEST:
        out.append(int(rank) - 1)
    return out


@dataclass(frozen=True)
class Neighbours:
    """Which protein atoms each ligand atom looks at, K of them."""

    index: Tensor
    """(B, N, K) int64, places among the M protein atoms."""
    there: Tensor
    """(B, N, K) bool, False where the pocket has no atom of that rank."""


@torch.no_grad()
def neighbours(y: Tensor, pocket: EncodedPocket) -> Neighbours:
    """Protein atoms at fixed ranks of the distance from each ligand atom, independent of padding.

    Args:
        y: (B, N, 3) angstrom.
        pocket: of the same molecules, M protein atoms.
    """
    m = pocket.mask.shape[1]
    d = (y.unsqueeze(2) - pocket.pos.unsqueeze(1).to(y.dtype)).square().sum(-1)  # (B, N, M)
    order = d.masked_fill(~pocket.mask.unsqueeze(1), float("inf")).sort(dim=-1, stable=True).indices
    rank = torch.tensor(ranks(), device=y.device)
    index = order[..., rank.clamp(max=m - 1)]
    there = rank < pocket.mask.sum(1)[:, None, None]
    return Neighbours(index, there.expand(index.shape))


class Cross(nn.Module):
    """One look of all ligand atoms at the pocket."""

    def __init__(self, width: int, vectors: int, hidden: int, heads: int, pocket: int, pocket_vectors: int):
        """Build it.

        Args:
            width, vectors: scalars and vector channels of a ligand atom.
            hidden: width of the perceptron on pairs.
            heads: of the attention.
            pocket, pocket_vectors: scalars and vector channels of a protein atom.
        """
        super().__init__()
        self.heads, self.dots, self.vectors = heads, min(8, pocket_vectors), vectors
        self.norm = nn.LayerNorm(width)
        self.receive, self.send = nn.Linear(width, hidden), nn.Linear(pocket, hidden, bias=False)
        self.ours = nn.Linear(vectors, self.dots, bias=False)
        self.theirs = nn.Linear(pocket_vectors, self.dots, bias=False)
        self.pair = nn.Linear(2 * len(RADII) + 1 + 3 * self.dots, hidden, bias=False)
        self.emit = nn.Linear(hidden, heads + vectors + self.dots)
        self.scalar_out = nn.Linear(heads * hidden, width, bias=False)
        self.vector_out = nn.Linear(vectors + self.dots, vectors, bias=False)
        nn.init.zeros_(self.scalar_out.weight)
        nn.init.zeros_(self.vector_out.weight)

    def forward(
        self, h: Tensor, v: Tensor, y: Tensor, x: Tensor, c: Tensor, near: Neighbours, pocket: EncodedPocket
    ) -> tuple[Tensor, Tensor]:
        """h (B, N, d), v (B, N, 3, C) -> the same, after a look at the pocket.

        Args:
            h, v: features of ligand atoms.
            y: (B, N, 3) estimate of their positions, angstrom.
            x: (B, N, 3) noisy positions, angstrom.
            c: (B, N, 1) factor that brings distances from ``x`` to order 1, in 1 / angstrom.
            near: protein atoms looked at.
            pocket: encoded.
        """
        b, n, k = near.index.shape
        seen = taken(pocket.pos, near.index).to(y.dtype)  # (B, N, K, 3)
        r = seen - y.unsqueeze(2)
        d = (r.square().sum(-1, keepdim=True) + 1e-8).sqrt()  # (B, N, K, 1)
        from_noisy = ((seen - x.unsqueeze(2)).square().sum(-1, keepdim=True) + 1e-8).sqrt()
        unit = r / (d + 0.1)
        a, s = self.norm(h), pocket.scalar
        u = self.theirs(pocket.vector).flatten(2)  # (B, M, 3 q)
        u = taken(u, near.index).view(b, n, k, 3, self.dots)
        w = self.ours(v).unsqueeze(2)  # (B, N, 1, 3, q)
        turned = unit.unsqueeze(-1).to(u.dtype)
        features = [
            radial(d),
            radial(from_noisy),
            (c.unsqueeze(2) * from_noisy).clamp(max=10),
            (w * turned).sum(3),
            (u * turned).sum(3),
            (w * u).sum(3),
        ]
        hidden = self.pair(torch.cat([f.to(h.dtype) for f in features], -1))
        hidden = nn.functional.silu(hidden + self.receive(a).unsqueeze(2) + taken(self.send(s), near.index))
        logits, along, carried = self.emit(hidden).split([self.heads, self.vectors, self.dots], -1)
        there = near.there.unsqueeze(-1)
        # One more logit, 0, for looking at nothing: a molecule without a pocket reads zeros.
        logits = logits.masked_fill(~there, float("-inf"))
        logits = torch.cat([logits, logits.new_zeros(b, n, 1, self.heads)], 2)
        attention = logits.softmax(2)[:, :, :k].transpose(2, 3)  # (B, N, H, K)
        read = (attention.to(hidden.dtype) @ hidden).flatten(2)  # (B, N, H hidden)
        there = there.to(unit.dtype)
        fresh = unit.transpose(2, 3) @ (along.to(unit.dtype) * there)  # (B, N, 3, C)
        kept = (u.to(unit.dtype) * (carried.to(unit.dtype) * there).unsqueeze(3)).sum(2)  # (B, N, 3, q)
        told = torch.cat([fresh, kept], -1) / USUAL**0.5
        return h + self.scalar_out(read), v + self.vector_out(told).to(v.dtype)


def taken(x: Tensor, index: Tensor) -> Tensor:
    """(B, M, F) at places (B, N, K) -> (B, N, K, F)."""
    b, n, k = index.shape
    flat = index.reshape(b, n * k, 1).expand(-1, -1, x.shape[-1])
    return x.gather(1, flat).view(b, n, k, x.shape[-1])
