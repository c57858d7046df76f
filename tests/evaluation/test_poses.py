"""Poses against a protein and a reference ligand."""

import numpy as np
import pytest
from rdkit import Chem

from molediff.evaluation import evaluate
from molediff.evaluation.errors import InputError
from molediff.evaluation.protocols import PROTOCOLS, Context
from molediff.evaluation.record import from_mol

from .molecules import embedded


@pytest.fixture
def complexed(tmp_path):
    """A ring of carbons and a water round toluene; the crystal pose is toluene itself."""
    mol = embedded("Cc1ccccc1")
    line = "ATOM  {:5d}  CA  ALA A{:4d}    {:8.3f}{:8.3f}{:8.3f}  1.00  0.00           C\n"
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    text = "".join(line.format(i + 1, i + 1, 7 * np.cos(a), 7 * np.sin(a), 0.0) for i, a in enumerate(turn))
    text += "HETATM   99  O   HOH A  99       0.000   0.000   0.000  1.00  0.00           O\nEND\n"
    (tmp_path / "protein.pdb").write_text(text)
    Chem.MolToMolFile(mol, str(tmp_path / "ligand.sdf"))
    return mol, Context(str(tmp_path / "protein.pdb"), str(tmp_path / "ligand.sdf"))


def posed(mol, context):
    return PROTOCOLS["poses"].judge(from_mol(mol, 0), context)


def test_crystal_pose_has_no_rmsd_and_no_clash(complexed):
    row = posed(*complexed)
    assert row["rmsd"] == pytest.approx(0, abs=1e-3) and row["within_2A"]
    assert row["clashes_heavy"] == 0 and row["no_clash"] and row["closest"] > 3, "water is not a clash"


def test_shift_is_the_rmsd_and_symmetry_is_not(complexed):
    mol, context = complexed
    pos = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(pos + np.array([0, 0, 3]))
    assert posed(mol, context)["rmsd"] == pytest.approx(3, abs=1e-3)
    assert not posed(mol, context)["within_2A"]
    flipped = pos.copy()
    ring = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 6][1:]
    # turn the ring over: ortho and meta carbons change places
    flipped[[ring[1], ring[5]]] = pos[[ring[5], ring[1]]]
    flipped[[ring[2], ring[4]]] = pos[[ring[4], ring[2]]]
    mol.GetConformer().SetPositions(flipped)
    assert posed(mol, context)["rmsd"] == pytest.approx(0, abs=1e-3)


def test_clash_is_counted_and_other_molecules_have_no_rmsd(complexed):
    mol, context = complexed
    mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() + np.array([6, 0, 0]))
    row = posed(mol, context)
    assert row["clashes_heavy"] > 0 and row["clashes"] is None and not row["no_clash"]
    other = posed(embedded("CCO"), context)
    assert other["rmsd"] is None and other["reason"] == "not_the_ligand"


def test_unreadable_protein_or_ligand_is_the_users_error(complexed, tmp_path):
    mol, context = complexed
    (tmp_path / "empty.pdb").write_text("END\n")
    (tmp_path / "empty.sdf").write_text("nothing\n")
    for workers in (0, 1):
        with pytest.raises(InputError, match="protein atoms"):
            evaluate([mol], ("poses",), protein=str(tmp_path / "empty.pdb"), workers=workers)
    with pytest.raises(InputError, match="reference pose"):
        evaluate([mol], ("poses",), protein=context.protein, ligand=str(tmp_path / "empty.sdf"), workers=0)


def test_real_complex_passes_redocking_checks(shared, tmp_path):
    import tarfile

    with tarfile.open(shared / "complexes" / "astex_diverse.tar.xz") as held:
        for name in ("protein.pdb", "ligand.sdf"):
            held.extract(f"astex_diverse/1G9V_RQ3/{name}", tmp_path, filter="data")
    folder = tmp_path / "astex_diverse" / "1G9V_RQ3"
    files = {"protein": str(folder / "protein.pdb"), "ligand": str(folder / "ligand.sdf")}
    names = ("poses", "posebusters-redock-fast")
    report = evaluate(folder / "ligand.sdf", names, workers=0, bootstrap=0, **files)
    assert report.value("poses", "rmsd_median") == pytest.approx(0, abs=1e-3)
    assert report.value("posebusters-redock-fast", "pass") == 100
