"""A batch in pieces, for when it does not fit into memory whole."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from molediff.config import UserError

Losses = Callable[..., dict[str, Tensor]]
"""(clean, condition, times, draws) -> means over the molecules of the batch."""


def rows(numbers, part: slice):
    """Some molecules of a dataclass of tensors (B, ...), or of a dataclass of such."""
    if numbers is None:
        return None
    if isinstance(numbers, Tensor):
        return numbers[part]
    return type(numbers)(**{f.name: rows(getattr(numbers, f.name), part) for f in dataclasses.fields(numbers)})


def piecewise(losses: Losses, inputs: tuple, pieces: int) -> dict[str, Tensor]:
    """The losses of a batch, with the memory of one piece at a time.

    Every piece is computed once more in the backward pass, instead of keeping what it needs there (Chen et al., 2016);
    the result is that of the whole batch up to rounding.

    Args:
        losses: of a batch; means over its molecules.
        inputs: its arguments, the first with a length.
        pieces: how many; 1 is the plain call.
    """
    b = len(inputs[0])
    pieces = min(pieces, b)
    if pieces <= 1:
        return losses(*inputs)
    edges = [b * k // pieces for k in range(pieces + 1)]
    total: dict[str, Tensor] = {}
    for begin, end in itertools.pairwise(edges):
        part = tuple(rows(x, slice(begin, end)) for x in inputs)
        found = checkpoint(losses, *part, use_reentrant=False, preserve_rng_state=False)
        for name, value in found.items():
            value = value * ((end - begin) / b)
            total[name] = total[name] + value if name in total else value
    return total


def halved(pieces: int, molecules: int) -> int:
    """Twice the pieces.

    Raises:
        UserError: when a piece is already a single molecule.
    """
    if pieces >= molecules:
        raise UserError(
            "Out of memory with one molecule at a time. Take a smaller network, "
            "precision: bf16-mixed, or a larger device."
        )
    return min(2 * pieces, molecules)


def free_memory() -> None:
    """Give cached memory back before trying again."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
