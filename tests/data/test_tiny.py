"""The tiny set is made by its script, from its list."""

import gzip
import importlib.util
from pathlib import Path

import pytest
from rdkit import Chem

from molediff.chem import perceive_from_3d

TINY = Path(__file__).resolve().parents[2] / "datasets" / "tiny"


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("molediff_tiny_make", TINY / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    return gzip.decompress((TINY / "tiny.sdf.gz").read_bytes()).decode().split("$$$$\n")[:-1]


def test_list(make):
    listed = make.read_smiles()
    assert len(listed) == 200
    assert len({Chem.CanonSmiles(s) for s in listed}) == 200
    text = " ".join(listed)
    for feature, least in (("@", 100), ("/", 25), ("+", 20), ("#", 15), ("F", 20), ("1", 80)):
        assert text.count(feature) >= least, feature


@pytest.mark.parametrize("number", [0, 12, 88, 97, 121, 134, 160, 170, 185, 199])
def test_making_again_gives_the_same_graph_and_stereo(make, blocks, number):
    smiles = make.read_smiles()[number]
    mol = make.embed(smiles)
    again = make.embed(smiles)
    assert (mol.GetConformer().GetPositions() == again.GetConformer().GetPositions()).all()
    stored = Chem.MolFromMolBlock(blocks[number], removeHs=False)
    assert stored.GetProp("_Name") == smiles
    assert seen(mol) == seen(stored) == Chem.CanonSmiles(smiles)
    parsed = Chem.MolFromMolBlock(make.sd_text(mol).split("$$$$")[0], removeHs=False)
    assert [a.GetAtomicNum() for a in parsed.GetAtoms()] == [a.GetAtomicNum() for a in stored.GetAtoms()]


def seen(mol: Chem.Mol) -> str:
    return Chem.MolToSmiles(Chem.RemoveAllHs(perceive_from_3d(mol)))
