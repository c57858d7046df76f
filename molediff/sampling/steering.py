"""Steering by resampling: of a group of molecules those that promise more go on twice, and others not at all.

Feynman-Kac steering (Singhal et al., 2025, arXiv 2501.06848, section 3, with potentials of differences), all particles
kept: at some steps the clean molecule that each is on its way to is looked at, and the group is drawn anew with weights
exp(strength reward), less those of the look before. Over all looks the weights of a molecule multiply to
exp(strength reward): molecules of the model, tilted towards the reward. Needs no gradient of it, and the network is
asked no more often. Copies part again by the noise that the sampler adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from molediff.config import UserError
from molediff.noise import Process
from molediff.sampling.guidance import informed
from molediff.sampling.loop import Resample, time_grid
from molediff.sampling.settings import SamplingConfig
from molediff.structures import Estimate, Known, Molecules

Reward = Callable[[Molecules], Tensor]
"""Clean molecules -> (B,) float64, the higher the better, NaN for what is no molecule (yet)."""


@dataclass(frozen=True)
class SteeringConfig:
    """How a group is chosen from."""

    group: int = 16
    """Molecules that are drawn among each other, about; they have one size. More steer farther, and are more alike."""
    strength: float = 30.0
    """Logarithm of the weight that a unit of reward gives, where there is no noise."""
    ramp: float = 1.0
    """Power of (1 - noise / ``high``) with which the strength grows; 0 for the same at all looks."""
    every: int = 2
    """Steps from look to look."""
    high: float = 1.0
    """Largest sigma / alpha with a look, in units of the coordinate scale."""
    low: float = 0.03
    """Smallest: copies that are made later stay copies."""

    def check(self) -> None:
        """Raise a UserError for settings that cannot be."""
        for name in ("group", "every"):
            if getattr(self, name) < 1:
                raise UserError(f"The steering setting '{name}' must be at least 1, got {getattr(self, name)}.")
        for name in ("strength", "ramp", "high", "low"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(
                    f"The steering setting '{name}' must be 0 or more and finite, got {getattr(self, name)}."
                )


def groups(n: int, config: SteeringConfig) -> list[list[int]]:
    """The numbers from 0 to n - 1 in groups of about ``config.group``, as equal as can be."""
    count = max(1, round(n / config.group))
    edges = [k * n // count for k in range(count + 1)]
    return [list(range(a, b)) for a, b in pairwise(edges)]


def looks(config: SteeringConfig, process: Process, sampling: SamplingConfig) -> dict[int, float]:
    """Step after which a group is drawn anew -> logarithm of the weight that a unit of reward gives there.

    It grows as the noise falls: what is seen early says little of the molecule to come.
    """
    rho = process.schedule.rho(time_grid(process, sampling)[1:])  # after each step
    inside = [(k, r) for k, r in enumerate(rho.tolist()) if config.low < r <= config.high]
    return {k: config.strength * (1 - r / config.high) ** config.ramp for k, r in inside[:: config.every]}


def resampling(
    strengths: Mapping[int, float],
    reward: Reward,
    known: Known,
    members: Sequence[Sequence[int]],
    generators: Sequence[torch.Generator],
) -> Resample:
    """Which molecules of each group go on, for `molediff.sampling.sample`.

    What is no molecule yet counts as at its last look, or as the mean of its group. A group is drawn anew once its
    weights are worth fewer than half of its molecules.

    Args:
        strengths: step with a look -> logarithm of the weight that a unit of reward gives, see `looks`.
        reward: of molecules.
        known: of the batch.
        members: rows of each group; together all rows of the batch.
        generators: one a group.
    """
    b = len(known.pos)
    seen, since = torch.full((b,), float("nan"), dtype=torch.float64), torch.zeros(b, dtype=torch.float64)

    def resample(step: int, state: Molecules, estimate: Estimate) -> Tensor | None:
        if step not in strengths:
            return None
        found = reward(likeliest(estimate, state, known)).cpu().double()
        out = torch.arange(b)
        for rows, generator in zip(map(torch.as_tensor, members), generators, strict=True):
            now = torch.where(found[rows].isnan(), seen[rows], found[rows])
            seen[rows] = now
            weight = strengths[step] * torch.where(now.isnan(), now.nanmean(), now).nan_to_num()
            share = (weight - since[rows]).softmax(0)
            u = torch.rand((), generator=generator, dtype=torch.float64)
            if 1 / share.square().sum() < len(rows) / 2:
                chosen = systematic(share, u)
                since[rows], seen[rows], out[rows] = weight[chosen], seen[rows][chosen], rows[chosen]
        return out.to(state.mask.device)

    return resample


def systematic(share: Tensor, u: Tensor) -> Tensor:
    """(P,) ancestors, sorted: with weights w each of P molecules has P w descendants, rounded up or down.

    Args:
        share: (P,) weights, adding up to 1.
        u: (), uniform in [0, 1).
    """
    p = len(share)
    at = (torch.arange(p, dtype=share.dtype) + u) / p
    return torch.searchsorted(share.cumsum(0), at, right=True).clamp(max=p - 1)


def likeliest(estimate: Estimate, noisy: Molecules, known: Known) -> Molecules:
    """The molecules that an estimate says are most likely, with what is known."""
    seen = informed(estimate, noisy, known)
    return noisy.replace(
        pos=seen.pos,
        atom=seen.atom.argmax(-1) * noisy.mask,
        charge=seen.charge.argmax(-1) * noisy.mask,
        bond=seen.bond.argmax(-1) * noisy.pair_mask,
    )
