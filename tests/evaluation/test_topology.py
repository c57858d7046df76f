"""Bonds read from a geometry against those drawn."""

import sys

import numpy as np
import pytest

from molediff.evaluation.protocols.energy import mmff
from molediff.evaluation.topology import ends, same_topology

from .molecules import SMALL, embedded


def same(mol, pos=None):
    z = np.array([a.GetAtomicNum() for a in mol.GetAtoms()])
    return same_topology(z, mol.GetConformer().GetPositions() if pos is None else pos, ends(mol))


@pytest.mark.parametrize(
    "smiles", [*SMALL, "C1C2CC1C2", "CSSC", "C[N+](=O)[O-]", "CBr", "FC(F)(F)Cl", "OO", "C12C3C4C1C5C2C3C45"]
)
def test_sound_molecules_keep_their_bonds(smiles):
    assert same(embedded(smiles))
    assert mmff(embedded(smiles))["same_topology"]


def test_a_broken_and_a_new_bond_are_seen():
    mol = embedded("CCO")
    pos = mol.GetConformer().GetPositions()
    broken, fused = pos.copy(), pos.copy()
    broken[2] += 1.0
    assert not same(mol, broken)
    fused[3] = fused[8] + 0.5
    assert not same(mol, fused)
    assert same(mol, pos @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0] + 7)


def test_two_fragments_are_not_one_and_what_fails_is_not_the_same():
    assert not mmff(embedded("O.O"))["same_topology"]
    assert same(embedded("[H][H]"))


def test_xtb_says_whether_the_bonds_are_kept(monkeypatch):
    """With a springs-to-a-place calculator in tblite's stead: relaxation ends where it is told to."""
    from types import ModuleType

    from molediff.evaluation.protocols import xtb

    mol = embedded("CCO")
    z = np.array([a.GetAtomicNum() for a in mol.GetAtoms()])
    pos = mol.GetConformer().GetPositions()
    goal = {"pos": pos}

    class Calculator:
        def __init__(self, method, numbers, places, charge, uhf):
            self.places = places

        def set(self, key, value):
            pass

        def singlepoint(self):
            away = self.places - goal["pos"] / xtb.BOHR
            return {"energy": 0.5 * (away**2).sum(), "gradient": away}

    module = ModuleType("tblite.interface")
    module.Calculator = Calculator
    monkeypatch.setitem(sys.modules, "tblite", ModuleType("tblite"))
    monkeypatch.setitem(sys.modules, "tblite.interface", module)
    kept = xtb.relax(z, pos + 0.05 * np.sin(np.arange(27)).reshape(9, 3), ends(mol), 0)
    assert kept["converged"] and kept["same_topology"] and kept["strain"] > 0
    goal["pos"] = pos + np.array([[3.0, 0, 0]]) * (np.arange(9) == 2)[:, None]
    broken = xtb.relax(z, pos, ends(mol), 0)
    assert broken["converged"] and not broken["same_topology"]
