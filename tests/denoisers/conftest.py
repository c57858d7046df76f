"""Small networks with random weights everywhere, and worlds that hold every kind of input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from molediff.denoisers import DENOISERS
from molediff.geometry import centre
from molediff.structures import Condition, Known, Levels, Molecules, Stereo

NOISY, CLEAN, SCALE = (6, 4, 5), (5, 3, 4), 1.7
SMALL = {
    "attention": {"layers": 2, "width": 16, "vectors": 8, "pair": 8, "hidden": 16, "heads": 4, "expand": 2, "walks": 5},
    "egnn": {"layers": 2, "width": 16},
    "tensor_product": {"layers": 2, "width": 16, "scalars": 8, "vectors": 8, "tensors": 4, "hidden": 16, "radius": 3.0},
}


@dataclass(frozen=True)
class World:
    """Everything a network is given."""

    noisy: Molecules
    levels: Levels
    condition: Condition

    def with_pos(self, pos: Tensor) -> World:
        return replace(self, noisy=self.noisy.replace(pos=pos))

    def with_stereo(self, stereo: Stereo) -> World:
        return replace(self, condition=replace(self.condition, stereo=stereo))

    def with_known(self, known: Known) -> World:
        return replace(self, condition=replace(self.condition, known=known))


def _symmetric(x: Tensor) -> Tensor:
    """The upper triangle, mirrored; the diagonal is zero."""
    upper = x.triu(1)
    return upper + upper.transpose(1, 2)


def _centres(sizes: Sequence[int], n: int, generator: torch.Generator) -> Tensor:
    """Tags on the first atoms of every molecule of five or more; the last of them has an implicit hydrogen."""
    centre = torch.full((len(sizes), n, 4), -1)
    for b, size in enumerate(sizes):
        for atom in range(size // 3 if size >= 5 else 0):
            others = [i for i in torch.randperm(size, generator=generator).tolist() if i != atom][:4]
            centre[b, atom] = torch.tensor(others if atom else [*others[:3], atom])
    return centre


def build_world(sizes: Sequence[int], given: str = "nothing", seed: int = 0, rho: float = 1.5) -> World:
    """A random noisy batch in float64, centred.

    Args:
        sizes: atoms of each molecule.
        given: 'nothing', 'graph', 'fragment' (the first half of the atoms with positions), 'all' (also positions).
        seed: of everything random.
        rho: noise of positions of the first molecule, angstrom; the others differ from it.
    """
    g = torch.Generator().manual_seed(seed)
    b, n = len(sizes), max(sizes)
    mask = torch.arange(n) < torch.tensor(list(sizes))[:, None]
    pair_mask = mask[:, None] & mask[:, :, None] & ~torch.eye(n, dtype=torch.bool)
    molecules = Molecules(
        pos=centre(2 * torch.randn(b, n, 3, generator=g, dtype=torch.float64), mask),
        atom=torch.randint(NOISY[0], (b, n), generator=g) * mask,
        charge=torch.randint(NOISY[1], (b, n), generator=g) * mask,
        bond=_symmetric(torch.randint(NOISY[2], (b, n, n), generator=g)) * pair_mask,
        mask=mask,
    )
    cistrans = _symmetric(torch.randint(3, (b, n, n), generator=g)) * pair_mask
    first = (torch.arange(n) < (torch.tensor(list(sizes))[:, None] + 1) // 2) & mask
    fragment = Known(first, first, first, first[:, None] & first[:, :, None] & pair_mask)
    known = {
        "nothing": Known.nothing(molecules),
        "graph": Known.graph(molecules),
        "fragment": fragment,
        "all": replace(Known.graph(molecules), pos=mask),
    }[given]
    levels = Levels(
        rho * torch.linspace(1, 2, b, dtype=torch.float64),
        *torch.rand(3, b, generator=g, dtype=torch.float64).unbind(0),
    )
    return World(molecules, levels, Condition(known, Stereo(_centres(sizes, n, g), cistrans)))


def randomise(network: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """All weights normal and none zero, so that no path through the network is silent."""
    g = torch.Generator().manual_seed(seed)
    for p in network.parameters():
        fan_in = p.shape[-1] if p.dim() > 1 else 4
        p.data = torch.randn(p.shape, generator=g, dtype=torch.float64) / fan_in**0.5
    return network.double().eval().requires_grad_(False)


def build_network(name: str, seed: int = 0) -> torch.nn.Module:
    """A small network of the catalogue; one without an entry in SMALL is tested at its full size."""
    network, settings = DENOISERS[name]
    return randomise(network(settings(**SMALL.get(name, {})), NOISY, CLEAN, SCALE), seed)


@pytest.fixture(scope="session")
def world() -> Callable[..., World]:
    return build_world


@pytest.fixture(scope="session", params=list(DENOISERS))
def network(request) -> torch.nn.Module:
    """Each network of the catalogue in turn."""
    return build_network(request.param)


@pytest.fixture(scope="session")
def networks() -> dict[str, torch.nn.Module]:
    """All of them."""
    return {name: build_network(name) for name in DENOISERS}
