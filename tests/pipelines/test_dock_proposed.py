"""Poses of a known graph in a pocket: proposed, checked, relaxed, ranked; the control; what is refused is counted."""

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.config import UserError
from molediff.pipelines.dock_proposed import DockProposed
from molediff.pipelines.frame import Frame, cut_pocket
from molediff.pipelines.proposals import DiffusionPoses, RandomPoses
from molediff.sampling import SamplingConfig
from tests.pipelines.pocketbench import cave, placed, pocket_model


@pytest.fixture(scope="module")
def world():
    return cave(radius=8.5)


@pytest.fixture(scope="module")
def poses(world):
    model = pocket_model()
    frame = Frame.of(model, cut_pocket(*world)[0])
    return DiffusionPoses(model, frame, SamplingConfig(steps=3))


def test_poses_depend_on_seed_row_and_number_alone(poses):
    mol = Chem.MolFromSmiles("C[C@H](O)CC")
    many = poses(mol, 4, 6, seed=1)
    assert many.shape == (6, 5, 3) and np.isfinite(many).all()
    np.testing.assert_allclose(replace(poses, batch=2)(mol, 4, 4, seed=1), many[:4], atol=1e-3)
    assert np.abs(poses(mol, 5, 2, seed=1) - many[:2]).max() > 0.1
    assert np.abs(poses(mol, 4, 2, seed=2) - many[:2]).max() > 0.1
    assert np.linalg.norm(many.mean(1) - poses.frame.origin, axis=1).max() < 30
    with pytest.raises(UserError, match="unknown to this model"):
        poses(Chem.MolFromSmiles("CB(O)O"), 0, 1, 0)


def test_the_control_keeps_shapes_and_lies_in_the_site(world):
    mol = Chem.MolFromSmiles("CC(C)c1ccccc1")
    found = RandomPoses(world[1])(mol, 0, 12, seed=3)
    assert found.shape == (12, 9, 3)
    away = np.linalg.norm(found.mean(1) - world[1].centre, axis=1)
    assert away.max() <= 4.0 and away.std() > 0.2
    assert np.abs(np.linalg.norm(found[:, 0] - found[:, 1], axis=1) - 1.53).max() < 0.05
    np.testing.assert_array_equal(found, RandomPoses(world[1])(mol, 0, 12, seed=3))
    assert np.isfinite(RandomPoses(world[1])(mol, 0, 2, seed=-1)).all()
    hand = Chem.MolFromSmiles("C[C@H](O)F")
    for pos in RandomPoses(world[1])(hand, 1, 4, seed=0):
        made = placed("C[C@H](O)F", [0, 0, 0])
        made.GetConformer().SetPositions(pos)
        Chem.AssignStereochemistryFrom3D(made)
        assert Chem.MolToSmiles(made) == "C[C@H](O)F"


class Given:
    """A proposer whose poses are written down: the molecule itself, its mirror image, torn, far, and not finite."""

    def __init__(self, centre):
        self.centre, self.asked = centre, []

    def __call__(self, mol, row, n, seed):
        self.asked.append(row)
        full = Chem.AddHs(mol)
        rdDistGeom.EmbedMolecule(full, randomSeed=11)
        pos = full.GetConformer().GetPositions()[: mol.GetNumAtoms()]
        pos = pos - pos.mean(0)
        torn = pos.copy()
        torn[-1] += 2 * (torn[-1] - torn[-2])
        kinds = [pos, -pos, torn, np.full_like(pos, np.nan)]
        return np.array([kind + self.centre for kind in kinds])


def test_other_stereoisomers_and_torn_poses_are_refused_and_counted(world, tmp_path):
    receptor, site = world
    library = ["C[C@H](O)CC", "C[Se]C", "not a molecule"]
    pipeline = DockProposed(Given(site.centre), "given", samples=4, relax="none")
    first = pipeline(receptor, site, library, workers=1, check=False, parts=tmp_path)
    assert list(first.table.poses) == [1, 0, 0]
    note = first.table.note[0]
    assert "4 poses proposed, 1 used" in note
    assert "1 of another stereoisomer" in note and "1 not finite" in note and "1 with bonds torn or made" in note
    assert "Se" in first.table.reason[1] and first.table.reason[2]
    assert first.counts["failed"] == 2 and first.about["engine"] == "given"
    mol = first.poses[0][0]
    assert mol.GetNumAtoms() == 15
    assert np.linalg.norm(mol.GetConformer().GetPositions()[:5].mean(0) - site.centre) < 0.01
    # a run that goes on asks for nothing it has
    again = DockProposed(given := Given(site.centre), "given", samples=4, relax="none")
    second = again(receptor, site, library, workers=1, check=False, parts=tmp_path)
    assert not given.asked and second.table.drop(columns="name").equals(first.table.drop(columns="name"))


def test_nothing_usable_is_a_row_with_its_reason(world, poses):
    receptor, site = world
    made = DockProposed(poses, "diffusion", samples=2, relax="none")(
        receptor, site, ["C[C@H](O)CC", "CB"], 1, check=False
    )
    assert list(made.table.poses) == [0, 0]
    assert "no pose can be used (2 poses proposed, 0 used" in made.table.reason[0]
    assert "B" in made.table.reason[1]


def test_relaxing_brings_a_pose_into_the_cave(world):
    receptor, site = world
    mol = ["CCO"]
    raw = DockProposed(RandomPoses(site), "random", samples=3, relax="none", energy_range=1e6)
    relaxed = DockProposed(RandomPoses(site), "random", samples=3, relax="vina", energy_range=1e6)
    a, b = (one(receptor, site, mol, 1, check=False) for one in (raw, relaxed))
    assert min(b.scores[0]) < min(a.scores[0]) and a.scores[0] == sorted(a.scores[0])


def test_settings_that_cannot_be(world):
    for wrong in ({"samples": 0}, {"relax": "amber"}, {"poses": 0}, {"rank": "best"}, {"depth": 3}):
        with pytest.raises(UserError):
            DockProposed(RandomPoses(world[1]), "random", **wrong)


def test_a_search_beside_the_proposals_competes_with_them(world):
    receptor, site = world
    shuffled = Chem.RenumberAtoms(placed_with_hydrogens("OCC(=O)N"), [9, 3, 8, 1, 0, 7, 2, 4, 6, 5])
    settings = {"samples": 2, "relax": "vina", "exhaustiveness": 1, "energy_range": 1e6, "poses": 400, "min_rmsd": 1e-6}
    alone = DockProposed(RandomPoses(site), "random", **settings)(receptor, site, [shuffled], 1, check=False)
    both = DockProposed(RandomPoses(site), "hybrid", search="torch", **settings)(
        receptor, site, [shuffled, "C[Se]C"], 1, check=False
    )
    assert len(both.scores[0]) > len(alone.scores[0]) == 2 and set(alone.scores[0]) <= set(both.scores[0])
    assert both.scores[0][0] <= alone.scores[0][0] and both.scores[0] == sorted(both.scores[0])
    assert "poses by the search of torch" in both.table.note[0] and both.table.poses[1] == 0
    for mol in both.poses[0]:  # each hydrogen is at its own atom
        pos = mol.GetConformer().GetPositions()
        ends = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()])
        assert np.linalg.norm(pos[ends[:, 0]] - pos[ends[:, 1]], axis=1).max() < 1.7
    with pytest.raises(UserError, match="smina"):
        DockProposed(RandomPoses(site), "hybrid", search="smina")


@pytest.mark.parametrize("row", range(3))
def test_a_search_whose_open_hydrogen_lies_on_the_other_side_counts_too(world, row):
    receptor, site = world
    settings = {"samples": 1, "relax": "vina", "exhaustiveness": 1, "energy_range": 1e6, "min_rmsd": 0.5}
    library = ["C"] * row + ["CN1CCCC1=N"]  # which side is drawn depends on the row
    made = DockProposed(RandomPoses(site), "hybrid", search="torch", **settings)(
        receptor, site, library, 1, check=False
    )
    assert made.table.poses.iloc[-1] > 1 and not made.table.reason.iloc[-1]


def test_the_search_docks_what_the_model_does_not_know(world):
    def ignorant(mol, row, n, seed):
        raise UserError("Formal charge 3 is unknown to this model.")

    settings = {"samples": 2, "exhaustiveness": 1}
    alone = DockProposed(ignorant, "diffusion", **settings)(*world, ["CCO"], 1, check=False)
    assert alone.table.poses[0] == 0 and alone.table.reason[0] == "Formal charge 3 is unknown to this model."
    both = DockProposed(ignorant, "hybrid", search="torch", **settings)(*world, ["CCO"], 1, check=False)
    assert both.table.poses[0] > 0 and not both.table.reason[0]
    assert "no poses proposed: Formal charge 3" in both.table.note[0] and "by the search of torch" in both.table.note[0]


def test_a_pose_that_lost_its_shape_is_no_other_stereoisomer(world):
    """Nothing about a sulfonamide is stereochemistry; a flat sulphur is a broken one."""

    class Flat:
        def __call__(self, mol, row, n, seed):
            flat = np.array([[1.8, 0, 0], [0, 0, 0], [0, 1.43, 0], [0, -1.43, 0], [-1.65, 0, 0]])
            return np.stack([flat + world[1].centre] * n)

    made = DockProposed(Flat(), "flat", samples=2, relax="none")(*world, ["CS(=O)(=O)N"], 1, check=False)
    assert "2 with a centre out of shape" in made.table.reason[0]


def test_of_the_poses_that_an_order_chooses_among_as_many_are_kept_as_asked_for(world):
    settings = {"samples": 6, "relax": "none", "energy_range": 1e6, "min_rmsd": 0.5}
    many, one = (
        DockProposed(RandomPoses(world[1]), "random", rank="rule", poses=k, **settings)(*world, ["CC(=O)NCCO"], 1)
        for k in (6, 1)
    )
    assert many.table.poses[0] == 6 and one.table.poses[0] == 1 and len(one.poses[0]) == len(one.ranking) == 1
    assert one.ranking.drop(columns="rank").equals(many.ranking.drop(columns="rank").head(1))


def placed_with_hydrogens(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=5)
    return mol
