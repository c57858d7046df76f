"""Ring systems are what is left when chains and substituents go, however the molecule is written."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

import molediff.evaluation.ring_systems as room
from molediff.evaluation import evaluate
from molediff.evaluation.build import build
from molediff.evaluation.ring_systems import TABLE, rare, ring_systems, usual

from .molecules import embedded

SYSTEMS = {
    "CCO": [],
    "Cn1cccc1": ["c1cc[nH]c1"],
    "C[n+]1ccccc1": ["c1cc[nH+]cc1"],
    "O=C1NC=CN1C": ["O=c1[nH]cc[nH]1"],
    "O=S1(=O)CCN(C)C1": ["O=S1(=O)CCNC1"],
    "CC(C)=C1CCC1": ["C=C1CCC1"],
    "C1CCC1=C1CCC1": ["C=C1CCC1", "C=C1CCC1"],
    "C1CC1=c1cc[nH]cc1": ["C=C1CC1", "C=c1cc[nH]cc1"],
    "CC1CC1c1ccc2ccccc2c1": ["C1CC1", "c1ccc2ccccc2c1"],
    "C[C@H]1CC2(C1)CC[C@@H](F)O2": ["C1CC2(C1)CCCO2"],
    "c1ccc(-c2ccccc2)cc1": ["c1ccccc1", "c1ccccc1"],
    "N=c1cc[nH]cc1": ["N=c1cc[nH]cc1"],
    "[2H]C1([2H])CC1": ["C1CC1"],
}
RARE = "Cc1ccc(C)c2c1COCC=CC=NC1=C(C=NC3=CCC(C=C3)OC(C)(C)CO2)C(N)N=C(N)N1"
"""A molecule that was once the best of the demo."""


@pytest.mark.parametrize("smiles", SYSTEMS)
def test_what_is_left(smiles):
    expected = sorted(map(Chem.CanonSmiles, SYSTEMS[smiles]))
    assert sorted(ring_systems(Chem.MolFromSmiles(smiles))) == expected


@given(st.sampled_from([*SYSTEMS, RARE]), st.integers(0, 2**31 - 1))
@settings(max_examples=60, deadline=None)
def test_the_order_of_atoms_does_not_matter_and_a_system_is_its_own(smiles, seed):
    mol = Chem.MolFromSmiles(smiles)
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    found = ring_systems(mol)
    assert sorted(ring_systems(Chem.RenumberAtoms(mol, order))) == sorted(found)
    for one in found:
        assert ring_systems(Chem.MolFromSmiles(one)) == [one]


def test_rare_and_usual():
    assert rare(Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O")) == []
    assert rare(Chem.MolFromSmiles("CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21")) == []  # diazepam, a ring of seven
    assert len(rare(Chem.MolFromSmiles(RARE))) == 1


def test_a_system_that_cannot_stand_alone_is_rare_and_no_error():
    mol = Chem.MolFromSmiles("Cc1ccncc1")
    mol.GetAtomWithIdx(4).SetFormalCharge(-2)
    assert len(rare(mol)) == 1


def test_a_table_of_another_version_is_written_anew(tmp_path, monkeypatch):
    path = tmp_path / "table.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"rdkit": "1900.01.1", "systems": ["C1=CC=CC=C1"]}).encode()))
    monkeypatch.setattr(room, "TABLE", path)
    usual.cache_clear()
    try:
        assert usual() == {"c1ccccc1"}
    finally:
        usual.cache_clear()


def test_the_table_names_systems_as_this_version_writes_them():
    content = json.loads(gzip.decompress(TABLE.read_bytes()))
    some = content["systems"][::50]
    for one in some:
        assert ring_systems(Chem.MolFromSmiles(one)) == [Chem.CanonSmiles(one)]


def test_the_share_is_of_all_attempts():
    mols = [embedded(s) for s in ("c1ccccc1", "C1CC2CC3CC1C23", "CCO")]
    broken = build([6] + [1] * 5, np.ones((6, 3)), [(0, i, 1) for i in range(1, 6)])
    found = evaluate([*mols, broken], ("chemistry",), workers=0, bootstrap=0)
    figure = found.summary["protocols"]["chemistry"]["figures"]["usual_rings"]
    assert figure["value"] == 50.0 and figure["n"] == 4
