"""A ligand in a PDB file: its bond orders come from the dictionary of components, or it is a place alone."""

import pytest
from rdkit import Chem

pytest.importorskip("biotite")
pytest.importorskip("hydride")

from molediff.docking import demo
from molediff.docking.ligand_bonds import as_molecule
from molediff.docking.pocket_folder import read_pocket, write_pocket
from molediff.docking.prepare import prepare_receptor
from molediff.docking.reference import read_reference
from molediff.docking.sites import site_of_ligand


@pytest.fixture(scope="module")
def ligand():
    return Chem.RemoveHs(read_reference(demo.demo_complexes()["1ia1"][1]))


def as_pdb(mol, name: str) -> str:
    """Without CONECT, as most programs write it."""
    mol = Chem.Mol(mol)
    for k, atom in enumerate(mol.GetAtoms()):
        about = Chem.AtomPDBResidueInfo(f" {atom.GetSymbol()}{k}".ljust(4)[:4], residueName=name, isHeteroAtom=True)
        atom.SetMonomerInfo(about)
    lines = Chem.MolToPDBBlock(mol).splitlines()
    return "\n".join(line for line in lines if not line.startswith("CONECT")) + "\n"


def test_a_name_of_the_dictionary_gives_the_bonds(ligand, tmp_path, capsys):
    (tmp_path / "a.pdb").write_text(as_pdb(ligand, "TQ3"))
    found = read_reference(tmp_path / "a.pdb")
    assert Chem.MolToSmiles(found) == Chem.MolToSmiles(ligand) and as_molecule(found) is found
    assert abs(found.GetConformer().GetPositions() - ligand.GetConformer().GetPositions()).max() < 1e-3
    assert not capsys.readouterr().err


@pytest.mark.parametrize("name", ["UNL", "MTX"])
def test_any_other_is_a_place_alone_also_from_a_pocket_folder(ligand, tmp_path, name, capsys):
    """MTX is in the dictionary, but another molecule."""
    (tmp_path / "a.pdb").write_text(as_pdb(ligand, name))
    found = read_reference(tmp_path / "a.pdb")
    assert as_molecule(found) is None and found.GetNumAtoms() == ligand.GetNumAtoms()
    assert "does not say the ligand's bond orders" in capsys.readouterr().err
    receptor = prepare_receptor(demo.demo_complexes()["1ia1"][0], ligand=found, chains=["B"])
    write_pocket(tmp_path / "pocket", receptor, site_of_ligand(receptor, found, name), found)
    *_, kept = read_pocket(tmp_path / "pocket")
    assert kept.GetNumAtoms() == ligand.GetNumAtoms() and as_molecule(kept) is None
    write_pocket(tmp_path / "pocket", receptor, site_of_ligand(receptor, ligand, name), ligand)
    *_, kept = read_pocket(tmp_path / "pocket")
    assert Chem.MolToSmiles(as_molecule(kept)) == Chem.MolToSmiles(ligand)


def test_bonds_that_the_file_says_twice_are_believed(tmp_path):
    (tmp_path / "a.pdb").write_text(
        "HETATM    1  C1  UNL A   1       0.000   0.000   0.000  1.00  0.00           C\n"
        "HETATM    2  O1  UNL A   1       1.200   0.000   0.300  1.00  0.00           O\n"
        "CONECT    1    2    2\nCONECT    2    1    1\nEND\n"
    )
    assert Chem.MolToSmiles(as_molecule(read_reference(tmp_path / "a.pdb"))) == "C=O"
