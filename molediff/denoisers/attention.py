"""Dense latent attention: the default network.

Scalars h, vectors v and persistent pair features e of every atom pair. Messages are computed from e, from the current
estimate of the geometry and from per-atom parts, so that no wide perceptron runs on all N^2 pairs. After every layer
the estimate of the positions moves and distances are taken anew. In the family of SemlaFlow (Irwin et al., 2024) and
EQGAT-diff (Le et al., 2023); E(3)-equivariant by construction.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molediff.denoisers.cross import Cross, neighbours
from molediff.denoisers.features import atom_features, pair_features, relative, specified
from molediff.denoisers.graph import free_centre
from molediff.denoisers.precondition import LEVEL_FEATURES, atom_rho, c_in, c_out, c_skip, level_features
from molediff.denoisers.radial import RADII, radial
from molediff.denoisers.recall import Recall
from molediff.denoisers.stereo import volume_features
from molediff.denoisers.walks import walk_features
from molediff.structures import Condition, EncodedPocket, Estimate, Levels, Molecules, Pocket, Stereo

LONGEST = 200.0
"""Length that vectors cannot pass, well above that of ordinary ones. Multiplied layer after layer, those of rare
molecules of five atoms ran away and took the positions along."""


@dataclass(frozen=True)
class AttentionConfig:
    """Size of the network."""

    layers: int = 6
    """Number of layers."""
    width: int = 192
    """Scalars an atom."""
    vectors: int = 32
    """Vector channels an atom."""
    pair: int = 32
    """Persistent features a pair."""
    hidden: int = 64
    """Width of the message perceptron on pairs."""
    heads: int = 8
    """Attention heads; divides ``width`` and ``vectors``."""
    expand: int = 3
    """Width of the atom perceptron, in units of ``width``."""
    walks: int = 0
    """Bonds of the longest walk counted on the geometry of every layer: 7 sees rings of up to 8; 0 for none. For
    molecules of heavy atoms: hydrogens on one carbon are as near as bonded atoms."""
    self_conditioning: bool = False
    """Whether it reads what it said in the step before (see `molediff.denoisers.recall`)."""
    pocket: int = 0
    """Scalars a protein atom; 0 for a network that reads no pockets."""
    pocket_vectors: int = 8
    """Vector channels a protein atom."""
    pocket_layers: int = 2
    """Rounds of messages between protein atoms."""


class Attention(nn.Module):
    """(noisy, levels, condition) -> Estimate."""

    def __init__(self, config: AttentionConfig, noisy: tuple[int, int, int], clean: tuple[int, int, int], scale: float):
        """Build the network.

        Args:
            config: sizes.
            noisy: classes of noisy atoms, charges and bonds.
            clean: classes of clean ones.
            scale: standard deviation of the data's coordinates, angstrom.
        """
        super().__init__()
        self.scale, self.noisy, self.reads_pockets = scale, noisy, config.pocket > 0
        d, p = config.width, config.pair
        self.embed_atom = nn.Linear(noisy[0] + noisy[1] + 5 + LEVEL_FEATURES, d)
        self.embed_level = nn.Sequential(nn.Linear(LEVEL_FEATURES, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.pair_from, self.pair_to = nn.Linear(d, config.hidden), nn.Linear(d, config.hidden, bias=False)
        self.pair_in = nn.Linear(noisy[2] + 4 + 2 * len(RADII) + 1, config.hidden, bias=False)
        self.pair_out = nn.Linear(config.hidden, p + config.vectors)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(d)
        self.atom_head, self.charge_head = nn.Linear(d, clean[0]), nn.Linear(d, clean[1])
        self.bond_in = nn.Linear(p + len(RADII), config.hidden)
        self.bond_atoms = nn.Linear(d, config.hidden, bias=False)
        self.bond_head = nn.Linear(config.hidden, clean[2])
        # Last, as what follows: the weights drawn before are those of the network without.
        recall = (clean, d, config.hidden, config.vectors, config.walks)
        self.recall = Recall(*recall) if config.self_conditioning else None
        if self.reads_pockets:
            # torch_geometric is slow to import.
            from molediff.denoisers.pocket_encoder import PocketEncoder

            self.encoder = PocketEncoder(config.pocket, config.pocket_vectors, config.pocket_layers)
            sizes = (d, config.vectors, config.hidden, config.heads, config.pocket, config.pocket_vectors)
            self.cross = nn.ModuleList(Cross(*sizes) for _ in range(config.layers))

    def encode(self, pocket: Pocket) -> EncodedPocket:
        """What `forward` reads of a pocket; once a complex."""
        return self.encoder(pocket)

    def forward(self, noisy: Molecules, levels: Levels, condition: Condition) -> Estimate:
        """Estimate the clean molecule.

        Args:
            noisy: positions x_t / alpha_t in angstrom, noisy classes.
            levels: noise of each field.
            condition: what is known; a pocket encoded by `encode`.
        """
        mask, scale, pocket = noisy.mask, self.scale, condition.pocket
        rho = atom_rho(levels, condition)  # (B, N, 1)
        level = level_features(levels, rho, scale, noisy.sizes)  # (B, N, F)
        y = c_skip(rho, scale) * noisy.pos
        stereo = specified(condition.stereo)
        tags = noisy.pos.new_zeros(*mask.shape, 2) if stereo is None else volume_features(noisy.pos, stereo)[0]
        h = self.embed_atom(torch.cat([atom_features(noisy, condition, self.noisy), tags, level], -1))  # (B, N, d)
        h, e, v = self._embed_pairs(noisy, condition, rho, h, y)  # (B, N, d), (B, N, N, p), (B, N, 3, C)
        tau = self.embed_level(level)  # (B, N, 64)
        step = c_out(rho, scale) * mask.unsqueeze(-1)
        both = mask.unsqueeze(1) & mask.unsqueeze(2)
        near = None
        for k, layer in enumerate(self.layers):
            if pocket is not None:
                # The estimate moves little in two layers: neighbours are looked for in every third.
                if k % 3 == 0:
                    near = neighbours(y, noisy.pos, c_in(rho, scale), pocket)
                h, v = self.cross[k](h, v, y, near, pocket)
            h, v, e, move = layer(h, v, e, y, tau, both, stereo)
            y = y + step * move
        y = free_centre(y, mask, condition)
        h = self.norm(h)
        return Estimate(y, self.atom_head(h), self.charge_head(h), self._bonds(h, e, y))

    def _embed_pairs(
        self, noisy: Molecules, condition: Condition, rho: Tensor, h: Tensor, y: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """First pair features, and vectors along the noisy geometry; atoms with what was said of them before."""
        both = noisy.mask.unsqueeze(1) & noisy.mask.unsqueeze(2)
        r, d = relative(noisy.pos)
        # Two atoms may differ in noise (known beside noisy): their distance is scaled by the noisier of the two.
        c = c_in(torch.maximum(rho, rho.transpose(1, 2)), self.scale).unsqueeze(-1)  # (B, N, N, 1)
        features = [pair_features(noisy, condition, self.noisy), radial(d), radial(3 * c * d), c * d]
        recalls = self.recall is not None and condition.previous is not None
        if recalls:
            atoms, pairs, said, there = self.recall(condition.previous, noisy.mask)
            h = h + atoms
        hidden = self.pair_in(torch.cat(features, -1)) + self.pair_from(h).unsqueeze(2) + self.pair_to(h).unsqueeze(1)
        hidden = nn.functional.silu(hidden + pairs if recalls else hidden)
        out = self.pair_out(hidden)
        p = out.shape[-1] - self.layers[0].vectors
        e, gate = out[..., :p], out[..., p:] * both.unsqueeze(-1)
        unit = r / (d + 1e-6)
        v = unit.transpose(2, 3) @ gate.to(r.dtype) / noisy.sizes[:, None, None, None].to(r.dtype)  # (B, N, 3, C)
        if recalls:
            v = v + self.recall.vectors(said, y, h, hidden, both, there).to(v.dtype)
        return h, e, v

    def _bonds(self, h: Tensor, e: Tensor, y: Tensor) -> Tensor:
        """(B, N, N, K) logits, symmetric."""
        _, d = relative(y)
        atoms = self.bond_atoms(h)
        hidden = self.bond_in(torch.cat([e + e.transpose(1, 2), radial(d).to(e.dtype)], -1))
        logits = self.bond_head(nn.functional.silu(hidden + (atoms.unsqueeze(1) + atoms.unsqueeze(2))))
        # To the last bit: a pair must not draw one bond from one side and another from the other.
        return (logits + logits.transpose(1, 2)) / 2


class Layer(nn.Module):
    """One round: pairs read atoms and geometry, atoms read pairs and atoms, the geometry moves."""

    def __init__(self, config: AttentionConfig):
        super().__init__()
        d, c, p, m = config.width, config.vectors, config.pair, config.hidden
        self.heads, self.vectors, self.dots = config.heads, c, c // 2
        self.norm1, self.norm2 = nn.LayerNorm(d, elementwise_affine=False), nn.LayerNorm(d, elementwise_affine=False)
        self.norm_e = nn.LayerNorm(p)
        self.modulate = nn.Linear(64, 4 * d)
        self.from_atoms = nn.Linear(d, 2 * m + d)
        self.project = nn.Linear(c, 2 * self.dots, bias=False)
        self.message = nn.Linear(p + len(RADII) + 2 * self.dots, m, bias=False)
        self.emit = nn.Linear(m, config.heads + c + p)
        self.walks = nn.Linear(config.walks, m, bias=False) if config.walks else None
        self.vector_value = nn.Linear(c, c, bias=False)
        self.gather = nn.Linear(d + m, d)
        self.stereo = nn.Linear(2, d, bias=False)
        self.stereo_gate = nn.Linear(d, c)
        self.mix_in = nn.Linear(c, 2 * c, bias=False)
        self.perceptron = nn.Sequential(
            nn.Linear(d + c, config.expand * d), nn.SiLU(), nn.Linear(config.expand * d, d + c)
        )
        self.mix_out = nn.Linear(c, c, bias=False)
        self.move = nn.Linear(c, 1, bias=False)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        nn.init.zeros_(self.move.weight)
        if self.walks is not None:
            nn.init.zeros_(self.walks.weight)
        nn.init.normal_(self.stereo.weight, std=0.1)

    def forward(
        self, h: Tensor, v: Tensor, e: Tensor, y: Tensor, tau: Tensor, both: Tensor, stereo: Stereo | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """h (B, N, d), v (B, N, 3, C), e (B, N, N, p), y (B, N, 3) -> the same three, and the move (B, N, 3)."""
        scale1, shift1, scale2, shift2 = self.modulate(tau).chunk(4, -1)
        a = self.norm1(h) * (1 + scale1) + shift1
        if stereo is not None:
            tags, pull = volume_features(y, stereo)
            a = a + self.stereo(tags)
        messages, e, logits, gate, unit, value = self._pairs(a, v, e, y, both)
        attention = logits.masked_fill(~both.unsqueeze(1), float("-inf"))
        # Padding rows see only -inf; they are switched to a finite row and masked out where it matters.
        attention = attention.masked_fill(~both.any(-1)[:, None, :, None], 0.0).softmax(-1)  # (B, H, N, N)
        v = v + self._vectors(v, attention, gate, unit, both)
        if stereo is not None:
            v = v + pull.unsqueeze(-1) * self.stereo_gate(a).unsqueeze(2)
        b, n, d = h.shape
        read = (attention @ value.view(b, n, self.heads, -1).transpose(1, 2)).transpose(1, 2).reshape(b, n, d)
        pooled = (messages * both.unsqueeze(-1)).sum(2) / both.sum(2, keepdim=True).clamp(min=1).to(h.dtype)
        h = h + self.gather(torch.cat([read, pooled.to(read.dtype)], -1))
        left, right = self.mix_in(v).chunk(2, -1)
        inner = (left * right).sum(2)  # (B, N, C)
        a = self.norm2(h) * (1 + scale2) + shift2
        out = self.perceptron(torch.cat([a, inner / (1 + inner.abs())], -1))
        h = h + out[..., :d]
        v = bounded(v + self.mix_out(v) * out[..., None, d:])
        return h, v, e, self.move(v).squeeze(-1)

    def _pairs(self, a: Tensor, v: Tensor, e: Tensor, y: Tensor, both: Tensor):
        """Messages on pairs, from pair features, distances and angles of the current geometry."""
        m, c, p = self.message.out_features, self.vectors, e.shape[-1]
        r, d = relative(y)
        unit = r / (d + 0.1)
        u, w = self.project(v).split(self.dots, -1)  # (B, N, 3, C/2)
        along = unit @ w.to(unit.dtype)  # (B, N, N, C/2), angles between bonds and vectors
        dots = (u.unsqueeze(2) * u.unsqueeze(1)).sum(3)  # (B, N, N, C/2)
        send, receive, value = self.from_atoms(a).split([m, m, a.shape[-1]], -1)
        features = torch.cat([self.norm_e(e), radial(d).to(e.dtype), along.to(e.dtype), dots.to(e.dtype)], -1)
        hidden = self.message(features) + send.unsqueeze(2) + receive.unsqueeze(1)
        if self.walks is not None:
            hidden = hidden + self.walks(walk_features(d, both, self.walks.in_features))
        hidden = nn.functional.silu(hidden)
        logits, gate, delta = self.emit(hidden).split([self.heads, c, p], -1)
        return hidden, e + delta, logits.permute(0, 3, 1, 2), gate, unit, value

    def _vectors(self, v: Tensor, attention: Tensor, gate: Tensor, unit: Tensor, both: Tensor) -> Tensor:
        """New directions from the geometry, and the vectors of the other atoms."""
        b, n, _, c = v.shape
        count = both.sum(-1).clamp(min=1).to(v.dtype)[:, :, None, None]
        fresh = unit.transpose(2, 3) @ (gate * both.unsqueeze(-1)).to(unit.dtype) / count.sqrt()  # (B, N, 3, C)
        value = self.vector_value(v).view(b, n, 3, self.heads, -1).permute(0, 3, 1, 2, 4).reshape(b, self.heads, n, -1)
        read = (attention @ value.to(attention.dtype)).view(b, self.heads, n, 3, -1)
        return fresh + read.permute(0, 2, 3, 1, 4).reshape(b, n, 3, c)


def bounded(v: Tensor) -> Tensor:
    """Vectors (B, N, 3, C) no longer than `LONGEST`; of a tenth of it, they change by 2 parts in 10^5."""
    ratio = v.square().sum(2, keepdim=True) / LONGEST**2
    return v / (1 + ratio.square()).sqrt().sqrt()
