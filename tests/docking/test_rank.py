"""The ranking rule: each part of it moves a pose the way it should."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.config import UserError
from molediff.docking.rank import RANKS, RankRule, cluster_sizes, pose_table, rank, values


def table(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values()))) if columns else 3
    return pd.DataFrame({"row": [0] * n, "pose": range(1, n + 1), "score": [-9.0, -8.8, -8.6][:n]} | columns)


def order(t: pd.DataFrame, rule: RankRule | None = None) -> list[int]:
    return rank(t, rule).pose.tolist()


def test_vina_alone_keeps_its_order():
    assert order(table()) == [1, 2, 3]
    assert values(table()).tolist() == [-9.0, -8.8, -8.6]


def test_each_part_can_turn_the_order():
    assert order(table(pb_valid=[False, True, True])) == [2, 3, 1]
    assert order(table(strain=[25.0, 5.0, 5.0])) == [2, 3, 1]
    assert order(table(cluster=[1, 1, 9])) == [3, 1, 2]
    assert order(table(strain=[25.0, 5.0, 5.0]), RankRule(strain_weight=0)) == [1, 2, 3]


def test_free_strain_and_its_limit():
    t = table(strain=[9.0, 0.0, 5000.0])
    rule = RankRule()
    most = rule.strain_weight * (rule.strain_most - rule.strain_free)
    assert values(t).tolist() == pytest.approx([-9.0, -8.8, -8.6 + most])


def test_what_is_missing_costs_nothing():
    t = table(strain=[np.nan, None, 3.0], pb_valid=[None, np.nan, True], cluster=[np.nan, None, 1])
    assert values(t).tolist() == [-9.0, -8.8, -8.6]


def test_ligands_are_ranked_apart_and_nothing_is_dropped():
    t = pd.DataFrame({"row": [1, 0, 1, 0], "pose": [1, 1, 2, 2], "score": [-5.0, None, -7.0, -3.0]})
    ranked = rank(t)
    assert ranked[["row", "pose", "rank"]].values.tolist() == [[0, 2, 1], [0, 1, 2], [1, 2, 1], [1, 1, 2]]
    assert list(t.columns) == ["row", "pose", "score"]


def test_errors():
    with pytest.raises(UserError, match="score"):
        rank(pd.DataFrame({"row": [0], "pose": [1]}))
    with pytest.raises(UserError, match="cluster"):
        rank(table(cluster=[0, 1, 1]))
    with pytest.raises(UserError, match="invalid"):
        RankRule(invalid=-1)


def test_cluster_sizes():
    mol = Chem.MolFromSmiles("CCO")
    AllChem.EmbedMolecule(mol, randomSeed=1)
    for shift in (0.5, 1.0, 9.0):
        conformer = Chem.Conformer(mol.GetConformer(0))
        conformer.SetPositions(mol.GetConformer(0).GetPositions() + np.array([shift, 0, 0]))
        mol.AddConformer(conformer, assignId=True)
    assert cluster_sizes(mol) == [3, 3, 3, 1]
    assert cluster_sizes(mol, 0.6) == [2, 3, 2, 1]


def test_the_order_of_vina_asks_for_nothing_but_the_score():
    t = pose_table(
        3, [-9.0, -8.9], [{"pb_valid": False, "pb_failed": "x", "strain": 50.0, "cluster": 1}, {"cluster": 9}]
    )
    assert rank(t, RANKS["vina"]).pose.tolist() == [1, 2] and rank(t, RANKS["rule"]).pose.tolist() == [2, 1]
    bare = rank(pose_table(0, [-5.0, -4.0], [{}, {}]), RANKS["rule"])
    assert bare["rank"].tolist() == [1, 2] and bare["value"].tolist() == [-5.0, -4.0]
    assert len(rank(pose_table(0, [], []))) == 0


def test_a_denoising_error_counts_within_its_ligand_alone():
    t = pd.concat(
        pose_table(row, [-9.0, -8.5, -5.0], [{"denoising_error": e} for e in errors])
        for row, errors in ((0, [1.0, 0.2, 0.2]), (1, [7.0, 6.9, None]), (2, [None, None, None]))
    )
    ranked = rank(t, RANKS["model"])
    assert ranked.pose.tolist() == [2, 1, 3, 1, 2, 3, 1, 2, 3]
    np.testing.assert_allclose(ranked.value[:3], [-8.5, -8.2, -5.0])
    assert rank(t, RANKS["vina"]).pose.tolist() == [1, 2, 3] * 3
