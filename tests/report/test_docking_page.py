"""The page of a docking: its poses and figures, what it leaves out, and why it shows no interactions."""

import pandas as pd
import pytest
from rdkit import Chem

from molediff.docking.ligands import rows_of
from molediff.docking.pool import default_workers
from molediff.evaluation import InputError, poses
from molediff.pipelines.dock import FAILED, collect
from molediff.report.contacts import contacts_of
from molediff.report.docking import _of_the_ligand, write_docking_page
from tests.pipelines.pocketbench import cave, placed


@pytest.fixture
def docked():
    """(a docking of one ligand and one failure, receptor without hydrogens, site)."""
    receptor, site = cave(radius=8.5)
    mol = Chem.AddHs(placed("CCO", site.centre), addCoords=True)
    found = {"smiles": "CCO", "note": "", "reason": "", "read": True, "prepared": True, "scores": [-2.0]}
    found |= {"poses": [Chem.MolToMolBlock(mol)], "figures": [{}]}
    about = {"engine": "torch", "exhaustiveness": 1, "conformers": 1, "seed": 0, "rank": "vina", "site": "box"}
    results = {0: found, 1: FAILED | {"reason": "no molecule"}}
    return collect(rows_of(["CCO", "nonsense("]), results, about | {"poses": 9}), receptor, site


def test_a_page_without_interactions_says_why(docked, tmp_path, monkeypatch):
    asked, judge = [], poses.pose_figures
    monkeypatch.setattr(poses, "pose_figures", lambda *a, **k: asked.append(k["workers"]) or judge(*a, **k))
    why = "RDKit cannot make sense of the protein <it>"
    monkeypatch.setattr(poses, "pose_interactions", lambda *_: (_ for _ in ()).throw(InputError(why)))
    path = write_docking_page(*docked, None, tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert "CCO #1" in text and "1 of 2 ligands docked, 0 best poses PB-valid" in text
    assert "not shown: RDKit cannot make sense of the protein &lt;it&gt;" in text
    assert asked == [default_workers()]  # 0 is one a core, as of every other verb


def test_what_is_no_fault_of_the_input_is_not_hushed_up(monkeypatch):
    monkeypatch.setattr(poses, "pose_interactions", lambda *_: (_ for _ in ()).throw(ValueError("a bug")))
    with pytest.raises(ValueError, match="a bug"):
        contacts_of([], "END", [])


def test_the_protein_that_is_refused_is_named_by_no_temporary_place():
    pytest.importorskip("prolif")
    mol = Chem.AddHs(placed("CCO", [0, 0, 0]), addCoords=True)
    found, why = contacts_of([mol], "END", ["a"])
    assert found is None and why.startswith("'protein.pdb' holds no protein atoms")


def test_another_molecule_than_the_reference_is_no_fault():
    table = pd.DataFrame({"reason": ["rmsd: not_the_ligand", "", "a; rmsd: not_the_ligand; b"], "rmsd": [None] * 3})
    shown = _of_the_ligand(table)
    assert shown["reason"].tolist() == ["", "", "a; b"] and "rmsd" not in shown
    assert "rmsd" in _of_the_ligand(table.assign(rmsd=[None, 1.2, None]))
