"""Random numbers as data: a process is a pure function of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NOISE = 0
"""Stream of the noise of a generated molecule: its start and all its steps."""
SIZES = 1
"""Stream that draws how many atoms a generated molecule has."""
TRAINING = 2
"""First stream of times and noise in training, where the step stands for the molecule; the rank is added."""
HYDROGENS = 3
"""Stream that draws how many hydrogens a molecule with known atoms (grown, linked, retyped) has."""
USUAL_HYDROGENS = 4
"""Stream that averages hydrogens for the usual sizes; of seed 0 and molecule 0, so the same in every run."""
STEERING = 5
"""Stream that draws which particles of a molecule go on."""
TASKS = 1 << 20
"""First stream that draws the tasks of a step of training, such as its fragments; the rank is added."""
DROPS = 2 << 20
"""First stream that leaves pockets out in training; the rank is added."""
RECALLS = 3 << 20
"""First stream that says when the network hears in training what it said; the rank is added."""


@dataclass(frozen=True)
class Draws:
    """What one corruption or one step needs."""

    pos: Tensor
    """(B, N, 3) standard normal."""
    atom: Tensor
    """(B, N) uniform in [0, 1)."""
    charge: Tensor
    """(B, N) uniform in [0, 1)."""
    bond: Tensor
    """(B, N, N) uniform in [0, 1), symmetric."""


def batch_draws(b: int, n: int, generator: torch.Generator | None = None, device="cpu", dtype=torch.float32) -> Draws:
    """Draws for a whole batch from one generator (training)."""
    options = {"generator": generator, "device": device, "dtype": dtype}
    return Draws(
        torch.randn(b, n, 3, **options),
        torch.rand(b, n, **options),
        torch.rand(b, n, **options),
        _symmetric(torch.rand(b, n, n, **options)),
    )


class MoleculeNoise:
    """Random numbers that depend on (seed, index of the molecule) alone: not on batch, padding or neighbours."""

    def __init__(self, seed: int, indices: Sequence[int], sizes: Sequence[int], device="cpu", dtype=torch.float32):
        """One stream for each molecule.

        Args:
            seed: of the run.
            indices: of the molecules in the run.
            sizes: atoms of each molecule.
        """
        self.generators = [molecule_generator(seed, i) for i in indices]
        self.sizes = list(sizes)
        self.device, self.dtype = device, dtype

    def next(self) -> Draws:
        """The next draws of every molecule, (B, N = largest size); zero at padding."""
        b, n = len(self.sizes), max(self.sizes)
        pos, flat = torch.zeros(b, n, 3, dtype=self.dtype), torch.zeros(2, b, n, dtype=self.dtype)
        bond = torch.zeros(b, n, n, dtype=self.dtype)
        for k, (generator, m) in enumerate(zip(self.generators, self.sizes, strict=True)):
            pos[k, :m] = torch.randn(m, 3, generator=generator, dtype=self.dtype)
            uniform = torch.rand(2 * m + m * m, generator=generator, dtype=self.dtype)
            flat[:, k, :m] = uniform[: 2 * m].view(2, m)
            bond[k, :m, :m] = uniform[2 * m :].view(m, m)
        pos, flat, bond = pos.to(self.device), flat.to(self.device), bond.to(self.device)
        return Draws(pos, flat[0], flat[1], _symmetric(bond))


def molecule_generator(seed: int, index: int, stream: int = NOISE) -> torch.Generator:
    """A generator for molecule ``index`` of run ``seed``.

    The three numbers are mixed by splitmix64 steps (Steele et al., 2014), so that neighbouring seeds do not correlate.

    Args:
        seed: of the run.
        index: of the molecule in the run; in training, the step.
        stream: what is drawn, one of the constants of this file: uses with different streams are independent.
    """
    state = 0
    for word in (seed, index, stream):
        state = _splitmix64(state ^ (word & 0xFFFFFFFFFFFFFFFF))
    return torch.Generator().manual_seed(state >> 1)


def _splitmix64(x: int) -> int:
    mask = 0xFFFFFFFFFFFFFFFF
    x = (x + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


def _symmetric(x: Tensor) -> Tensor:
    """Mirror the upper triangle."""
    upper = x.triu(1)
    return upper + upper.transpose(1, 2)
