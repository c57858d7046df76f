"""Poses compared by how well a model recovers them from noise: an oracle, symmetries, and the order that follows."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem

from molediff.config import UserError
from molediff.pipelines.denoising import DenoisingError
from molediff.pipelines.dock import Dock
from molediff.pipelines.dock_proposed import DockProposed
from molediff.pipelines.frame import Frame, cut_pocket
from molediff.structures import Estimate
from tests.pipelines.pocketbench import cave, placed, pocket_model, turned


@pytest.fixture(scope="module")
def world():
    return cave(radius=8.5)


@pytest.fixture(scope="module")
def model():
    return pocket_model()


def error_in(world, model) -> DenoisingError:
    return DenoisingError(model, Frame.of(model, cut_pocket(*world)[0]))


def poses_of(smiles: str, centre, shifts) -> Chem.Mol:
    """One molecule at several places."""
    mol = placed(smiles, centre)
    first = mol.GetConformer().GetPositions()
    mol.RemoveAllConformers()
    for shift in shifts:
        conformer = Chem.Conformer(mol.GetNumAtoms())
        conformer.SetPositions(first + np.asarray(shift, dtype=float))
        mol.AddConformer(conformer, assignId=True)
    return mol


def test_a_model_that_knows_the_truth_gives_the_distance_from_it(world, model, monkeypatch):
    error = error_in(world, model)
    mol = poses_of("CC(=O)NC", world[1].centre, [(0, 0, 0.5), (2.0, 0, 0), (0, 3, 4)])
    truth = torch.tensor(placed("CC(=O)NC", world[1].centre).GetConformer().GetPositions() - error.frame.origin)

    def knows(noisy, times, condition):
        said = Estimate.unsaid(noisy.pos, model.vocabulary.sizes)
        return replace(said, pos=truth.float().expand(len(noisy), -1, -1))

    monkeypatch.setattr(model, "forward", knows)
    np.testing.assert_allclose(error(mol), np.log([0.25, 4.0, 25.0]), atol=1e-4)


def test_the_error_belongs_to_the_pose_its_pocket_and_the_seed(world, model):
    error = error_in(world, model)
    mol = poses_of("C[C@H](O)CC", world[1].centre, [(0, 0, 0), (1.5, 0, 0), (0, 2, 1)])
    found = error(mol)
    assert found.shape == (3,) and np.isfinite(found).all() and np.ptp(found) > 1e-4
    alone = Chem.Mol(mol, confId=mol.GetConformers()[2].GetId())
    np.testing.assert_allclose(error(alone), found[2:], atol=1e-5)
    np.testing.assert_allclose(error(Chem.AddHs(mol, addCoords=True)), found, atol=1e-5)
    np.testing.assert_array_equal(error(mol), found)
    assert np.abs(replace(error, seed=1)(mol) - found).max() > 1e-4
    shift, steps = np.array([30.0, -7.0, 2.0]), np.array([(0, 0, 0), (1.5, 0, 0), (0, 2, 1)])
    receptor = turned(world[0], np.eye(3), shift)
    moved = poses_of("C[C@H](O)CC", world[1].centre, shift + steps)
    elsewhere = error_in((receptor, replace(world[1], centre=world[1].centre + shift)), model)
    np.testing.assert_allclose(elsewhere(moved), found, atol=1e-3)


def test_what_cannot_be_compared_is_said(world, model):
    error = error_in(world, model)
    with pytest.raises(UserError, match="unknown to this model"):
        error(placed("CB(O)O", world[1].centre))
    with pytest.raises(UserError, match="no coordinates"):
        error(Chem.MolFromSmiles("CCO"))


class Three:
    """A proposer of three places of one conformer."""

    def __init__(self, centre):
        self.centre = centre

    def __call__(self, mol, row, n, seed):
        pos = placed(Chem.MolToSmiles(mol, canonical=False), self.centre).GetConformer().GetPositions()
        return np.stack([pos, pos + np.array([2.5, 0, 0]), pos + np.array([0, 2.5, 0])])


def test_the_order_is_the_score_and_the_error(world, monkeypatch):
    monkeypatch.setattr("tests.pipelines.pocketbench.ELEMENTS", ("C", "N", "O"))
    model, (receptor, site) = pocket_model(), world
    settings = {"samples": 3, "relax": "none", "energy_range": 1e6}
    pipeline = DockProposed(Three(site.centre), "three", rank="model", model=model, **settings)
    made = pipeline(receptor, site, ["CCCO", "CCCCl"], workers=1, check=False)
    t = made.ranking[made.ranking.row == 0]
    error = t["denoising_error"].to_numpy(float)
    assert len(t) == 3 and np.isfinite(error).all()
    np.testing.assert_allclose(t["value"], t["score"].astype(float) + error - error.min(), atol=1e-3)
    assert t["value"].is_monotonic_increasing and list(t["rank"]) == [1, 2, 3]
    plain = DockProposed(Three(site.centre), "three", **settings)(receptor, site, ["CCCO"], 1, check=False)
    assert plain.ranking["denoising_error"].isna().all()
    # The same poses, whatever their order.
    np.testing.assert_allclose(sorted(plain.scores[0]), sorted(made.scores[0]))
    unknown = made.table.iloc[1]
    assert unknown["poses"] == 3 and "in the engine's order" in unknown["note"] and "17" in unknown["note"]


def test_the_pose_that_comes_first_is_the_one_that_is_checked(world, model):
    receptor, site = world
    settings = {"samples": 3, "relax": "none", "energy_range": 1e6}
    made = DockProposed(Three(site.centre), "three", rank="model", model=model, **settings)(
        receptor, site, ["CCCO"], workers=1
    )
    assert made.ranking["pb_valid"].notna().tolist() == [True, False, False]
    assert made.table["pb_valid"].notna().all()


def test_an_order_by_a_model_needs_one_that_reads_pockets():
    with pytest.raises(UserError, match="model=load"):
        Dock("torch", rank="model")
    with pytest.raises(UserError, match="reads none"):
        Dock("torch", rank="model", model=pocket_model(pocket=False))
