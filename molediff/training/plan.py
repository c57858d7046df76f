"""When a run ends: warm-up, constant rate, and a decay that can be begun at any time."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The learning rate over a run, in steps of the optimiser."""

    warmup_steps: int
    """Steps over which the rate rises."""
    finish_at: int
    """The step at which the decay begins."""
    finish_steps: int
    """Steps of the decay."""
    asked: bool = False
    """Whether --finish set ``finish_at``."""

    @property
    def end(self) -> int:
        """The step after which the run is complete."""
        return self.finish_at + self.finish_steps

    def rate(self, step: int) -> float:
        """Factor on the learning rate: warm-up, constant, then half a cosine down to 1 %."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        share = min(1.0, max(0, step - self.finish_at) / max(1, self.finish_steps))
        return 0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2

    def resumed(self, step: int, saved: dict, finish: bool) -> Plan:
        """The plan from a checkpoint on.

        A decay that has begun keeps its end, whatever the config now says: the rate must not jump. Before it, the
        config's (perhaps changed) number of steps holds.

        Args:
            step: of the checkpoint.
            saved: what the checkpoint says: ``finish_at``, perhaps ``finish_steps`` and ``asked``.
            finish: begin the decay now.
        """
        if saved.get("asked", False) or step > saved["finish_at"]:
            steps = saved.get("finish_steps", self.finish_steps)
            asked = saved.get("asked", False)
            return dataclasses.replace(self, finish_at=saved["finish_at"], finish_steps=steps, asked=asked)
        if finish:
            return dataclasses.replace(self, finish_at=max(step, self.warmup_steps), asked=True)
        return dataclasses.replace(self, finish_at=max(self.finish_at, step))

    def state(self) -> dict:
        """For the checkpoint."""
        return {"finish_at": self.finish_at, "finish_steps": self.finish_steps, "asked": self.asked}
