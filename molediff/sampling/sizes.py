"""How many atoms the molecules to be made have."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from molediff.config import UserError
from molediff.noise import molecule_generator


def draw_sizes(counts: dict[int, int], seed: int, indices: Sequence[int]) -> list[int]:
    """Sizes from a histogram; molecule i's depends on (seed, i) alone.

    Args:
        counts: atoms -> weight.
        seed: of the run.
        indices: of the molecules.

    Raises:
        UserError: for an empty histogram.
    """
    if not counts:
        raise UserError("This model holds no sizes of molecules. Say how many atoms: --atoms 12-20.")
    sizes = sorted(counts)
    edges = torch.tensor([counts[n] for n in sizes], dtype=torch.float64).cumsum(0)
    drawn = []
    for i in indices:
        u = torch.rand(1, dtype=torch.float64, generator=molecule_generator(seed, i, stream=1))
        drawn.append(sizes[int(torch.searchsorted(edges, u * edges[-1], right=True).clamp(max=len(sizes) - 1))])
    return drawn


def parse_atoms(text: str, counts: dict[int, int]) -> dict[int, int]:
    """A size or a range of sizes, weighted by the training histogram; all alike when the range leaves it.

    Args:
        text: '18' or '12-20'.
        counts: training histogram.

    Raises:
        UserError: for text that is neither.
    """
    low, _, high = text.partition("-")
    try:
        first, last = int(low), int(high or low)
    except ValueError:
        raise UserError(
            f"--atoms takes a number or a range, got '{text}'. Type for example --atoms 18 or --atoms 12-20."
        ) from None
    if not 1 <= first <= last:
        raise UserError(f"--atoms needs 1 <= first <= last, got '{text}'. Type for example --atoms 12-20.")
    wanted = range(first, last + 1)
    inside = {n: counts[n] for n in wanted if counts.get(n)}
    reaches = bool(inside) and min(counts) <= first and last <= max(counts)
    return inside if reaches else dict.fromkeys(wanted, 1)
