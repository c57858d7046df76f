"""The torch docker: finds what Vina would, the same for the same seed, and says why it cannot."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from dockbench import small_pocket
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.config import UserError
from molediff.docking.ligand import Ligand
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.torch_vina import LigandTerms, ReceptorTerms, SearchSettings, score
from molediff.docking.torch_vina import dock_torch as dock_with
from molediff.docking.torch_vina.search import spread

QUICK = DockConfig(exhaustiveness=1, poses=5)
SMALL = SearchSettings(chains=32, rounds=1.0, scouts=4)


def dock_torch(receptor, site, ligand, config):
    return dock_with(receptor, site, ligand, config, SMALL)


@pytest.fixture(scope="module")
def pocket():
    return small_pocket()


@pytest.fixture(scope="module")
def ligand(pocket):
    mol = Chem.AddHs(Chem.MolFromSmiles(Chem.MolToSmiles(pocket[2])))
    AllChem.EmbedMolecule(mol, randomSeed=4)
    return Ligand(3, "x", mol)


@pytest.fixture(scope="module")
def docked(pocket, ligand):
    return dock_torch(pocket[0], pocket[1], ligand, QUICK)


def test_goes_below_the_crystal_pose(pocket, ligand, docked):
    """The search must find at least what the crystal pose, unrelaxed, is worth."""
    crystal = Chem.AddHs(pocket[2], addCoords=True)
    terms, protein = LigandTerms.of(crystal), ReceptorTerms.of(pocket[0])
    given = score(torch.tensor(crystal.GetConformer().GetPositions())[None], terms, protein).total.item()
    assert docked.reason == "" and given < -5
    assert docked.scores[0] < given


def test_scores_are_of_the_poses_and_in_order(pocket, docked):
    terms, protein = LigandTerms.of(docked.ligand.mol), ReceptorTerms.of(pocket[0])
    pos = torch.tensor(np.array([c.GetPositions() for c in docked.poses.GetConformers()]))
    found = score(pos, terms, protein)
    again = (found.inter + found.intra - found.intra[0]) / terms.divisor
    assert torch.allclose(again, torch.tensor(docked.scores, dtype=torch.float64), atol=1e-6)
    assert list(docked.scores) == sorted(docked.scores)
    assert docked.scores[-1] - docked.scores[0] <= QUICK.energy_range
    assert 1 <= len(docked.scores) <= QUICK.poses


def test_poses_are_inside_apart_and_unbroken(pocket, docked):
    site = pocket[1]
    mol = docked.poses
    heavy = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    pos = np.array([c.GetPositions() for c in mol.GetConformers()])
    assert (np.abs(pos[:, heavy] - site.centre) <= site.size / 2 + 0.011).all()
    apart = np.sqrt(((pos[:, None, heavy] - pos[None, :, heavy]) ** 2).sum(-1).mean(-1))
    assert apart[~np.eye(len(pos), dtype=bool)].min(initial=9) >= QUICK.min_rmsd
    start = docked.ligand.mol.GetConformer().GetPositions()
    for b in mol.GetBonds():
        i, j = b.GetBeginAtomIdx(), b.GetEndAtomIdx()
        assert np.linalg.norm(pos[:, i] - pos[:, j], axis=-1) == pytest.approx(
            np.linalg.norm(start[i] - start[j]), abs=1e-4
        )


def test_the_seed_and_the_row_decide(pocket, ligand, docked):
    receptor, site, _ = pocket
    assert dock_torch(receptor, site, ligand, QUICK).scores == docked.scores
    other = dock_torch(receptor, site, dataclasses.replace(ligand, row=4), QUICK)
    assert other.scores != docked.scores
    assert dock_torch(receptor, site, ligand, dataclasses.replace(QUICK, seed=9)).scores != docked.scores


def test_time_is_kept(pocket, ligand):
    found = dock_torch(pocket[0], pocket[1], ligand, dataclasses.replace(QUICK, seconds=0.01))
    assert found.reason == "" and len(found.scores) >= 1


@pytest.mark.parametrize(
    "mol, reason",
    [
        (None, "not prepared"),
        ("C.C", "more than one fragment"),
        ("CB(O)O", "no parameters for B"),
        ("CCO", "no conformer"),
    ],
)
def test_reasons(pocket, mol, reason):
    if mol is not None:
        bare = mol == "CCO"
        mol = Chem.AddHs(Chem.MolFromSmiles(mol))
        if not bare:
            AllChem.EmbedMolecule(mol, randomSeed=1)
    found = dock_torch(pocket[0], pocket[1], Ligand(0, "x", mol), QUICK)
    assert found.poses is None and reason in found.reason


def test_box_off_the_protein_and_unknown_device(pocket, ligand):
    receptor, site, _ = pocket
    away = Site(site.centre + 500, site.size, "box")
    assert "no receptor atom" in dock_torch(receptor, away, ligand, QUICK).reason
    with pytest.raises(UserError, match="nowhere"):
        dock_torch(receptor, site, ligand, dataclasses.replace(QUICK, device="nowhere"))


def test_box_too_small(pocket, ligand):
    receptor, site, _ = pocket
    tiny = Site(site.centre, np.full(3, 2.0), "box")
    assert "inside the box" in dock_torch(receptor, tiny, ligand, QUICK).reason


def test_a_ligand_without_torsions(pocket):
    mol = Chem.AddHs(Chem.MolFromSmiles("c1ccccc1"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    found = dock_torch(pocket[0], pocket[1], Ligand(0, "benzene", mol), QUICK)
    assert found.scores[0] < -2


def test_two_conformers_are_merged(pocket, ligand):
    mol = Chem.Mol(ligand.mol)
    mol.AddConformer(Chem.Conformer(mol.GetConformer()), assignId=True)
    found = dock_torch(pocket[0], pocket[1], Ligand(3, "x", mol), dataclasses.replace(QUICK, conformers=2))
    assert list(found.scores) == sorted(found.scores) and len(found.scores) >= 1


def test_spread_keeps_the_better_of_two_near():
    energy = torch.tensor([0.0, -1.0, -0.5, -2.0])
    pos = torch.tensor([[0.0, 0, 0], [0.5, 0, 0], [9, 0, 0], [30, 0, 0]])
    assert spread(energy, pos, 10, 1.0).tolist() == [3, 1, 2]
    assert spread(energy, pos, 2, 1.0).tolist() == [3, 1]


def test_settings_are_checked():
    with pytest.raises(UserError, match="at least 1"):
        SearchSettings(chains=0)
