"""The optimisers of a run, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn

from molediff.config import UserError


class MuonAdamW(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024; torch's own) on the matrices inside the network, AdamW on everything else.

    Muon's step is orthogonalised, so that every direction of a matrix learns, not only the loud ones; scaled to the
    size of AdamW's step (Liu et al., 2025, eq. 4) it takes AdamW's learning rate.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], others: Iterable[nn.Parameter], lr: float, weight_decay: float
    ):
        """Both parts share the rate and the decay.

        Args:
            matrices: two-dimensional parameters.
            others: the rest.
            lr: learning rate.
            weight_decay: decoupled.
        """
        matrices, others = list(matrices), list(others)
        self.parts: dict[str, torch.optim.Optimizer] = {}
        if matrices:
            self.parts["muon"] = torch.optim.Muon(
                matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
            )
        if others:
            self.parts["adamw"] = torch.optim.AdamW(others, lr=lr, weight_decay=weight_decay, foreach=True)
        super().__init__([{"params": g["params"]} for part in self.parts.values() for g in part.param_groups], {})
        # The groups are the parts' own: a schedule that sets their rate sets it there.
        self.param_groups = [group for part in self.parts.values() for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable | None = None):
        """One step of both; parameters without a gradient stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts.values():
            part.step()
        return loss

    def state_dict(self) -> dict:
        """Of both parts."""
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict) -> None:
        """Of both parts."""
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        self.param_groups = [group for part in self.parts.values() for group in part.param_groups]


def adamw(network: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW on all parameters."""
    return torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=weight_decay, foreach=True)


def muon(network: nn.Module, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Muon on matrices that take more than a handful of inputs to more than a handful of outputs, AdamW on the rest.

    Raises:
        UserError: if this torch has no Muon.
    """
    if not hasattr(torch.optim, "Muon"):
        raise UserError(f"optimizer is 'muon', and torch {torch.__version__} has none; take torch 2.9 or adamw.")
    tables = {id(m.weight) for m in network.modules() if isinstance(m, nn.Embedding)}  # rows, not a map
    inner = [p for p in network.parameters() if p.ndim == 2 and min(p.shape) >= 16 and id(p) not in tables]
    chosen = {id(p) for p in inner}
    return MuonAdamW(inner, [p for p in network.parameters() if id(p) not in chosen], lr, weight_decay)


OPTIMIZERS: dict[str, Callable[[nn.Module, float, float], torch.optim.Optimizer]] = {"adamw": adamw, "muon": muon}
"""(network, learning rate, weight decay) -> optimiser."""
