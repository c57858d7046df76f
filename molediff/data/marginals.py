"""How common each element and bond is in a set, and what to add to logits so that rare ones are made as often."""

from __future__ import annotations

import numpy as np

from molediff.data.shards import Shards, read_batch

READ = 20_000
"""Molecules looked at, evenly spread."""
LEAST = 1e-4
"""Shares are taken for no smaller, so that what is hardly in the data is not favoured without bound."""


def marginals(shards: Shards, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(elements,) and (4,) shares, each with sum 1: atoms by class; bonded pairs by order, the first entry 0.

    Args:
        shards: a prepared set.
        positions: (M,) of its molecules.
    """
    positions = positions[:: max(1, len(positions) // READ)]
    atoms, bonds = np.zeros(len(shards.vocabulary.elements)), np.zeros(4)
    for k in range(0, len(positions), 512):
        molecules, _ = read_batch(shards, positions[k : k + 512])
        atoms += np.bincount(molecules.atom[molecules.mask].numpy(), minlength=len(atoms))
        orders = molecules.bond[molecules.pair_mask]
        bonds += np.bincount(orders[orders > 0].numpy(), minlength=4)
    return atoms / atoms.sum(), bonds / bonds.sum()


def balance(shares: np.ndarray, weight: float) -> list[float]:
    """-weight ln(share) relative to the commonest class, rounded: a bias of logits (Menon et al., 2021, eq. 9).

    A class of share 0 that stands first is 'no bond': it is held to be as common as the commonest, and gets 0.

    Args:
        shares: (K,) of sum 1.
        weight: 0 for no bias; 1 as if all classes were equally common.
    """
    most = shares.max()
    held = shares.copy()
    held[0] = held[0] or most
    return [round(float(x), 3) + 0.0 for x in -weight * np.log(np.maximum(held, LEAST) / most)]
