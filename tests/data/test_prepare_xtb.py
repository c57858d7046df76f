"""Relaxing with GFN2-xTB: the mathematics on springs, the real thing where tblite is installed."""

from importlib.util import find_spec

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.chem import arrays_from_mol
from molediff.config import UserError
from molediff.data import xtb
from molediff.data.prepare import prepare
from molediff.data.record import Record
from molediff.data.rules import Options


def water() -> Record:
    mol = Chem.AddHs(Chem.MolFromSmiles("O"))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    return Record(0, "O", *arrays_from_mol(mol))


def springs(length: float):
    """Each hydrogen at ``length`` angstrom from the oxygen."""

    def potential(z, charge, start):
        rest = length / xtb.BOHR

        def function(x):
            away = x[1:] - x[:1]
            d = np.linalg.norm(away, axis=1, keepdims=True)
            pull = 2 * (d - rest) * away / d
            return float(((d - rest) ** 2).sum()), np.concatenate([-pull.sum(0, keepdims=True), pull])

        return function

    return potential


def test_units_and_minimum():
    record = xtb.relaxed(water(), springs(0.9))
    assert record.problem == ""
    d = np.linalg.norm(record.pos[1:] - record.pos[0], axis=1)
    assert np.allclose(d, 0.9, atol=1e-3)


def test_a_broken_bond_is_seen():
    assert xtb.relaxed(water(), springs(2.5)).problem == "bonds_differ"


def test_what_mmff_could_not_do_is_no_problem_then():
    record = water()
    stuck = Record(0, "O", record.z, record.charge, record.bonds, record.pos, problem="no_force_field")
    assert xtb.relaxed(stuck, springs(0.95)).problem == ""
    for problem in ("unreadable", "not_embedded"):
        broken = Record(0, "O", problem=problem)
        assert xtb.relaxed(broken, springs(0.95)) is broken


def test_an_error_of_the_program_is_a_problem():
    def refuses(z, charge, start):
        raise RuntimeError("SCF not\nconverged")

    record = xtb.relaxed(water(), refuses)
    assert (record.problem, record.detail) == ("not_relaxed", "GFN2-xTB: SCF not converged")


@pytest.mark.skipif(find_spec("tblite") is not None, reason="tblite is installed")
def test_without_tblite_it_says_what_to_type(tmp_path):
    (tmp_path / "a.smi").write_text("C\n")
    with pytest.raises(UserError, match=r"pip install -e '\.\[xtb\]'"):
        prepare([tmp_path / "a.smi"], tmp_path / "out", Options(xtb=True))


@pytest.mark.skipif(find_spec("tblite") is None, reason="needs tblite")
def test_water_of_gfn2():
    """The published GFN2-xTB minimum: 0.959 angstrom, 107 degree."""
    pos = xtb.relaxed(water()).pos
    u, v = pos[1] - pos[0], pos[2] - pos[0]
    lengths = np.linalg.norm(u), np.linalg.norm(v)
    assert np.allclose(lengths, 0.959, atol=3e-3)
    assert abs(np.degrees(np.arccos(u @ v / np.prod(lengths))) - 107.2) < 1.5
