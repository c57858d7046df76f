"""Molecules of prepared data that a published split keeps from training."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from molediff.chem import to_rdkit
from molediff.data.shards import Shards, read_batch
from molediff.data.split import edm_parts, geom_train


def part(shards: Shards, name: str, limit: int = 0, seed: int = 0) -> list[Chem.Mol]:
    """Molecules of EDM's part ``name`` (train, valid or test), unsanitised; ``limit`` of them at random, or all."""
    return chosen(shards, np.isin(shards.arrays["index"], edm_parts()[name]), limit, seed)


def chosen(shards: Shards, which: np.ndarray, limit: int = 0, seed: int = 0) -> list[Chem.Mol]:
    """Molecules where ``which`` (M,) is true, unsanitised; ``limit`` of them at random, or all."""
    positions = np.flatnonzero(which)
    if limit and limit < len(positions):
        positions = np.sort(np.random.default_rng(seed).choice(positions, limit, replace=False))
    mols = []
    for k in range(0, len(positions), 512):
        molecules, _ = read_batch(shards, positions[k : k + 512])
        mols += to_rdkit(molecules, shards.vocabulary, shards.explicit_hydrogens)
    return mols


def edm(shards: Shards, limit: int, seed: int) -> list[Chem.Mol]:
    """Molecules of EDM's test part."""
    return part(shards, "test", limit, seed)


def geom(shards: Shards, limit: int, seed: int) -> list[Chem.Mol]:
    """Molecules of the test part of GEOM-Drugs."""
    return chosen(shards, ~geom_train(shards.arrays["index"]), limit, seed)


HELD_OUT = {"edm": edm, "geom": geom}
"""Split -> (shards, limit, seed) -> molecules that were not trained on."""
