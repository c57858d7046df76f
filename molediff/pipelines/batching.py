"""Many molecules in batches of like size, with halving when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import count

import torch

from molediff.config import UserError
from molediff.memory import is_out_of_memory
from molediff.noise import MoleculeNoise
from molediff.pipelines.watch import Trajectory
from molediff.sampling import Constrain, Denoise, Resample, SamplingConfig, sample
from molediff.structures import Condition, Molecules, stack, take

log = logging.getLogger("molediff")

DEFAULT_BATCH = 64
"""Molecules at once on a CPU: their pair features still fit its cache."""


def plan(sizes: Sequence[int], batch: int) -> list[list[int]]:
    """Positions of the molecules of each batch, like sizes together.

    Raises:
        UserError: for a batch below 1.
    """
    return [[i for (i,) in groups] for groups in plan_groups(sizes, batch, [[i] for i in range(len(sizes))])]


def plan_groups(sizes: Sequence[int], batch: int, groups: Sequence[Sequence[int]]) -> list[list[list[int]]]:
    """The groups of each batch, like sizes together; a group that is larger than a batch is one of its own.

    Args:
        sizes: atoms of each molecule, the same in a group.
        batch: molecules at once.
        groups: positions of the molecules of each.

    Raises:
        UserError: for a batch below 1.
    """
    if batch < 1:
        raise UserError(f"--batch must be at least 1, got {batch}.")
    out, room = [], 0
    for group in sorted(groups, key=lambda group: (sizes[group[0]], group[0])):
        if len(group) > room:
            out.append([])
            room = batch
        out[-1].append(list(group))
        room -= len(group)
    return out


def rows_of(groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """The rows that the groups of a batch have in it."""
    row = count()
    return [[next(row) for _ in group] for group in groups]


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
    groups: Sequence[Sequence[int]] | None = None,
    resample: Callable[[list[list[int]], list[int], Condition], Resample] | None = None,
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
        groups: rows that stay together, all of the batch in their order; each alone when None.
        resample: (rows of the groups, indices of the rows, condition) -> what `sample` asks after every step.
    """

    def attempt(groups: list[list[int]]) -> Molecules:
        rows = [r for group in groups for r in group]
        part, members = take(given, rows), [indices[r] for r in rows]
        noise = MoleculeNoise(seed, members, part.sizes.tolist(), part.pos.device)
        watch = None if trajectory is None else trajectory.watch(members)
        try:
            condition = condition_of(part, rows)
            again = None if resample is None else resample(rows_of(groups), members, condition)
            ask = denoise or model
            return sample(ask, model.process, part, condition, noise.next, config, watch, constrain, again)
        except (RuntimeError, MemoryError) as error:  # torch's own error of the GPU is a RuntimeError too
            if len(groups) == 1 or not is_out_of_memory(error):
                raise
        log.warning("Out of memory with %d molecules at once; trying half of them.", len(rows))
        half = len(groups) // 2
        return stack([attempt(groups[:half]), attempt(groups[half:])])

    return attempt([[r] for r in range(len(given))] if groups is None else [list(group) for group in groups])
