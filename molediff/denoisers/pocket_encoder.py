"""The pocket as a network reads it: every protein atom told of its surroundings, once a complex.

The pocket does not move and knows no time, so nothing here depends on the ligand or on the noise. Scalars and vectors
pass along a radius graph, in the manner of PaiNN (Schuett et al., 2021, eqs. 7-10); rotations and reflections turn the
vectors and nothing else. Imported when a network that reads pockets is built: torch_geometric takes a second.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from molediff.denoisers.graph import radius_edges
from molediff.denoisers.radial import RADII, radial
from molediff.structures import EncodedPocket, Pocket

ELEMENTS, RESIDUES = 16, 32
"""Room for the classes of `molediff.structures.Pocket`."""
RADIUS = 4.5
"""Of the graph, angstrom: about 17 heavy atoms."""
USUAL = 16
"""Neighbours by which sums are scaled."""


class PocketEncoder(nn.Module):
    """Pocket -> EncodedPocket."""

    def __init__(self, width: int, vectors: int, layers: int):
        """Build the encoder.

        Args:
            width: scalars a protein atom.
            vectors: vector channels a protein atom.
            layers: rounds of messages.
        """
        super().__init__()
        self.width, self.vectors = width, vectors
        self.element, self.residue = nn.Embedding(ELEMENTS, width), nn.Embedding(RESIDUES, width)
        self.backbone = nn.Linear(1, width)
        self.layers = nn.ModuleList(PocketLayer(width, vectors) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, pocket: Pocket) -> EncodedPocket:
        """Encode a batch of pockets; padding gets zeros."""
        b, m = pocket.mask.shape
        there = pocket.mask.flatten()
        alone = torch.zeros(b, m, m, dtype=torch.bool, device=there.device)
        both = pocket.mask[:, None] & pocket.mask[:, :, None] & ~torch.eye(m, dtype=torch.bool, device=there.device)
        edges, fade = radius_edges(pocket.pos, both, RADIUS, alone)
        place = there.cumsum(0) - 1  # of each atom among those that are there
        edges = place[edges]  # (2, E)
        pos = pocket.pos.reshape(-1, 3)[there]  # (T, 3)
        r = pos[edges[0]] - pos[edges[1]]
        d = (r.square().sum(-1, keepdim=True) + 1e-8).sqrt()  # (E, 1)
        s = self.element(pocket.element) + self.residue(pocket.residue)
        s = (s + self.backbone(pocket.backbone.unsqueeze(-1).to(s)))[pocket.mask]  # (T, S)
        v = pos.new_zeros(len(pos), 3, self.vectors)
        basis, unit = radial(d), r / (d + 0.1)
        for layer in self.layers:
            s, v = layer(s, v, edges, basis, unit, fade.unsqueeze(-1))
        scalar = pos.new_zeros(b * m, self.width)
        vector = pos.new_zeros(b * m, 3, self.vectors)
        scalar[there], vector[there] = self.norm(s).to(scalar.dtype), v.to(vector.dtype)
        return EncodedPocket(pocket.pos, pocket.mask, scalar.view(b, m, -1), vector.view(b, m, 3, -1))


class PocketLayer(MessagePassing):
    """One round between protein atoms."""

    def __init__(self, width: int, vectors: int):
        super().__init__(aggr="add", node_dim=0)
        self.norm = nn.LayerNorm(width)
        hidden = width // 2  # there are many edges
        self.send, self.receive = nn.Linear(width, hidden), nn.Linear(width, hidden, bias=False)
        self.edge = nn.Linear(len(RADII), hidden, bias=False)
        self.gates = nn.Linear(hidden, 2 * vectors)
        self.hidden, self.vectors = hidden, vectors
        self.mix = nn.Linear(vectors, 2 * vectors, bias=False)
        self.perceptron = nn.Sequential(
            nn.Linear(width + hidden + vectors, 2 * width), nn.SiLU(), nn.Linear(2 * width, width + vectors)
        )

    def forward(
        self, s: Tensor, v: Tensor, edges: Tensor, basis: Tensor, unit: Tensor, fade: Tensor
    ) -> tuple[Tensor, Tensor]:
        """s (T, S), v (T, 3, C) -> the same, after messages along ``edges`` (2, E) from sender to receiver.

        Args:
            s, v: features of all protein atoms of the batch.
            edges: places of sender and receiver.
            basis: (E, R) of the distances.
            unit: (E, 3) from receiver to sender.
            fade: (E, 1) weight of an edge, 0 at the radius.
        """
        a = self.norm(s)
        told = self.propagate(
            edges, out=self.send(a), into=self.receive(a), v=v.flatten(1), basis=basis, unit=unit, fade=fade
        )
        told = told / USUAL**0.5
        v = v + told[:, self.hidden :].view(-1, 3, self.vectors)
        left, right = self.mix(v).chunk(2, -1)
        inner = (left * right).sum(1)  # (T, C)
        out = self.perceptron(torch.cat([a, told[:, : self.hidden], inner / (1 + inner.abs())], -1))
        width = s.shape[-1]
        return s + out[:, :width], v * (1 + out[:, None, width:])

    def message(self, out_j: Tensor, into_i: Tensor, v_j: Tensor, basis: Tensor, unit: Tensor, fade: Tensor) -> Tensor:
        """(E, H + 3 C) what every sender says; the sum of H hidden features is read by the receiver's perceptron."""
        hidden = nn.functional.silu(out_j + into_i + self.edge(basis))
        along, carried = (self.gates(hidden) * fade).unsqueeze(1).chunk(2, -1)  # (E, 1, C)
        vector = torch.addcmul(unit.unsqueeze(-1) * along, v_j.view(len(v_j), 3, -1), carried.to(v_j.dtype))
        return torch.cat([(hidden * fade).to(vector.dtype), vector.flatten(1)], -1)
