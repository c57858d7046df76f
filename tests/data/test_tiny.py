"""The tiny set is made by its script, from its list."""

import gzip
import importlib.util
from pathlib import Path

import pytest
from rdkit import Chem

from molediff.chem import perceive_from_3d
from molediff.data.shards import checksum

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


def test_every_card_is_listed_and_the_checksum_of_tiny_is_right():
    cards = {path.name for path in TINY.parent.glob("*.md")} - {"README.md"}
    table = (TINY.parent / "README.md").read_text()
    assert {name for name in cards if f"({name})" not in table} == set()
    assert checksum(TINY / "tiny.sdf.gz") in (TINY.parent / "tiny.md").read_text()


@pytest.mark.parametrize("name", ["qm9_ani2x", "qm9_dft_8heavy", "dft_9to12heavy", "druglike_ani2x"])
def test_cards_describe_the_files_of_the_shared_folder(name):
    path = TINY.parents[2] / "shared" / "data" / "molecules" / f"{name}.npz"
    if not path.is_file():
        pytest.skip("needs the shared data folder beside the checkout")
    assert checksum(path) in (TINY.parent / f"{name}.md").read_text()
