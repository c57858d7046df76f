"""EDM's layer against the published equations, evaluated by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from molediff.config import UserError, from_dict
from molediff.denoisers import EGNN, EGNNConfig
from molediff.denoisers.egnn import EquivariantLayer, difference

D, A, N, S = 3, 2, 5, 7.0


def silu(x):
    return x / (1 + math.exp(-x))


def dense(linear: nn.Linear, x: list[float]) -> list[float]:
    """W x + b with Python floats."""
    w = linear.weight.tolist()
    b = linear.bias.tolist() if linear.bias is not None else [0.0] * len(w)
    return [sum(wi * xi for wi, xi in zip(row, x, strict=True)) + bi for row, bi in zip(w, b, strict=True)]


def by_hand(layer: EquivariantLayer, h, y, e, size: int, reach: float):
    """Hoogeboom et al., 2022, eq. 12: loops over i and j, no tensors."""
    there = range(size)

    def d2(i, j):
        return sum((a - b) ** 2 for a, b in zip(y[i], y[j], strict=True))

    messages, new, moves = {}, [], []
    for i in there:
        total = [0.0] * D
        for j in there:
            if i == j:
                continue
            hidden = [silu(x) for x in dense(layer.edge[0], [*h[i], *h[j], d2(i, j), *e[i][j]])]
            m = [silu(x) for x in dense(layer.edge[2], hidden)]
            gate = 1 / (1 + math.exp(-dense(layer.gate, m)[0]))
            messages[i, j] = [gate * x for x in m]
            total = [t + x / S for t, x in zip(total, messages[i, j], strict=True)]
        hidden = [silu(x) for x in dense(layer.node[0], [*h[i], *total])]
        new.append([a + b for a, b in zip(h[i], dense(layer.node[2], hidden), strict=True)])
    for i in there:
        move = [0.0, 0.0, 0.0]
        for j in there:
            if i == j:
                continue
            hidden = [silu(x) for x in dense(layer.coordinate[0], [*new[i], *new[j], d2(i, j), *e[i][j]])]
            hidden = [silu(x) for x in dense(layer.coordinate[2], hidden)]
            weight = dense(layer.weight, hidden)[0]
            weight = reach * math.tanh(weight) if reach else weight
            length = math.sqrt(d2(i, j) + 1e-8) + 1
            move = [m + (a - b) / length * weight / S for m, a, b in zip(move, y[i], y[j], strict=True)]
        moves.append(move)
    return new, moves, messages


@pytest.mark.parametrize("reach", [0.0, 1.5])
def test_layer_equals_explicit_loops(reach):
    g = torch.Generator().manual_seed(3)
    layer = EquivariantLayer(D, A, S, reach).double()
    for p in layer.parameters():
        p.data = torch.randn(p.shape, generator=g, dtype=torch.float64)
    size = N - 1  # the last atom is padding
    h = torch.randn(1, N, D, generator=g, dtype=torch.float64)
    y = torch.randn(1, N, 3, generator=g, dtype=torch.float64)
    e = torch.randn(1, N, N, A, generator=g, dtype=torch.float64)
    there = torch.arange(N) < size
    pairs = (there[:, None] & there & ~torch.eye(N, dtype=torch.bool))[None]

    new, move, messages = layer(h, y, e, pairs)
    want_h, want_move, want_m = by_hand(layer, h[0].tolist(), y[0].tolist(), e[0].tolist(), size, reach)

    exact = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(new[0, :size], torch.tensor(want_h, dtype=torch.float64), **exact)
    torch.testing.assert_close(move[0, :size], torch.tensor(want_move, dtype=torch.float64), **exact)
    for (i, j), m in want_m.items():
        torch.testing.assert_close(messages[0, i, j], torch.tensor(m, dtype=torch.float64), **exact)
    assert move[0, :size].norm() > 0.1
    assert (messages[0, :, size] == 0).all()
    assert (move[0, size] == 0).all()


def test_moves_are_bounded_by_reach():
    """|weight| < reach and |(y_i - y_j) / (d + 1)| < 1: no atom moves further than reach times the others."""
    layer = EquivariantLayer(D, A, 1.0, 0.5).double()
    layer.weight.weight.data.fill_(1e3)
    y = 50 * torch.randn(1, N, 3, dtype=torch.float64)
    pairs = ~torch.eye(N, dtype=torch.bool)[None]
    _, move, _ = layer(torch.ones(1, N, D, dtype=torch.float64), y, torch.zeros(1, N, N, A, dtype=torch.float64), pairs)
    assert move.norm(dim=-1).max() <= 0.5 * (N - 1)


def test_coinciding_atoms_have_finite_gradients():
    y = torch.zeros(1, 3, 3, dtype=torch.float64, requires_grad=True)
    square, towards = difference(y)
    (square.sum() + towards.sum()).backward()
    assert torch.isfinite(y.grad).all()


def test_config_reads_plain_values_and_edm_size():
    """Whole numbers pass for floats, as in a YAML file; EDM's QM9 network (9 layers, 256) has its 5.3 M parameters."""
    config = from_dict(EGNNConfig, {"layers": 9, "width": 256, "reach": 15})
    network = EGNN(config, (5, 3, 4), (5, 3, 4), 1.7)
    assert 5.2e6 < sum(p.numel() for layer in network.layers for p in layer.parameters()) < 5.5e6
    with pytest.raises(UserError, match="Did you mean 'width'"):
        from_dict(EGNNConfig, {"widht": 3})
