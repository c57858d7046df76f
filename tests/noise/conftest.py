"""A clean batch in float64 that holds every class, and what may be known of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from molediff.geometry import centre
from molediff.noise import SCHEDULES, Process, ProcessConfig
from molediff.noise.categorical import BASES
from molediff.structures import Condition, Known, Molecules, Stereo

SIZES = (6, 3, 9, 1)
CLASSES = (5, 3, 4)


def _symmetric(x: Tensor) -> Tensor:
    upper = x.triu(1)
    return upper + upper.transpose(1, 2)


def build_molecules(sizes: Sequence[int] = SIZES, seed: int = 0, classes: Sequence[int] = CLASSES) -> Molecules:
    """Random clean molecules, centred, float64."""
    g = torch.Generator().manual_seed(seed)
    b, n = len(sizes), max(sizes)
    mask = torch.arange(n) < torch.tensor(list(sizes))[:, None]
    pairs = mask[:, None] & mask[:, :, None] & ~torch.eye(n, dtype=torch.bool)
    return Molecules(
        pos=centre(1.7 * torch.randn(b, n, 3, generator=g, dtype=torch.float64), mask),
        atom=torch.randint(classes[0], (b, n), generator=g) * mask,
        charge=torch.randint(classes[1], (b, n), generator=g) * mask,
        bond=_symmetric(torch.randint(classes[2], (b, n, n), generator=g)) * pairs,
        mask=mask,
    )


def build_condition(x: Molecules, given: str) -> Condition:
    """'nothing', 'graph', or 'fragment': the first half of each molecule with its positions."""
    first = (torch.arange(x.mask.shape[1]) < (x.sizes[:, None] + 1) // 2) & x.mask
    known = {
        "nothing": Known.nothing(x),
        "graph": Known.graph(x),
        "fragment": Known(first, first, first, first[:, None] & first[:, :, None] & x.pair_mask),
    }[given]
    return Condition(known, Stereo.unspecified(x))


@pytest.fixture(scope="session")
def molecules() -> Callable[..., Molecules]:
    return build_molecules


@pytest.fixture(scope="session")
def condition() -> Callable[[Molecules, str], Condition]:
    return build_condition


@pytest.fixture(scope="session", params=[(s, b) for s in SCHEDULES for b in BASES], ids=lambda p: "-".join(p))
def process(request) -> Process:
    """Each schedule with each base; the bases sum to 1 in float64."""
    schedule, base = request.param
    built = Process.build(ProcessConfig(schedule=schedule, base=base), CLASSES)
    exact = {f"{k}_base": getattr(built, f"{k}_base").double() for k in ("atom", "charge", "bond")}
    return replace(built, **{name: b / b.sum() for name, b in exact.items()})
