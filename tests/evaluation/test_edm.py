"""EDM's protocol: every threshold from both sides, invariances, and the published figures of G-SchNet's samples."""

import itertools

import numpy as np
import pytest
from rdkit import Chem

from molediff.evaluation.edm import bond_orders, edm, summary
from molediff.evaluation.edm_tables import DOUBLE, MARGINS, SINGLE, TRIPLE
from molediff.evaluation.strict import strict

Z = Chem.GetPeriodicTable().GetAtomicNumber
CASES = [
    (first, second, length + margin, order)
    for order, (table, margin) in enumerate(zip((SINGLE, DOUBLE, TRIPLE), MARGINS, strict=True), 1)
    for first, row in table.items()
    for second, length in row.items()
]


@pytest.mark.parametrize("first,second,limit,order", CASES)
def test_threshold_from_both_sides_in_both_orders(first, second, limit, order):
    for a, b in itertools.permutations((Z(first), Z(second))):
        for shift, expected in ((-0.1, order), (0.1, order - 1)):
            rows = bond_orders([a, b], [[0, 0, 0], [0, 0, (limit + shift) / 100]])
            assert (rows[0, 2] if len(rows) else 0) == expected


def test_carbon_sulfur_double_bond_does_not_depend_on_order():
    pos = [[0, 0, 0], [1.6, 0, 0]]
    assert bond_orders([6, 16], pos)[0, 2] == bond_orders([16, 6], pos)[0, 2] == 2


def test_unlisted_pair_never_bonds():
    assert len(bond_orders([79, 79], np.zeros((2, 3)))) == 0


METHANE = (
    np.array([6, 1, 1, 1, 1]),
    0.6294 * np.array([[0, 0, 0], [1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]),
)


def test_methane_is_stable_and_rigid_motion_and_permutation_change_nothing():
    z, pos = METHANE
    row = edm(z, pos)
    assert (row["stable_atoms"], row["stable"], row["valid"], row["connected"]) == (5, True, True, True)
    rng = np.random.default_rng(1)
    for _ in range(5):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        order = rng.permutation(5)
        assert edm(z[order], (pos @ turn + rng.normal(size=3))[order]) == row


def test_methane_minus_one_hydrogen_is_edm_valid_but_not_strict():
    from molediff.evaluation.build import build

    z, pos = METHANE[0][:4], METHANE[1][:4]
    row = edm(z, pos)
    assert row["valid"] and not row["stable"]
    assert not strict(build(z, pos, bond_orders(z, pos)))["strictly_valid"]


def test_two_methanes_are_valid_and_not_connected():
    z, pos = METHANE
    row = edm(np.r_[z, z], np.r_[pos, pos + 20])
    assert row["valid"] and row["stable"] and not row["connected"]


@pytest.mark.parametrize(
    "z,pos,reason",
    [
        ([], np.zeros((0, 3)), "empty"),
        ([6], [[np.nan, 0, 0]], "nonfinite_coordinates"),
        ([0], [[0, 0, 0]], "unknown_element"),
        ([6] * 7, np.r_[[[0, 0, 0]], 1.4 * np.r_[np.eye(3), -np.eye(3)]], "not_sanitised"),
    ],
)
def test_failures_have_names(z, pos, reason):
    row = edm(z, pos)
    assert not row["valid"] and row["reason"] == reason


def test_large_molecules_take_the_tree_and_agree():
    rng = np.random.default_rng(2)
    z = rng.choice([1, 6, 7, 8, 9], size=200)
    pos = rng.uniform(0, 12, size=(200, 3))
    whole = {tuple(row) for row in bond_orders(z, pos)}
    part = {tuple(row) for row in bond_orders(z[:100], pos[:100])}
    assert part == {row for row in whole if row[1] < 100}


def test_published_figures_of_gschnet(oracle):
    rows = [edm(z, pos) for z, pos in oracle]
    found = summary(rows)
    assert found["n"] == 10000
    assert found["atom_stability"] == pytest.approx(95.71, abs=0.01)
    assert found["molecule_stability"] == pytest.approx(68.05, abs=0.01)
    assert found["validity"] == pytest.approx(85.45, abs=0.01)
    assert found["valid_unique"] == pytest.approx(80.31, abs=0.01)
    assert found["valid_connected"] == pytest.approx(85.05, abs=0.01)
