"""Exponential moving average of weights with a warm-up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Averages of a module's parameters, decay min(decay, (1 + step) / (10 + step))."""

    def __init__(self, module: nn.Module, decay: float):
        self.decay = decay
        self.values = {name: p.detach().clone() for name, p in module.named_parameters()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the current weights.

        Args:
            module: the one given at the start.
            step: steps done so far.
        """
        decay = min(self.decay, (1 + step) / (10 + step))
        now = [p.detach() for p in module.parameters()]
        torch._foreach_lerp_(list(self.values.values()), now, 1 - decay)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by parameter name."""
        return self.values

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take averages over from a checkpoint."""
        for name, value in self.values.items():
            value.copy_(state[name])

    def to(self, device) -> None:
        """Move the averages."""
        self.values = {name: value.to(device) for name, value in self.values.items()}

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[nn.Module]:
        """The module with averaged weights, for the length of a with block."""
        parameters = dict(module.named_parameters())
        kept = {name: p.detach().clone() for name, p in parameters.items()}
        with torch.no_grad():
            for name, p in parameters.items():
                p.copy_(self.values[name])
        try:
            yield module
        finally:
            with torch.no_grad():
                for name, p in parameters.items():
                    p.copy_(kept[name])
