"""Tensor products on a radius graph: an e3nn network, beside `attention` and `egnn`.

Atoms carry scalars, vectors and rank-2 tensors (l = 0, 1, 2); neighbours speak by Clebsch-Gordan products with the
spherical harmonics of the way between them (see `molediff.denoisers.convolution`). Edges join atoms that are near in
the skipped estimate, which at high noise shrinks to a point and joins all, and atoms with a noisy bond. Perceptrons may
run in bfloat16; everything that turns with the molecule stays in the dtype of the positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from molediff.denoisers.features import atom_features, pair_features, relative, specified
from molediff.denoisers.graph import free_centre, radius_edges
from molediff.denoisers.precondition import LEVEL_FEATURES, atom_rho, c_in, c_out, c_skip, level_features
from molediff.denoisers.radial import RADII, radial
from molediff.denoisers.stereo import volume_features
from molediff.structures import Condition, Estimate, Levels, Molecules, Stereo


@dataclass(frozen=True)
class TensorProductConfig:
    """Size of the network."""

    layers: int = 5
    """Number of layers."""
    width: int = 192
    """Scalars an atom keeps."""
    scalars: int = 64
    """Scalars an atom sends."""
    vectors: int = 32
    """Vectors (1o) an atom keeps and sends."""
    tensors: int = 8
    """Rank-2 tensors (2e) an atom keeps and sends."""
    hidden: int = 64
    """Width of the perceptron on edges and on pairs."""
    radius: float = 6.0
    """Angstrom up to which atoms are neighbours, in the skipped estimate."""
    expand: int = 2
    """Width of the atom perceptron, in units of ``width``."""


@dataclass(frozen=True)
class Edges:
    """The graph of a batch, atoms flattened to M = B N."""

    index: Tensor
    """(2, E) sender and receiver."""
    pair: Tensor
    """(E,) place of (molecule, receiver, sender) in a flattened (B, N, N)."""
    weight: Tensor
    """(E, 1) in [0, 1]."""
    share: Tensor
    """(M, 1) 1 / sqrt(1 + weight that an atom receives)."""


class TensorProduct(nn.Module):
    """(noisy, levels, condition) -> Estimate."""

    def __init__(
        self, config: TensorProductConfig, noisy: tuple[int, int, int], clean: tuple[int, int, int], scale: float
    ):
        """Build the network.

        Args:
            config: sizes.
            noisy: classes of noisy atoms, charges and bonds.
            clean: classes of clean ones.
            scale: standard deviation of the data's coordinates, angstrom.
        """
        super().__init__()
        self.config, self.scale, self.noisy = config, scale, noisy
        d, m, pairs = config.width, config.hidden, noisy[2] + 4
        self.embed_atom = nn.Linear(noisy[0] + noisy[1] + 5 + LEVEL_FEATURES, d)
        self.embed_level = nn.Sequential(nn.Linear(LEVEL_FEATURES, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.embed_edge = nn.Linear(pairs + 2 * len(RADII) + 1, m)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(d)
        self.atom_head, self.charge_head = nn.Linear(d, clean[0]), nn.Linear(d, clean[1])
        self.bond_pair, self.bond_atoms = nn.Linear(pairs + len(RADII), m), nn.Linear(d, m, bias=False)
        self.bond_head = nn.Sequential(nn.SiLU(), nn.Linear(m, m), nn.SiLU(), nn.Linear(m, clean[2]))

    # torch.compile leaves this frame alone and compiles what it calls, each once: one graph serves all layers. As a
    # whole the network takes minutes of symbolic algebra.
    @torch.compiler.disable(recursive=False)
    def forward(self, noisy: Molecules, levels: Levels, condition: Condition) -> Estimate:
        """Estimate the clean molecule.

        Args:
            noisy: positions x_t / alpha_t in angstrom, noisy classes.
            levels: noise of each field.
            condition: what is known.
        """
        mask, scale, (b, n) = noisy.mask, self.scale, noisy.mask.shape
        rho = atom_rho(levels, condition)  # (B, N, 1)
        level = level_features(levels, rho, scale, noisy.sizes)  # (B, N, F)
        y = c_skip(rho, scale) * noisy.pos
        stereo = specified(condition.stereo)
        tags = noisy.pos.new_zeros(b, n, 2) if stereo is None else volume_features(noisy.pos, stereo)[0]
        h = self.embed_atom(torch.cat([atom_features(noisy, condition, self.noisy), tags, level], -1)).view(b * n, -1)
        tau = self.embed_level(level).view(b * n, -1)
        pairs = pair_features(noisy, condition, self.noisy)  # (B, N, N, P)
        edges = self._edges(noisy, condition, y)
        e, unit = self._embed_edges(noisy, pairs, edges, rho)
        v, t = (y.new_zeros(b * n, c, k) for c, k in ((self.config.vectors, 3), (self.config.tensors, 5)))
        step = c_out(rho, scale) * mask.unsqueeze(-1)
        for layer in self.layers:
            h, v, t, move = layer(h, v, t, y, e, unit, tau, edges, stereo)
            y = y + step * move.view(b, n, 3)
            unit = None  # the first layer looks along the noisy geometry, which at high noise is all there is
        y = free_centre(y, mask, condition)
        h = self.norm(h).view(b, n, -1)
        return Estimate(y, self.atom_head(h), self.charge_head(h), self._bonds(h, pairs, y))

    def _edges(self, noisy: Molecules, condition: Condition, y: Tensor) -> Edges:
        n = noisy.mask.shape[1]
        linked = (noisy.bond > 0) | (condition.stereo.cistrans > 0)
        index, weight = radius_edges(y, noisy.pair_mask, self.config.radius, linked)
        received = y.new_zeros(noisy.mask.numel()).index_add(0, index[1], weight)
        share = (1 + received).rsqrt().unsqueeze(-1)
        return Edges(index, index[1] * n + index[0] % n, weight.unsqueeze(-1), share)

    def _embed_edges(self, noisy: Molecules, pairs: Tensor, edges: Edges, rho: Tensor) -> tuple[Tensor, Tensor]:
        """(E, m) features that stay through the layers, and (E, 3) the way to the sender in the noisy geometry."""
        sender, receiver = edges.index
        r, d = way(noisy.pos.view(-1, 3), edges)
        # Two atoms may differ in noise (known beside noisy): their distance is scaled by the noisier of the two.
        flat = rho.view(-1, 1)
        c = c_in(torch.maximum(flat[sender], flat[receiver]), self.scale)  # (E, 1)
        features = [pairs.flatten(0, 2)[edges.pair], radial(d), radial(3 * c * d), c * d]
        return self.embed_edge(torch.cat(features, -1)), r / (d + 1e-6)

    def _bonds(self, h: Tensor, pairs: Tensor, y: Tensor) -> Tensor:
        """(B, N, N, K) logits of all pairs, symmetric."""
        _, d = relative(y)
        atoms = self.bond_atoms(h)
        hidden = self.bond_pair(torch.cat([pairs, radial(d)], -1))
        return self.bond_head(hidden + atoms.unsqueeze(1) + atoms.unsqueeze(2))


class Layer(nn.Module):
    """One round: edges weigh, atoms send and mix, the geometry moves."""

    def __init__(self, config: TensorProductConfig):
        super().__init__()
        # e3nn and torch_geometric are imported by whoever builds such a network, and by nobody else
        from molediff.denoisers.convolution import Convolution

        d, m = config.width, config.hidden
        self.channels = (config.scalars, config.vectors, config.tensors)
        self.convolution = Convolution(self.channels, (d, config.vectors, config.tensors))
        self.norm = nn.LayerNorm(d, elementwise_affine=False)
        self.modulate = nn.Linear(64, 2 * d)
        self.sends, self.from_sender = nn.Linear(d, config.scalars), nn.Linear(d, m, bias=False)
        self.from_receiver, self.from_distance = nn.Linear(d, m, bias=False), nn.Linear(len(RADII), m)
        self.weights = nn.Linear(m, self.convolution.weight_count)
        self.stereo, self.stereo_gate = nn.Linear(2, d, bias=False), nn.Linear(d, config.vectors)
        inner = 2 * d + config.vectors + config.tensors
        self.perceptron = nn.Sequential(
            nn.Linear(inner, config.expand * d),
            nn.SiLU(),
            nn.Linear(config.expand * d, d + config.vectors + config.tensors),
        )
        self.mix_vectors = nn.Linear(config.vectors, config.vectors, bias=False)
        self.mix_tensors = nn.Linear(config.tensors, config.tensors, bias=False)
        self.move = nn.Linear(config.vectors, 1, bias=False)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        nn.init.zeros_(self.move.weight)
        nn.init.normal_(self.stereo.weight, std=0.1)

    def forward(
        self,
        h: Tensor,
        v: Tensor,
        t: Tensor,
        y: Tensor,
        e: Tensor,
        unit: Tensor | None,
        tau: Tensor,
        edges: Edges,
        stereo: Stereo | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """h (M, d), v (M, C1, 3), t (M, C2, 5), y (B, N, 3) -> the same three, and the move (M, 3) in units of c_out.

        ``unit`` (E, 3) is the way to each sender; that of y when None.
        """
        scale, shift = self.modulate(tau).chunk(2, -1)
        a = self.norm(h) * (1 + scale) + shift
        pull = None
        if stereo is not None:
            tags, pull = volume_features(y, stereo)
            a = a + self.stereo(tags.flatten(0, 1))
        sender, receiver = edges.index
        r, distance = way(y.reshape(-1, 3), edges)
        hidden = (
            e + self.from_distance(radial(distance)) + self.from_sender(a)[sender] + self.from_receiver(a)[receiver]
        )
        weights = self.weights(silu(hidden))
        unit = r / (distance + 0.1) if unit is None else unit
        s, v, t = self._convolve(self.sends(a), v, t, unit, weights, edges)
        if pull is not None:
            v = v + pull.reshape(-1, 1, 3) * self.stereo_gate(a).to(v.dtype).unsqueeze(-1)
        lengths = torch.cat([v.square().sum(-1), t.square().sum(-1)], -1)
        # l / (1 + l), written so that a length beyond all bounds is 1
        out = self.perceptron(torch.cat([a, s.to(a.dtype), (1 - 1 / (1 + lengths)).to(a.dtype)], -1))
        change, gate_v, gate_t = out.split([h.shape[-1], v.shape[1], t.shape[1]], -1)
        v, t, move = self._turn(v, t, gate_v.to(v.dtype), gate_t.to(t.dtype))
        return h + change, v, t, move

    def _convolve(
        self, s: Tensor, v: Tensor, t: Tensor, unit: Tensor, weights: Tensor, edges: Edges
    ) -> tuple[Tensor, Tensor, Tensor]:
        """New scalars (M, d), and vectors and tensors with what the neighbours said, in the dtype of positions."""
        with torch.autocast(v.device.type, enabled=False):
            kinds = [s.to(v.dtype), squashed(v).flatten(1), squashed(t).flatten(1)]
            x = torch.cat(kinds, -1)
            heard = self.convolution(x, edges.index, unit, weights.to(v.dtype) * edges.weight, edges.share)
            d = heard.shape[-1] - v[0].numel() - t[0].numel()
            s, dv, dt = heard.split([d, v[0].numel(), t[0].numel()], -1)
            return s, v + dv.view_as(v), t + dt.view_as(t)

    def _turn(self, v: Tensor, t: Tensor, gate_v: Tensor, gate_t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Channels mixed under the gates of the perceptron, and the move."""
        with torch.autocast(v.device.type, enabled=False):
            v = v + (self.mix_vectors(v.transpose(1, 2)) * gate_v.unsqueeze(1)).transpose(1, 2)
            t = t + (self.mix_tensors(t.transpose(1, 2)) * gate_t.unsqueeze(1)).transpose(1, 2)
            return v, t, self.move(v.transpose(1, 2)).squeeze(-1)


def way(pos: Tensor, edges: Edges) -> tuple[Tensor, Tensor]:
    """r = x_sender - x_receiver, (E, 3), and its length, (E, 1), with a finite gradient at 0."""
    sender, receiver = edges.index
    r = pos[sender] - pos[receiver]
    return r, (r.square().sum(-1, keepdim=True) + 1e-8).sqrt()


def squashed(v: Tensor) -> Tensor:
    """(M, C, k) features of one degree, scaled to a root mean square below 1 an atom."""
    return v / (1 + v.square().sum(-1, keepdim=True).mean(1, keepdim=True)).sqrt()
