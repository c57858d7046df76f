"""PoseBusters has one voice: docking and the judge count a check alike, computed or not."""

import numpy as np
import pandas as pd
import pytest
from dockbench import demo, small_pocket
from rdkit import Chem

from molediff.docking.tasks import Judge
from molediff.evaluation.protocols import Context, posebusters
from molediff.evaluation.record import from_mol

pytest.importorskip("posebusters")

FOUND = {
    "passed": ({"a": True, "b": np.True_}, ""),
    "failed": ({"a": True, "b": np.False_}, "b"),
    "NaN": ({"a": np.nan, "b": True}, "not_computed a"),
    "NA": ({"a": True, "b": pd.NA, "c": False}, "not_computed b, c"),
    "None": ({"a": None, "b": True}, "not_computed a"),
}


class Answer:
    """PoseBusters that answers what it was told to."""

    def __init__(self, row: dict):
        self.row = row

    def bust(self, *_):
        return pd.DataFrame([self.row], dtype=object)


@pytest.fixture(scope="module")
def judge():
    return Judge(*small_pocket()[:2])


@pytest.mark.parametrize("case", FOUND)
def test_a_check_that_was_not_computed_is_not_passed_and_named(case, judge, monkeypatch):
    row, reason = FOUND[case]
    mol = Chem.AddHs(demo()[1], addCoords=True)
    monkeypatch.setattr(judge, "busters", Answer(row))
    assert judge(mol) == (not reason, reason)
    monkeypatch.setattr(posebusters, "_buster", lambda mode: (Answer(row), None, 0))
    found = posebusters.judge(from_mol(mol, 0), Context(), "mol_fast")
    assert (found["pass"], found["reason"]) == (not reason, reason)
    assert {k: found[k] for k in row} == {k: None if pd.isna(v) else bool(v) for k, v in row.items()}


def test_a_pose_in_its_pocket_passes_and_one_in_the_wall_does_not(judge):
    mol = Chem.AddHs(demo()[1], addCoords=True)
    assert judge(mol) == (True, "")
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() + np.array([4.0, 0, 0]))
    passed, reason = judge(mol)
    assert not passed and "not_computed" not in reason and "protein" in reason
