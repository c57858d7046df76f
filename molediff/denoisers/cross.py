"""Ligand atoms read the pocket: attention to protein atoms near the current estimate, in the true frame.

Every ligand atom looks at its nearest protein atoms and, at ranks that grow by a fixed factor, at farther ones: what is
close counts most, and early on, when nothing is decided, the shape of the whole pocket can be seen. The outputs begin
at zero (Bachlechner et al., 2021, ReZero), so that a network trained without pockets is the same with one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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
    """Which protein atoms each ligand atom looks at, K of them, and where they lie."""

    index: Tensor
    """(B, N, K) int64, places among the M protein atoms."""
    there: Tensor
    """(B, N, K) bool, False where the pocket has no atom of that rank."""
    pos: Tensor
    """(B, N, K, 3) angstrom."""
    noisy: Tensor
    """(B, N, K, R + 1) distances from the noisy ligand atoms: radial basis, and scaled to order 1."""


def neighbours(y: Tensor, x: Tensor, c: Tensor, pocket: EncodedPocket) -> Neighbours:
    """Protein atoms at fixed ranks of the distance from each ligand atom, independent of padding.

    Args:
        y: (B, N, 3) estimate of their positions, angstrom.
        x: (B, N, 3) noisy positions, angstrom.
        c: (B, N, 1) factor that brings distances from ``x`` to order 1, in 1 / angstrom.
        pocket: of the same molecules, M protein atoms.
    """
    index, there = ranked(y, pocket)
    pos = taken(pocket.pos, index).to(y.dtype)
    d = distance(pos - x.unsqueeze(2))
    return Neighbours(index, there, pos, torch.cat([radial(d), (c.unsqueeze(2) * d).clamp(max=10)], -1))


@torch.no_grad()
def ranked(y: Tensor, pocket: EncodedPocket) -> tuple[Tensor, Tensor]:
    """`Neighbours.index` and `Neighbours.there`."""
    m = pocket.mask.shape[1]
    d = (y.unsqueeze(2) - pocket.pos.unsqueeze(1).to(y.dtype)).square().sum(-1)  # (B, N, M)
    order = in_order(d.masked_fill(~pocket.mask.unsqueeze(1), float("inf")))
    rank = torch.tensor(ranks(), device=y.device)
    index = order[..., rank.clamp(max=m - 1)]
    there = rank < pocket.mask.sum(1)[:, None, None]
    return index, there.expand(index.shape)


def in_order(d: Tensor) -> Tensor:
    """(..., M) of at least 0 -> places from the least to the largest, the first of equals first: a stable sort.

    A float32 that is not negative is in the order of its bits. With its place below them it is one whole number, and
    numpy sorts those about ten times faster on a CPU than torch finds the places.
    """
    if d.device.type != "cpu" or d.dtype != torch.float32 or torch.compiler.is_compiling():
        return d.sort(dim=-1, stable=True).indices
    keys = (d.view(torch.int32).long() << 32) | torch.arange(d.shape[-1])
    return torch.from_numpy(np.sort(keys.numpy(), axis=-1)) & 0xFFFFFFFF


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
        self, h: Tensor, v: Tensor, y: Tensor, near: Neighbours, pocket: EncodedPocket
    ) -> tuple[Tensor, Tensor]:
        """h (B, N, d), v (B, N, 3, C) -> the same, after a look at the pocket.

        Args:
            h, v: features of ligand atoms.
            y: (B, N, 3) estimate of their positions, angstrom.
            near: protein atoms looked at.
            pocket: encoded.
        """
        b, n, k = near.index.shape
        r = near.pos - y.unsqueeze(2)  # (B, N, K, 3)
        d = distance(r)  # (B, N, K, 1)
        unit = r / (d + 0.1)
        u = taken(projected(self.theirs, pocket.vector).flatten(2), near.index).view(b, n, k, 3, self.dots)
        w = self.ours(v).unsqueeze(2)  # (B, N, 1, 3, q)
        turned = unit.unsqueeze(-1).to(u.dtype)
        features = [radial(d), near.noisy, dot(w, turned), dot(u, turned), dot(w, u)]
        hidden = self.pair(torch.cat([f.to(h.dtype) for f in features], -1))
        sent = taken(projected(self.send, pocket.scalar), near.index)
        hidden = nn.functional.silu(hidden + self.receive(self.norm(h)).unsqueeze(2) + sent)
        logits, along, carried = self.emit(hidden).split([self.heads, self.vectors, self.dots], -1)
        # One more logit, 0, for looking at nothing: a molecule without a pocket reads zeros.
        logits = logits.transpose(2, 3).masked_fill(~near.there.unsqueeze(2), float("-inf"))  # (B, N, H, K)
        attention = torch.cat([logits, logits.new_zeros(b, n, self.heads, 1)], 3).softmax(3)[..., :k]
        read = (attention.to(hidden.dtype) @ hidden).flatten(2)  # (B, N, H hidden)
        there = near.there.unsqueeze(-1).to(unit.dtype)
        fresh = unit.transpose(2, 3) @ (along.to(unit.dtype) * there)  # (B, N, 3, C)
        kept = (u.to(unit.dtype) * (carried.to(unit.dtype) * there).unsqueeze(3)).sum(2)  # (B, N, 3, q)
        told = torch.cat([fresh, kept], -1) / USUAL**0.5
        return h + self.scalar_out(read), v + self.vector_out(told).to(v.dtype)


def distance(r: Tensor) -> Tensor:
    """(..., 3) -> (..., 1), with a finite gradient at 0."""
    return (r.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def dot(a: Tensor, b: Tensor) -> Tensor:
    """(..., 3, q) and (..., 3, q) -> (..., q). Term by term: their product is never held as a whole."""
    x, y, z = zip(a.unbind(-2), b.unbind(-2), strict=True)
    return torch.addcmul(torch.addcmul(x[0] * x[1], *y), *z)


def projected(layer: nn.Linear, x: Tensor) -> Tensor:
    """``layer(x)``; done once where all molecules have one pocket, as `EncodedPocket.expand` makes it."""
    return layer(x[:1]).expand(len(x), *[-1] * (x.dim() - 1)) if x.stride(0) == 0 else layer(x)


def taken(x: Tensor, index: Tensor) -> Tensor:
    """(B, M, F) at places (B, N, K) -> (B, N, K, F)."""
    if x.stride(0) == 0:  # one pocket for all molecules
        rows = x[0].index_select(0, index.flatten())
    else:
        first = torch.arange(0, x.shape[0] * x.shape[1], x.shape[1], device=x.device)
        rows = x.flatten(0, 1).index_select(0, (index + first[:, None, None]).flatten())
    return rows.view(*index.shape, x.shape[-1])
