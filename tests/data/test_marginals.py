"""Shares of a set, and the bias that makes up for them."""

import math

import numpy as np
import pytest

from molediff.data.marginals import balance, marginals
from molediff.data.shards import read_batch


def test_shares_are_those_of_counting(tiny_shards):
    positions = np.arange(0, len(tiny_shards), 3)
    atoms, bonds = marginals(tiny_shards, positions)
    molecules, _ = read_batch(tiny_shards, positions)
    elements, orders = molecules.atom[molecules.mask].tolist(), molecules.bond[molecules.bond > 0].tolist()
    assert atoms == pytest.approx([elements.count(k) / len(elements) for k in range(len(atoms))])
    assert bonds == pytest.approx([orders.count(k) / len(orders) if k else 0 for k in range(4)])


def test_the_bias_undoes_the_share_at_weight_one():
    shares = np.array([0.5, 0.3, 0.2])
    evened = shares * np.exp(balance(shares, 1.0))
    assert evened == pytest.approx([0.5, 0.5, 0.5], abs=1e-3)
    assert balance(shares, 0.0) == [0, 0, 0]


def test_no_bond_is_left_alone_and_what_is_not_there_is_bounded():
    none, single, double, triple = balance(np.array([0.0, 0.8, 0.2, 0.0]), 0.5)
    assert none == single == 0
    assert double == pytest.approx(0.5 * math.log(4), abs=1e-3)
    assert triple == pytest.approx(0.5 * math.log(0.8 / 1e-4), abs=1e-3)
