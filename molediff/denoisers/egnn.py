"""EDM's equivariant graph network: the baseline that `attention` is measured against.

The layer of Satorras et al., 2021 (eq. 3-6), in the form of Hoogeboom et al., 2022 (EDM, eq. 12 and appendix B): a
gated sum of messages over all pairs, and coordinates that move along differences. Nothing is factored: both
perceptrons run on all N^2 pairs, as published. What EDM has not is added round the layers: bonds, what is known, and
stereo tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from molediff.denoisers.features import atom_features, pair_features
from molediff.denoisers.graph import free_centre
from molediff.denoisers.precondition import LEVEL_FEATURES, atom_rho, c_in, c_out, c_skip, level_features
from molediff.denoisers.stereo import volume_features
from molediff.structures import Condition, Estimate, Levels, Molecules


@dataclass(frozen=True)
class EGNNConfig:
    """Size of the network; the defaults are EDM's for QM9, but for the width (256 there)."""

    layers: int = 9
    """Number of layers."""
    width: int = 192
    """Scalars an atom, and width of every perceptron."""
    normalisation: float = 1.0
    """Sums over the other atoms are divided by this."""
    reach: float = 15.0
    """How far one atom can move another, summed over the layers, in units of c_out (see `precondition`): the layer's
    share times tanh. 0 leaves tanh out."""


class EGNN(nn.Module):
    """(noisy, levels, condition) -> Estimate."""

    def __init__(self, config: EGNNConfig, noisy: tuple[int, int, int], clean: tuple[int, int, int], scale: float):
        """Build the network.

        Args:
            config: sizes.
            noisy: classes of noisy atoms, charges and bonds.
            clean: classes of clean ones.
            scale: standard deviation of the data's coordinates, angstrom.
        """
        super().__init__()
        self.scale, self.noisy = scale, noisy
        d, edges = config.width, 1 + noisy[2] + 3 + 1
        self.embed_atom = nn.Linear(noisy[0] + noisy[1] + 3 + LEVEL_FEATURES, d)
        self.layers = nn.ModuleList(
            EquivariantLayer(d, edges, config.normalisation, config.reach / config.layers) for _ in range(config.layers)
        )
        self.tags = nn.ModuleList(StereoPull(d) for _ in range(config.layers))
        self.atom_head, self.charge_head = nn.Linear(d, clean[0]), nn.Linear(d, clean[1])
        self.bond_pairs, self.bond_atoms = nn.Linear(d, d), nn.Linear(d, d, bias=False)
        self.bond_head = nn.Linear(d, clean[2])

    def forward(self, noisy: Molecules, levels: Levels, condition: Condition) -> Estimate:
        """Estimate the clean molecule.

        Args:
            noisy: positions x_t / alpha_t in angstrom, noisy classes.
            levels: noise of each field.
            condition: what is known.
        """
        mask, pairs, scale = noisy.mask, noisy.pair_mask, self.scale
        rho = atom_rho(levels, condition)  # (B, N, 1)
        h = self.embed_atom(self._atoms(noisy, levels, condition, rho))  # (B, N, d)
        edges = self._edges(noisy, condition, rho).to(h.dtype)  # (B, N, N, A)
        y = c_skip(rho, scale) * noisy.pos
        size = c_out(rho, scale) * mask.unsqueeze(-1)
        messages = h.new_zeros(())
        for layer, stereo in zip(self.layers, self.tags, strict=True):
            h, pull = stereo(h, y, condition)
            h, move, messages = layer(h, y, edges, pairs)
            y = y + size * (move + pull)
        y = free_centre(y, mask, condition)
        return Estimate(y, self.atom_head(h), self.charge_head(h), self._bonds(h, messages))

    def _atoms(self, noisy: Molecules, levels: Levels, condition: Condition, rho: Tensor) -> Tensor:
        """(B, N, K_atom + K_charge + 3 + F) what each atom is told."""
        level = level_features(levels, rho, self.scale, noisy.sizes).to(noisy.pos)
        return torch.cat([atom_features(noisy, condition, self.noisy), level], -1)

    def _edges(self, noisy: Molecules, condition: Condition, rho: Tensor) -> Tensor:
        """(B, N, N, 1 + K_bond + 4): squared noisy distance over its expectation, noisy bond, cis/trans, known bond."""
        square, _ = difference(noisy.pos)
        # Two atoms may differ in noise (known beside noisy): their distance is scaled by the noisier of the two.
        c = c_in(torch.maximum(rho, rho.transpose(1, 2)), self.scale).unsqueeze(-1)  # (B, N, N, 1)
        return torch.cat([(c.square() * square).to(noisy.pos), pair_features(noisy, condition, self.noisy)], -1)

    def _bonds(self, h: Tensor, messages: Tensor) -> Tensor:
        """(B, N, N, K) logits, symmetric, from the last layer's messages in both directions."""
        atoms = self.bond_atoms(h)
        hidden = self.bond_pairs(messages + messages.transpose(1, 2)) + atoms.unsqueeze(1) + atoms.unsqueeze(2)
        return self.bond_head(nn.functional.silu(hidden))


class EquivariantLayer(nn.Module):
    """One round of EDM: messages and gate, then atoms, then coordinates."""

    def __init__(self, width: int, edges: int, normalisation: float, reach: float):
        """Build the layer.

        Args:
            width: scalars an atom, d.
            edges: features of a pair, A.
            normalisation: divisor of sums over atoms.
            reach: largest weight of one atom on another, times tanh; 0 for no bound.
        """
        super().__init__()
        d, self.normalisation, self.reach = width, normalisation, reach
        self.edge = nn.Sequential(nn.Linear(2 * d + 1 + edges, d), nn.SiLU(), nn.Linear(d, d), nn.SiLU())
        self.gate = nn.Linear(d, 1)
        self.node = nn.Sequential(nn.Linear(2 * d, d), nn.SiLU(), nn.Linear(d, d))
        self.coordinate = nn.Sequential(nn.Linear(2 * d + 1 + edges, d), nn.SiLU(), nn.Linear(d, d), nn.SiLU())
        self.weight = nn.Linear(d, 1, bias=False)
        nn.init.xavier_uniform_(self.weight.weight, gain=0.001)

    def forward(self, h: Tensor, y: Tensor, edges: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One round, with f_ij = [h_i, h_j, d_ij^2, e_ij] and all sums over pairs i, j that are there.

        m_ij = phi_e(f_ij) sigmoid(phi_inf(phi_e(f_ij))), h_i' = h_i + phi_h(h_i, sum_j m_ij / S),
        move_i = sum_j (y_i - y_j) / (d_ij + 1) phi_x(f'_ij) / S, with h' in f'.

        Args:
            h: (B, N, d).
            y: (B, N, 3) angstrom.
            edges: (B, N, N, A).
            pairs: (B, N, N) bool, False on the diagonal.

        Returns:
            h' (B, N, d), move (B, N, 3), messages (B, N, N, d).
        """
        square, towards = difference(y)
        geometry = torch.cat([square.to(h.dtype), edges], -1)  # (B, N, N, 1 + A)
        there = pairs.unsqueeze(-1)
        messages = self.edge(joined(h, geometry))
        messages = messages * torch.sigmoid(self.gate(messages)) * there
        h = h + self.node(torch.cat([h, messages.sum(2) / self.normalisation], -1))
        weight = self.weight(self.coordinate(joined(h, geometry))).to(y.dtype)  # (B, N, N, 1)
        if self.reach:
            weight = torch.tanh(weight) * self.reach
        return h, (towards * weight * there).sum(2) / self.normalisation, messages


class StereoPull(nn.Module):
    """Stereo tags, beside a layer: squashed signed volumes join the scalars, their gradients pull the neighbours."""

    def __init__(self, width: int):
        super().__init__()
        self.scalars, self.gate = nn.Linear(2, width, bias=False), nn.Linear(width, 1)
        nn.init.normal_(self.scalars.weight, std=0.1)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, h: Tensor, y: Tensor, condition: Condition) -> tuple[Tensor, Tensor]:
        """h (B, N, d), y (B, N, 3) angstrom -> h, and the pull (B, N, 3) in units of c_out."""
        tags, pull = volume_features(y, condition.stereo)
        h = h + self.scalars(tags.to(h.dtype))
        return h, pull * self.gate(h).to(y.dtype)


def difference(y: Tensor) -> tuple[Tensor, Tensor]:
    """d_ij^2, (B, N, N, 1), and (y_i - y_j) / (d_ij + 1), (B, N, N, 3), with a finite gradient at d = 0."""
    r = y.unsqueeze(2) - y.unsqueeze(1)
    square = r.square().sum(-1, keepdim=True)
    return square, r / ((square + 1e-8).sqrt() + 1)


def joined(h: Tensor, geometry: Tensor) -> Tensor:
    """[h_i, h_j, geometry_ij]: (B, N, d) and (B, N, N, G) to (B, N, N, 2 d + G)."""
    b, n, d = h.shape
    first, second = h.unsqueeze(2).expand(b, n, n, d), h.unsqueeze(1).expand(b, n, n, d)
    return torch.cat([first, second, geometry], -1)
