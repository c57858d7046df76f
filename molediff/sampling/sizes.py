"""How many atoms the molecules to be made have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from molediff.config import UserError
from molediff.noise import molecule_generator
from molediff.noise.draws import HYDROGENS, SIZES, USUAL_HYDROGENS


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
        u = torch.rand(1, dtype=torch.float64, generator=molecule_generator(seed, i, stream=SIZES))
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


VALENCES = {4: 0.72, 3: 0.12, 2: 0.16}
"""Valence -> share of the heavy atoms of QM9 (carbon, nitrogen, oxygen; fluorine is too rare to matter)."""
CLOSED = 0.38
"""Rings and further bonds of multiple ones that a new heavy atom brings along: over random cuts of QM9, from 0.16 for a
single new atom to 0.39 for eight."""


def draw_hydrogens(heavy: int, slots: int, pieces: int, generator: torch.Generator) -> int:
    """How many hydrogens new heavy atoms bring, for models with explicit hydrogens.

    Each of the ``heavy`` atoms has a valence; joining them and the fragments takes two valences a bond, and so does
    each ring or further bond of a multiple one; what is left is hydrogen. Against 20,000 random cuts of QM9 the mean is
    within 0.5 of the true one for one to eight atoms.

    Args:
        heavy: new heavy atoms, at least 1.
        slots: valences that the fragments have to give.
        pieces: fragments.
        generator: of the molecule.
    """
    u = torch.rand(2, heavy, generator=generator, dtype=torch.float64)
    edges = torch.tensor(list(VALENCES.values()), dtype=torch.float64).cumsum(0)
    valence = torch.tensor(list(VALENCES))[torch.searchsorted(edges, u[0] * edges[-1], right=True)]
    closed = int((u[1] < CLOSED).sum())
    return max(0, slots + int(valence.sum()) - 2 * (heavy + pieces - 1) - 2 * closed)


def draw_new(
    counts: dict[int, int],
    known: int,
    atoms: str,
    seed: int,
    indices: Sequence[int],
    hydrogens: Callable[[int, torch.Generator], int],
) -> list[tuple[int, int]]:
    """How many new heavy atoms and hydrogens are added to known ones; molecule i's depends on (seed, i) alone.

    Args:
        counts: training histogram, atoms -> weight.
        known: atoms that are known.
        atoms: new heavy atoms, '3' or '2-5'; when empty, as many as bring the molecule to a size of the histogram.
        seed: of the run.
        indices: of the molecules.
        hydrogens: (new heavy atoms, generator) -> new hydrogens; 0 where they are implied.

    Raises:
        UserError: for text that is no range, and for known atoms that leave no room.
    """
    largest = max(counts, default=0)
    if counts and known >= largest:
        raise UserError(
            f"The {known} known atoms are as many as the largest molecule that this model was trained on has "
            f"({largest}), and leave no room for new ones. Give a smaller fragment or another --model."
        )
    if atoms:
        weights = parse_atoms(atoms, {})
    else:
        rough = molecule_generator(0, 0, stream=USUAL_HYDROGENS)
        usual = {k: known + k + _mean(hydrogens, k, rough) for k in range(1, largest - known + 1)}
        weights = {k: counts[n] for k, n in usual.items() if counts.get(n)} or {1: 1}
    drawn = draw_sizes(weights, seed, indices)
    return [
        (k, hydrogens(k, molecule_generator(seed, i, stream=HYDROGENS))) for k, i in zip(drawn, indices, strict=True)
    ]


def _mean(hydrogens: Callable[[int, torch.Generator], int], heavy: int, generator: torch.Generator) -> int:
    return round(sum(hydrogens(heavy, generator) for _ in range(64)) / 64)
