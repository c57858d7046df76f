"""Means between two lines of the log."""

from __future__ import annotations

import torch
from torch import Tensor


class Tally:
    """Sums of losses since the last line. They travel in the checkpoint, so that a resumed line is the same line."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, values: dict[str, Tensor]) -> None:
        """Add the values of one step; nothing is moved off the device."""
        for name, value in values.items():
            value = value.detach().float()
            self.sums[name] = self.sums[name].to(value.device) + value if name in self.sums else value.clone()
        self.count += 1

    def means(self) -> dict[str, float]:
        """Means since the last call, which starts anew. Empty when every step was skipped."""
        out = {name: (value / self.count).item() for name, value in self.sums.items()}
        self.sums, self.count = {}, 0
        return out

    def state_dict(self) -> dict:
        """For the checkpoint."""
        return {"sums": {name: torch.as_tensor(value).cpu() for name, value in self.sums.items()}, "count": self.count}

    def load_state_dict(self, state: dict) -> None:
        """From the checkpoint."""
        self.sums, self.count = dict(state["sums"]), state["count"]
