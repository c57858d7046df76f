"""Basin hopping of many chains at once (the iterated local search of Trott & Olson, 2010, on a batch).

Each round changes one thing in every chain (place, orientation or one torsion), relaxes all, and keeps or drops the
change by Metropolis' rule. Chains live on islands; from time to time those of an island that have found least start
again from what others there have found. All minima worth keeping are collected, apart from one another.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from molediff.config import UserError
from molediff.docking.apart import greedy
from molediff.docking.torch_vina.landscape import MapEnergy
from molediff.docking.torch_vina.minimise import evaluate, minimise
from molediff.docking.torch_vina.torsions import Placement, Torsions, quaternion_rotation, rotation


@dataclass(frozen=True)
class SearchSettings:
    """How hard to look."""

    chains: int = 24
    """Chains of an island, of which there is one for each unit of exhaustiveness. In the first half of the rounds
    islands do not learn from one another, so that not all end in the first good place found."""
    rounds: float = 6.0
    """Rounds for each degree of freedom (6 + torsions), besides 8."""
    evaluations: int = 20
    """Of each relaxation."""
    scouts: int = 8
    """Random starts for each chain, of which the best are kept."""
    temperature: float = 1.2
    """Of Metropolis' rule, kcal/mol."""
    reseed: int = 4
    """Rounds between restarts of the worst third of the chains."""
    soft: float = 10.0
    """Most an atom or pair counts while scouting, kcal/mol, so that starts can pass through walls."""
    pool: int = 64
    """Minima kept."""
    apart: float = 0.7
    """Minima closer than this RMSD are one, angstrom."""

    def __post_init__(self):
        if min(self.chains, self.evaluations, self.scouts, self.reseed, self.pool) < 1:
            raise UserError("chains, evaluations, scouts, reseed and pool of a search must be at least 1.")


@dataclass
class Pool:
    """Minima found so far, best first."""

    at: Placement
    energy: Tensor
    """(K,) kcal/mol"""
    pos: Tensor
    """(K, 3 H) angstrom"""

    def add(self, at: Placement, energy: Tensor, pos: Tensor, size: int, apart: float) -> Pool:
        """With more minima; of two nearer than ``apart`` the better stays."""
        at, energy, pos = (
            Placement.cat([self.at, at]), torch.cat([self.energy, energy]), torch.cat([self.pos, pos])
        )  # fmt: skip
        kept = spread(energy, pos, size, apart)
        return Pool(at[kept], energy[kept], pos[kept])


def spread(energy: Tensor, pos: Tensor, size: int, apart: float) -> Tensor:
    """Rows of the best minima at least ``apart`` from each better one kept, best first.

    Args:
        energy: (K,).
        pos: (K, 3 H) angstrom.
        size: at most so many.
        apart: RMSD, angstrom, symmetry not considered.

    Returns:
        (<= size,) long.
    """
    order = energy.argsort()
    sorted_pos, least = pos[order], apart * math.sqrt(pos.shape[1] / 3)

    def near(rows: slice) -> list[list[bool]]:
        some, before = sorted_pos[rows], sorted_pos[: rows.stop]
        return (torch.cdist(some, before, compute_mode="donot_use_mm_for_euclid_dist") < least).tolist()

    return order[greedy(len(order), size, near, block=4 * size)]


@dataclass
class Search:
    """One conformer in one pocket."""

    torsions: Torsions
    """Of the heavy atoms."""
    energy: MapEnergy
    low: Tensor
    """(3,) corner of the box."""
    high: Tensor
    generator: torch.Generator
    """On the CPU, whatever the device."""
    settings: SearchSettings

    def uniform(self, *shape: int) -> Tensor:
        """In [0, 1), float32."""
        return torch.rand(*shape, generator=self.generator).to(self.low.device)

    def random(self, count: int) -> Placement:
        """Starts anywhere in the box."""
        place = self.low + (self.high - self.low) * self.uniform(count, 3)
        quaternion = torch.randn(count, 4, generator=self.generator).to(place)
        angles = (2 * self.uniform(count, len(self.torsions)) - 1) * math.pi
        return Placement(place, quaternion_rotation(quaternion), angles)

    def scout(self, chains: int) -> tuple[Placement, Tensor]:
        """The best of many random starts, relaxed a little in soft walls."""
        found = []
        for _ in range(self.settings.scouts):
            at = self.random(2 * chains)
            e, _ = evaluate(at, self.torsions, lambda x: self.energy(x, self.settings.soft))
            at = at[e.argsort()[:chains]]
            found.append(minimise(at, self.torsions, lambda x: self.energy(x, self.settings.soft), 6))
        at, e = Placement.cat([f[0] for f in found]), torch.cat([f[1] for f in found])
        best = e.argsort()[:chains]
        dealt = best[torch.randperm(chains, generator=self.generator).to(best.device)]
        return minimise(at[dealt], self.torsions, self.energy, self.settings.evaluations)

    def mutated(self, at: Placement) -> Placement:
        """One thing changed in every pose: place by up to 2 A, orientation by about 2 A at the rim, or one torsion."""
        p, t = at.angles.shape
        what = (self.uniform(p) * (2 + t)).long()
        ball = torch.randn(p, 3, generator=self.generator).to(at.place)
        ball = ball / ball.norm(dim=-1, keepdim=True) * self.uniform(p, 1) ** (1 / 3)
        centred = self.torsions.design.unflatten(1, (-1, 4))[..., :3].sum(1)
        rim = centred.pow(2).sum(-1).mean().sqrt().clamp(min=1)
        place = torch.where((what == 0)[:, None], at.place + 2 * ball, at.place)
        turn = torch.where((what == 1)[:, None, None], rotation(ball * 2 / rim) @ at.turn, at.turn)
        angles = at.angles.clone()
        rows = (what > 1).nonzero()[:, 0]
        angles[rows, what[rows] - 2] = (2 * self.uniform(p)[rows] - 1) * math.pi
        return Placement(place, turn, angles)

    def run(self, chains: int, deadline: float) -> Pool:
        """Search.

        Args:
            chains: at once, a multiple of ``settings.chains``.
            deadline: `time.process_time()` at which to stop and keep what is there.
        """
        s = self.settings
        at, e = self.scout(chains)
        best, low = at, e
        pool = self._collected(None, at, e)
        rounds = round(8 + s.rounds * (6 + len(self.torsions)))
        for k in range(1, rounds + 1):
            if time.process_time() > deadline:
                break
            new, e_new = minimise(self.mutated(at), self.torsions, self.energy, s.evaluations)
            taken = self.uniform(len(e)) < torch.exp((e - e_new).clamp(max=0) / s.temperature)
            at, e = new.where(taken, at), torch.where(taken, e_new, e)
            pool = self._collected(pool, new, e_new)
            best, low = new.where(e_new < low, best), torch.minimum(e_new, low)
            if k % s.reseed == 0 and k < rounds:
                at, e = self._reseeded(best, low, at, e, s.chains if k < rounds / 2 else chains)
        return pool

    def _collected(self, pool: Pool | None, at: Placement, e: Tensor) -> Pool:
        """Minima that could enter the pool, put into it."""
        s = self.settings
        if pool is not None and len(pool.energy) == s.pool:
            good = e < pool.energy[-1]
            at, e = at[good], e[good]
        pos = self.torsions.atoms(self.torsions.frames(at)).flatten(1)
        empty = Pool(at[:0], e[:0], pos[:0])
        return (pool or empty).add(at, e, pos, s.pool, s.apart)

    def _reseeded(self, best: Placement, low: Tensor, at: Placement, e: Tensor, group: int):
        """The worst third of each ``group`` of chains moved to the best that others of the group have found."""
        found = low.unflatten(0, (-1, group))  # (islands, group)
        first = torch.arange(len(found), device=low.device)[:, None] * group
        worst = (found.argsort(1, descending=True)[:, : group // 3] + first).flatten()
        weight = torch.softmax(-found.double() / (2 * self.settings.temperature), 1).cpu()
        pick = torch.multinomial(weight, max(1, group // 3), replacement=True, generator=self.generator)
        source = torch.arange(len(e), device=e.device)
        source[worst] = (pick.to(low.device) + first).flatten()[: len(worst)]
        moved = torch.zeros(len(e), dtype=torch.bool, device=e.device)
        moved[worst] = True
        return best[source].where(moved, at), torch.where(moved, low[source], e)
