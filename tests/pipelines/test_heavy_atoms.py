"""Models whose hydrogens are implied: prepared, trained, sampled, judged, written with RDKit's hydrogens beside."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.chem import perceive_from_3d
from molediff.chem.hydrogens import with_hydrogens
from molediff.config import UserError, from_dict
from molediff.data.prepare import prepare
from molediff.data.rules import Options
from molediff.elements import Vocabulary
from molediff.evaluation import evaluate
from molediff.pipelines import Conformers, Generate, Generation
from molediff.pipelines.generate import judge
from molediff.training.fit import fit
from molediff.training.settings import TrainConfig

TINY = Path(__file__).resolve().parents[2] / "datasets" / "tiny" / "tiny.sdf.gz"
ELEMENTS = ("C", "N", "O", "F")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """The folder of a model of heavy atoms, after 6 steps on the tiny set."""
    folder = tmp_path_factory.mktemp("heavy")
    prepare([TINY], folder / "data", Options(Vocabulary(ELEMENTS), explicit_hydrogens=False))
    values = {
        "data": str(folder / "data"),
        "out": str(folder / "run"),
        "model": {
            "explicit_hydrogens": False,
            "vocabulary": {"elements": list(ELEMENTS)},
            "network": {"layers": 1, "width": 16, "vectors": 4, "pair": 8, "hidden": 8, "heads": 4},
        },
        "steps": 4,
        "finish_steps": 2,
        "warmup_steps": 1,
        "pairs": 400,
        "conformer_share": 0.5,
        "precision": "32-true",
        "accelerator": "cpu",
    }
    return str(fit(from_dict(TrainConfig, values), quiet=True).model)


def embedded(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert rdDistGeom.EmbedMolecule(mol, randomSeed=7) == 0
    return Chem.RemoveAllHs(mol)


def unsanitised(mol: Chem.Mol) -> Chem.Mol:
    return Chem.MolFromMolBlock(Chem.MolToMolBlock(mol), sanitize=False, removeHs=False)


def test_generated_molecules_have_no_hydrogens_and_a_column_of_their_own(model, tmp_path):
    made = Generate.from_pretrained(model)(n=6, steps=3, seed=1)
    assert made.validity == "strict_heavy_valid"
    assert "strictly_valid" not in made.table
    assert all(a.GetAtomicNum() > 1 for mol in made.mols for a in mol.GetAtoms())
    made.save(tmp_path)
    report = evaluate(str(tmp_path / "molecules.sdf"), ("strict",), workers=0, bootstrap=0)
    assert report.summary["hydrogens"] == "implied"
    (name,) = report.summary["protocols"]
    assert name == "strict-heavy"
    figure = report.summary["protocols"][name]["figures"]["strict_heavy_validity"]["value"]
    assert figure == pytest.approx(100 * made.counts["strict_heavy_valid"] / 6)


def test_conformers_of_heavy_atoms(model, tmp_path):
    out = Conformers.from_pretrained(model)(["C[C@H](O)F", "C/C=N/[H]", "CCO"], n=2, steps=3)
    assert [mol.GetNumAtoms() for mol in out.mols] == [4, 3, 3]
    assert len(out.table) == 6
    out.save(tmp_path)
    assert (tmp_path / "conformers_with_h.sdf").exists()
    with pytest.raises(UserError, match="nothing but hydrogens"):
        Conformers.from_pretrained(model)(["[H][H]"])


def test_good_molecules_are_judged_valid_and_written_with_hydrogens(tmp_path):
    texts = ["C[C@H](O)F", "c1ccncc1", "CC(=O)[O-]"]
    mols = [unsanitised(embedded(t)) for t in texts]
    nonsense = Chem.RWMol(mols[0])
    nonsense.AddBond(0, 2, Chem.BondType.TRIPLE)
    mols = [*mols, nonsense.GetMol(), None]
    table = judge(mols, [*[""] * 4, "lost"], [4, 6, 4, 4, 3], 0, (3, 6), explicit=False)
    assert table.strict_heavy_valid.tolist() == [True, True, True, False, False]
    assert table.smiles.tolist()[:3] == [Chem.CanonSmiles(t, useChiral=0) for t in texts]
    about = {"model": "m", "checksum": "c", "seed": 0, "steps": 1, "method": "ddim", "hydrogens": "implied"}
    Generation(mols, table, Vocabulary(ELEMENTS), about).save(tmp_path)
    heavy = list(Chem.SDMolSupplier(str(tmp_path / "molecules.sdf"), sanitize=False, removeHs=False))
    full = list(Chem.SDMolSupplier(str(tmp_path / "molecules_with_h.sdf"), removeHs=False))
    assert [m.GetNumAtoms() for m in heavy] == [4, 6, 4, 4]
    assert [m.GetNumAtoms() for m in full] == [9, 11, 7]
    assert full[0].GetProp("hydrogens") == "added by RDKit"
    assert [m.GetProp("index") for m in full] == ["0", "1", "2"]
    for one, other, text in zip(full, heavy, texts, strict=False):
        n = other.GetNumAtoms()
        a, b = one.GetConformer().GetPositions(), other.GetConformer().GetPositions()
        assert np.allclose(a[:n], b, atol=1e-4)
        assert Chem.MolToSmiles(Chem.RemoveHs(perceive_from_3d(one))) == Chem.CanonSmiles(text)
        for atom in list(one.GetAtoms())[n:]:
            length = np.linalg.norm(a[atom.GetIdx()] - a[atom.GetNeighbors()[0].GetIdx()])
            assert 0.9 < length < 1.2
    assert full[2].GetAtomWithIdx(3).GetFormalCharge() == -1


def test_explicit_models_write_one_file(small_model, tmp_path):
    made = Generate(small_model)(n=2, steps=2)
    made.save(tmp_path)
    assert made.validity == "strictly_valid"
    assert not (tmp_path / "molecules_with_h.sdf").exists()
    assert isinstance(made.table, pd.DataFrame)


def test_what_cannot_be_gets_no_hydrogens():
    broken = Chem.MolFromSmiles("C(C)(C)(C)(C)C", sanitize=False)
    assert with_hydrogens(broken) is None
    assert with_hydrogens(None) is None
