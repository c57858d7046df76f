"""The equivariant convolution of `tensor_product`: e3nn's products on torch_geometric's message passing.

Imported when such a network is built: e3nn and torch_geometric take a second or two.
"""

from __future__ import annotations

import torch
from e3nn import o3
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

DEGREES = [0, 1, 2]
"""Degrees l of the spherical harmonics of an edge."""


class Convolution(MessagePassing):
    """x_i' = sum_j w_ij (x_j (x) Y(r_ij)), depthwise ('uvu'): every channel has its own weight for every path.

    Thomas et al., 2018 (Tensor field networks), eq. 3, with the weights of Batzner et al., 2022 (NequIP). A depthwise
    product is what makes l = 2 affordable; the channels mix in the `o3.Linear` that follows.
    """

    def __init__(self, channels: tuple[int, int, int], out: tuple[int, int, int]):
        """Build the convolution.

        Args:
            channels: of scalars, vectors and rank-2 tensors of an atom: C0 x 0e + C1 x 1o + C2 x 2e.
            out: the same of the result.
        """
        super().__init__(aggr="add", node_dim=0)
        harmonics = o3.Irreps.spherical_harmonics(max(DEGREES))
        self.product = depthwise(irreps(channels), harmonics)
        self.mix = o3.Linear(self.product.irreps_out.simplify(), irreps(out))
        self.weight_count = self.product.weight_numel
        for module in self.modules():
            # constants: they follow from the code, and a file of float16 weights would spoil them
            module._non_persistent_buffers_set.update(module._buffers)

    def forward(self, x: Tensor, edges: Tensor, unit: Tensor, weights: Tensor, share: Tensor) -> Tensor:
        """Send, sum and mix.

        Args:
            x: (M, C0 + 3 C1 + 5 C2) features of all atoms, in e3nn's order.
            edges: (2, E) sender and receiver.
            unit: (E, 3) from receiver to sender, of length below 1; shorter for atoms that nearly coincide, so that
                the harmonics, polynomials of it, stay smooth.
            weights: (E, `weight_count`).
            share: (M, 1) factor on the sum.

        Returns:
            (M, D0 + 3 D1 + 5 D2)
        """
        harmonics = o3.spherical_harmonics(DEGREES, unit, normalize=False, normalization="component")
        summed = self.propagate(edges, x=x, harmonics=harmonics, weights=weights, size=(len(x), len(x)))
        return self.mix(summed * share)

    def message(self, x_j: Tensor, harmonics: Tensor, weights: Tensor) -> Tensor:
        """(E, ...) what every sender says."""
        return self.product(x_j, harmonics, weights)

    def _apply(self, fn, recurse: bool = True) -> nn.Module:
        """e3nn's Clebsch-Gordan coefficients, cast from float32, would break rotations at 1e-8 in float64."""
        result = super()._apply(fn, recurse)
        for module in self.modules():
            for name, held in list(module.named_buffers(recurse=False)):
                if name.startswith("_w3j_"):
                    degrees = map(int, name.removeprefix("_w3j_").split("_"))
                    exact = o3.wigner_3j(*degrees, dtype=torch.float64)
                    setattr(module, name, exact.to(held) if held.device.type != "meta" else held)
        return result


def irreps(channels: tuple[int, int, int]) -> o3.Irreps:
    """C0 x 0e + C1 x 1o + C2 x 2e: even scalars and tensors, odd vectors, as positions are."""
    return o3.Irreps(list(zip(channels, ("0e", "1o", "2e"), strict=True)))


def depthwise(first: o3.Irreps, second: o3.Irreps) -> o3.TensorProduct:
    """All paths from ``first`` times ``second`` that lead back into the kinds of ``first``, one weight a channel."""
    results, paths = [], []
    for i, (channels, kind) in enumerate(first):
        for j, (_, other) in enumerate(second):
            for result in kind * other:
                if result in first:
                    paths.append((i, j, len(results)))
                    results.append((channels, result))
    order = o3.Irreps(results).sort()
    instructions = [(i, j, order.p[k], "uvu", True) for i, j, k in paths]
    return o3.TensorProduct(first, second, order.irreps, instructions, shared_weights=False, internal_weights=False)
