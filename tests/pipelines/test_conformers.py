"""Conformers: the graph asked for comes out, and what does not come out as asked is counted."""

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
