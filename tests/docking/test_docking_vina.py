"""Vina: poses come back onto the molecule that went in, and nothing of it has changed."""

import numpy as np
import pytest
from dockbench import small_pocket
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdMolTransforms

from molediff.config import UserError
from molediff.docking.ligand import Docked, Ligand, with_poses
from molediff.docking.ligands import prepare, rows_of
from molediff.docking.scoring import outside
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.tasks import ScoreTask, sound

pytest.importorskip("meeko")

from molediff.docking import pdbqt_ligand
from molediff.docking.pdbqt_ligand import faults, isomer, onto, to_pdbqt
from molediff.docking.vina import VinaPocket

MOLECULES = ["CC(=O)Nc1ccc(O)cc1", "C[C@H](N)C(=O)O", "CC", "C1CCCCCCC1CO", "C/C=C/CO", "c1ccsc1CCl"]


@pytest.fixture(scope="module")
def pocket():
    pytest.importorskip("vina")
    receptor, site, _ = small_pocket()
    return VinaPocket(receptor, site, seed=1)


def ligand(smiles, **settings) -> Ligand:
    return prepare(rows_of([smiles])[0], DockConfig(**settings))


@pytest.mark.parametrize("smiles", MOLECULES)
def test_a_pose_that_turned_and_twisted_comes_back_with_every_hydrogen(smiles):
    """The file is moved as docking would: all atoms rotated and one torsion turned; every atom lands where it must."""
    mol = ligand(smiles).mol
    written = to_pdbqt(mol)
    moved = Chem.Mol(mol)
    quad = Chem.MolFromSmarts("[!#1]~[!#1;!R]-;!@[!#1;!R]~[!#1]")
    match = mol.GetSubstructMatch(quad) if smiles.startswith("C[C@H]") else ()
    if match:
        rdMolTransforms.SetDihedralDeg(
            moved.GetConformer(), *match, rdMolTransforms.GetDihedralDeg(mol.GetConformer(), *match) + 75.0
        )
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    truth = moved.GetConformer().GetPositions() @ turn.T + [3.0, -2.0, 7.0]
    lines = []
    for line in written.text.splitlines():
        if line.startswith("ATOM") and int(line[6:11]) in written.serials:
            x, y, z = truth[written.serials[int(line[6:11])]]
            line = f"{line[:30]}{x:8.3f}{y:8.3f}{z:8.3f}{line[54:]}"
        lines.append(line)
    back = onto(mol, -1, written, "\n".join(lines))
    if smiles == "CC":  # the turn about the axis is not in the file; both ends make the same one
        back, truth = (np.linalg.norm(x[:, None] - x[None], axis=2) for x in (back, truth))
        assert np.abs(back - truth).max() < 0.01
        return
    assert np.abs(back - truth).max() < 0.01
    assert faults(mol, -1, back, written.opened) == ""


def test_a_pose_of_another_isomer_or_with_a_stretched_bond_is_refused():
    mol = ligand("C[C@H](N)C(=O)O").mol
    here = mol.GetConformer().GetPositions()
    assert "docking changed the molecule" in faults(mol, -1, here * [-1, 1, 1])
    stretched = here.copy()
    stretched[2] += [0.5, 0, 0]
    assert "changed the bond" in faults(mol, -1, stretched)
    failed = sound(Docked(Ligand(0, "x", mol), with_poses(mol, [here * [-1, 1, 1]]), (-5.0,)))
    assert failed.poses is None and "docking changed the molecule" in failed.reason
    assert sound(Docked(Ligand(0, "x", mol), with_poses(mol, [here]), (float("nan"),))).poses is None
    ion = Chem.MolFromMolBlock(Chem.MolToMolBlock(with_poses(Chem.MolFromSmiles("[Cl-]"), [np.ones((1, 3))])))
    assert sound(Docked(Ligand(0, "x", ion), with_poses(ion, [np.zeros((1, 3))]), (-1.0,))).poses is not None


def test_docking_keeps_the_molecule_and_finds_its_own_score(pocket):
    config = DockConfig(exhaustiveness=1, poses=4, seed=1, conformers=2)
    one = ligand("C[C@H](O)c1ccc(N)cc1", conformers=2)
    first, other, again = (pocket.dock(x, config) for x in (one, ligand("CCO"), one))
    assert first.reason == "" and first.scores == again.scores and other.scores
    assert list(first.scores) == sorted(first.scores) and len(first.scores) <= 4
    was = isomer(one.mol, one.mol.GetConformer().GetPositions())
    for k, score in enumerate(first.scores):
        places = first.poses.GetConformer(k).GetPositions()
        assert isomer(first.poses, places) == was
        assert np.linalg.norm(places.mean(0) - pocket.site.centre) < 12
        if not outside(pocket.site, first.poses, k):
            assert abs(pocket.score(first.poses, k).score - score) < 0.6  # Vina docks against the best pose's intra


def test_the_minimised_pose_is_lower_in_the_maps_and_near(pocket):
    _, _, crystal = small_pocket()
    mol = Chem.AddHs(crystal, addCoords=True)
    found = pocket.score(mol)
    assert found.score < -6 and found.minimised < -6
    moved = np.abs(found.places - mol.GetConformer().GetPositions()).max()
    assert 0 < moved < 2.0
    assert faults(mol, -1, found.places) == ""


def test_a_pose_outside_the_box_a_macrocycle_and_too_many_torsions(pocket):
    mol = Chem.Mol(ligand("CCO").mol)
    with pytest.raises(ValueError, match="outside the box"):
        pocket.score(mol)
    assert "rotatable bonds" in pocket.dock(ligand("CCCCCC"), DockConfig(torsions=2)).reason
    ring = pocket.dock(ligand("C1CCCCCCCCC1"), DockConfig(exhaustiveness=1, poses=1))
    assert ring.reason == "" or "changed the bond" in ring.reason


def test_a_box_off_the_protein_is_the_users_error():
    pytest.importorskip("vina")
    receptor, site, _ = small_pocket()
    with pytest.raises(UserError, match="No atom of the receptor"):
        VinaPocket(receptor, Site(site.centre + 500, site.size, "box"))


def test_scoring_gives_every_pose_a_row(pocket):
    _, _, crystal = small_pocket()
    flat = Chem.MolFromSmiles("CCO")
    task = ScoreTask(pocket.receptor, pocket.site, "vina", DockConfig())
    task.pocket = pocket
    blocks = [Chem.MolToMolBlock(m) for m in (crystal, ligand("CCO").mol)]
    rows = [*rows_of([Chem.MolFromMolBlock(b, removeHs=False) for b in blocks]), *rows_of([flat, "CC.C", None])]
    found = task(rows)
    assert found[0]["score"] < -6 and "hydrogens added" in found[0]["note"]
    assert [f["score"] is None for f in found] == [False, True, True, True, True]
    assert "outside the box" in found[1]["reason"] and "3D" in found[2]["reason"] and "fragments" in found[3]["reason"]
    borane = Chem.AddHs(Chem.MolFromSmiles("CB(C)C"))
    rdDistGeom.EmbedMolecule(borane, randomSeed=1)
    (unknown,) = task(rows_of([borane]))  # no pose for Vina, but one for others
    assert unknown["score"] is None and "holds B" in unknown["reason"] and unknown["read"] and unknown["block"]


def test_silicon_is_scored_alike_by_both(pocket):
    """Models of drug-like molecules make it."""
    _, site, _ = small_pocket()
    mol = ligand("C[SiH2]C").mol
    pos = mol.GetConformer().GetPositions()
    mol.GetConformer().SetPositions(pos - pos.mean(0) + site.centre)
    found = []
    for engine in ("vina", "torch"):
        task = ScoreTask(pocket.receptor, pocket.site, engine, DockConfig())
        task.start()
        (one,) = task(rows_of([mol]))
        assert not one["reason"]
        found.append(one["score"])
    assert found[0] == pytest.approx(found[1], abs=1e-3) and found[0] < 0


def test_a_broken_meeko_ends_the_run_and_is_no_reason_of_a_ligand(pocket, monkeypatch):
    def broken(rigid_rings: bool):
        raise UserError("Docking with Vina needs meeko")

    monkeypatch.setattr(pdbqt_ligand, "_meeko", broken)
    mol = Chem.AddHs(small_pocket()[2], addCoords=True)
    with pytest.raises(UserError, match="needs meeko"):
        pocket.scores([mol])
    with pytest.raises(UserError, match="needs meeko"):
        pocket.dock(ligand("CCO"), DockConfig(exhaustiveness=1))
