"""Many molecules in batches of like size, with halving when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

import torch

from molediff.config import UserError
from molediff.memory import is_out_of_memory
from molediff.noise import MoleculeNoise
from molediff.pipelines.watch import Trajectory
from molediff.sampling import Constrain, Denoise, SamplingConfig, sample
from molediff.structures import Condition, Molecules, stack, take

log = logging.getLogger("molediff")

DEFAULT_BATCH = 64
"""Molecules at once on a CPU: their pair features still fit its cache."""


def plan(sizes: Sequence[int], batch: int) -> list[list[int]]:
    """Positions of the molecules of each batch, like sizes together.

    Raises:
        UserError: for a batch below 1.
    """
    if batch < 1:
        raise UserError(f"--batch must be at least 1, got {batch}.")
    order = sorted(range(len(sizes)), key=lambda i: (sizes[i], i))
    return [order[k : k + batch] for k in range(0, len(order), batch)]


def blank(sizes: Iterable[int], device="cpu") -> Molecules:
    """Molecules of given sizes with nothing decided yet."""
    sizes = torch.as_tensor(list(sizes))
    b, n = len(sizes), int(sizes.max())
    zero = torch.zeros(b, n, dtype=torch.long)
    mask = torch.arange(n)[None] < sizes[:, None]
    return Molecules(torch.zeros(b, n, 3), zero, zero, torch.zeros(b, n, n, dtype=torch.long), mask).to(device)


def run_batch(
    model,
    given: Molecules,
    condition_of: Callable[[Molecules, list[int]], Condition],
    seed: int,
    indices: list[int],
    config: SamplingConfig,
    denoise: Denoise | None = None,
    trajectory: Trajectory | None = None,
    constrain: Constrain | None = None,
) -> Molecules:
    """Sample one batch; out of memory, halve it and try again.

    Args:
        model: a `molediff.model.Model`.
        given: sizes and known values.
        condition_of: (given, rows of the batch) -> what is known.
        seed: of the run.
        indices: of the molecules in the run, which fix their noise.
        config: settings.
        denoise: the model's own when None; guidance wraps it.
        trajectory: of a molecule of the run, filled if it is in this batch.
        constrain: what estimates must hold to, see `molediff.sampling.sample`.
    """

    def attempt(rows: list[int]) -> Molecules:
        part, members = take(given, rows), [indices[r] for r in rows]
        noise = MoleculeNoise(seed, members, part.sizes.tolist(), part.pos.device)
        watch = None if trajectory is None else trajectory.watch(members)
        try:
            condition = condition_of(part, rows)
            return sample(denoise or model, model.process, part, condition, noise.next, config, watch, constrain)
        except (RuntimeError, MemoryError) as error:  # torch's own error of the GPU is a RuntimeError too
            if len(rows) == 1 or not is_out_of_memory(error):
                raise
        log.warning("Out of memory with %d molecules at once; trying half of them.", len(rows))
        half = len(rows) // 2
        return stack([attempt(rows[:half]), attempt(rows[half:])])

    return attempt(list(range(len(given))))
