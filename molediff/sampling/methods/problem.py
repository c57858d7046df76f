"""What a method is given besides the state: it never changes during a run, except for the step before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from molediff.noise import Draws, Process, Times
from molediff.sampling.settings import SamplingConfig
from molediff.structures import Condition, Estimate, Molecules

Denoise = Callable[[Molecules, Times, Condition], Estimate]
"""(noisy state, times, condition) -> estimate of the clean molecule."""


@dataclass(frozen=True)
class Problem:
    """A denoiser and everything it is asked under."""

    denoise: Denoise
    """Estimates the clean molecule; guidance wraps it."""
    process: Process
    """How to corrupt and how to step."""
    condition: Condition
    """What is known."""
    given: Molecules
    """Values of what is known."""
    draws: Callable[[], Draws]
    """The next random numbers."""
    config: SamplingConfig
    """Settings."""


@dataclass(frozen=True)
class Before:
    """The step before, for methods that look back."""

    estimate: Estimate
    """What the network said."""
    times: Times
    """When it said it."""


Method = Callable[[Problem, Molecules, Times, Times, Before | None], tuple[Molecules, Estimate]]
"""(problem, state, at, to, before) -> (state at the earlier time ``to``, the newest estimate on the way)."""
