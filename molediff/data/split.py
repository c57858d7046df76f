"""Splits of a data set by the index of a molecule in its source."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np

from molediff.config import choose

QM9_MOLECULES = 133_885
TRAIN, VALID = 100_000, 17_748
"""Molecules of these parts of EDM's split of QM9; the others are its test part."""


def uncharacterised() -> np.ndarray:
    """(3054,) 1-based indices of the QM9 molecules whose relaxed geometry is another molecule (Ramakrishnan, 2014)."""
    text = files("molediff.data").joinpath("qm9_uncharacterized.txt").read_text()
    return np.array(text.split(), dtype=np.int64)


def edm_parts() -> dict[str, np.ndarray]:
    """EDM's QM9 split as 1-based QM9 indices: train 100,000, valid 17,748, test 13,083.

    A permutation by numpy's legacy generator with seed 0 of the 130,831 characterised molecules (Hoogeboom et al.,
    2022; qm9/data/prepare/qm9.py of its code).
    """
    included = np.setdiff1d(np.arange(1, QM9_MOLECULES + 1), uncharacterised())
    order = np.random.RandomState(0).permutation(len(included))
    train, valid, test = np.split(included[order], [TRAIN, TRAIN + VALID])
    return {"train": train, "valid": valid, "test": test}


def edm_train(index: np.ndarray) -> np.ndarray:
    """(M,) bool: molecules that EDM trains on, by their QM9 index."""
    inside = (index > 0) & (index <= QM9_MOLECULES)
    return inside & _edm_table()[np.where(inside, index, 0)]


@cache
def _edm_table() -> np.ndarray:
    """(133886,) bool by QM9 index: a million look-ups take a second, one takes microseconds."""
    table = np.zeros(QM9_MOLECULES + 1, bool)
    table[edm_parts()["train"]] = True
    return table


def geom_train(index: np.ndarray) -> np.ndarray:
    """(M,) bool: molecules of MiDi's GEOM-Drugs training part; its test part is numbered from 1,000,000 on."""
    return index < 1_000_000


def everything(index: np.ndarray) -> np.ndarray:
    """(M,) bool: all of them."""
    return np.ones(len(index), dtype=bool)


SPLITS = {"all": everything, "edm": edm_train, "geom": geom_train}
"""name -> (source index of each molecule -> whether it is trained on)."""


def training_part(name: str, index: np.ndarray) -> np.ndarray:
    """Positions of the molecules to train on.

    Raises:
        UserError: for an unknown split.
    """
    return np.flatnonzero(choose("split", name, SPLITS)(np.asarray(index)))
