"""Conformers: the graph asked for comes out, and what does not come out as asked is counted."""

import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.chem.asked import graph_as_asked, stereo_as_asked
from molediff.config import UserError
from molediff.pipelines import Conformers


def embedded(smiles, mirror=False, seed=1):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMolecule(mol, randomSeed=seed)
    if mirror:
        conformer = mol.GetConformer()
        for k in range(mol.GetNumAtoms()):
            p = conformer.GetAtomPosition(k)
            p.x = -p.x
            conformer.SetAtomPosition(k, p)
    return mol


@pytest.mark.parametrize("smiles", ["C[C@H](O)[C@@H]1CCOC1", "N[C@@H](C)C(=O)O", "F/C=C/Cl", "F/C=C\\Cl", "CCO"])
def test_an_embedded_molecule_is_as_asked_and_its_mirror_image_is_not(smiles):
    assert stereo_as_asked(embedded(smiles))
    assert graph_as_asked(embedded(smiles))
    assert stereo_as_asked(embedded(smiles, mirror=True)) == ("@" not in smiles)


def test_the_wrong_side_of_a_double_bond_is_seen():
    mol = embedded("F/C=C/Cl")
    other = embedded("F/C=C\\Cl")
    mol.GetConformer().SetPositions(other.GetConformer().GetPositions())
    assert not stereo_as_asked(mol)


def test_atoms_torn_apart_are_seen():
    mol = embedded("CCO")
    p = mol.GetConformer().GetAtomPosition(0)
    p.x += 4
    mol.GetConformer().SetAtomPosition(0, p)
    assert not graph_as_asked(mol)


def test_a_row_for_every_conformer_and_the_graph_as_given(small_model):
    out = Conformers(small_model)(["C[C@H](O)F", "CC#N"], n=3, steps=3, batch=4)
    assert len(out.table) == 6
    assert list(out.table.molecule) == [0, 0, 0, 1, 1, 1]
    assert Chem.MolToSmiles(Chem.RemoveHs(out.mols[0])) == Chem.CanonSmiles("C[C@H](O)F")
    good = out.table[out.table.as_asked]
    assert [m.GetNumConformers() for m in out.mols] == [int((good.molecule == k).sum()) for k in range(2)]
    assert (out.table.reason[~out.table.as_asked] != "").all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("C(", "not a molecule"),
        ("CC.O", "fragments"),
        ("C[Si](C)(C)C", "unknown to this model"),
        ("", "not a molecule"),
    ],
)
def test_bad_molecules_are_refused(small_model, given, message):
    with pytest.raises(UserError, match=message):
        Conformers(small_model)([given], n=1, steps=1)


def test_a_bad_molecule_does_not_stop_the_others(small_model, tmp_path):
    """They have what they would have alone; it has failed rows that say why, and counts."""
    asked = ["CCO", "C(", "C[Si](C)(C)C", "CC#N"]
    made = Conformers(small_model)(asked, n=2, steps=2)
    alone = Conformers(small_model)(["CCO", "CC#N"], n=2, steps=2)
    assert made.table.molecule.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [mol is None for mol in made.mols] == [False, True, True, False]
    bad = made.table[made.table.molecule.isin([1, 2])]
    assert not bad.as_asked.any() and bad.smiles.tolist() == ["C(", "C(", "C[Si](C)(C)C", "C[Si](C)(C)C"]
    assert "not a molecule" in bad.reason.iloc[0] and "unknown to this model" in bad.reason.iloc[2]
    good = made.table[made.table.molecule.isin([0, 3])].reset_index(drop=True)
    assert good.drop(columns="molecule").equals(alone.table.drop(columns="molecule"))
    made.save(tmp_path)
    assert len(pd.read_csv(tmp_path / "conformers.csv")) == 8


@pytest.mark.parametrize(
    ("bad", "said"), [(None, "could not read it"), (Chem.MolFromSmiles("CCO", sanitize=False), "Sanitise it first")]
)
def test_what_rdkit_cannot_use_is_a_failed_row(small_model, bad, said):
    made = Conformers(small_model)(["CCO", bad], n=1, steps=1)
    assert made.mols[0] is not None and made.mols[1] is None and len(made.table) == 2
    assert said in made.table.reason[1] and not made.table.as_asked[1]


def test_nothing_given_is_refused(small_model):
    with pytest.raises(UserError, match="No molecule"):
        Conformers(small_model)([], n=1)


def test_conformers_cut_off_go_on_with_the_same_result(small_model, tmp_path):
    asked = {"molecules": ["C[C@H](O)F", "CC#N"], "n": 3, "steps": 3, "batch": 2}
    plain = Conformers(small_model)(**asked)

    def dies(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Conformers(small_model)(**asked, parts=tmp_path, progress=dies)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("batch-*.npz")}
    assert len(kept) == 2
    again = Conformers(small_model)(**asked, parts=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert again.table.equals(plain.table)


@pytest.mark.parametrize("side", [Chem.BondStereo.STEREOCIS, Chem.BondStereo.STEREOTRANS])
def test_a_side_that_was_set_on_a_bond_is_asked_for(small_model, side):
    mol = Chem.MolFromSmiles("CC=CC")
    mol.GetBondWithIdx(1).SetStereoAtoms(0, 3)
    mol.GetBondWithIdx(1).SetStereo(side)
    wanted = Chem.MolToSmiles(mol)
    prepared = Conformers(small_model)._prepare(mol)
    assert wanted in ("C/C=C\\C", "C/C=C/C") and Chem.MolToSmiles(Chem.RemoveHs(prepared)) == wanted
    plain = Conformers(small_model)._prepare("CC=CC")
    assert Chem.MolToSmiles(Chem.RemoveHs(plain)) == "CC=CC"
