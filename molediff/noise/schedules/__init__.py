"""Noise schedules: t -> (alpha, sigma), t = 0 data, t = 1 noise, sigma in units of the coordinate scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from molediff.noise.schedules import cosine, exploding, straight


@dataclass(frozen=True)
class NoiseSchedule:
    """A schedule is two functions and a name; no solver knows more of it."""

    name: str
    """Name in the catalogue."""
    alpha_sigma: Callable[[Tensor], tuple[Tensor, Tensor]]
    """t -> (alpha, sigma), elementwise."""
    time_of: Callable[[Tensor], Tensor]
    """sigma / alpha -> t, elementwise; the inverse."""

    def rho(self, t: Tensor) -> Tensor:
        """sigma / alpha at t, in units of the coordinate scale."""
        alpha, sigma = self.alpha_sigma(t)
        return sigma / alpha


SCHEDULES = {m.NAME: NoiseSchedule(m.NAME, m.alpha_sigma, m.time_of) for m in (cosine, straight, exploding)}
"""Every schedule by name."""

Cosine, Straight, Exploding = (SCHEDULES[name] for name in ("cosine", "straight", "exploding"))
