"""The pocket as the frame of a run: cuts, origins, what stays where it was, and turning everything together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem

from molediff.config import UserError
from molediff.geometry import random_rotations
from molediff.model import SizePrior
from molediff.noise import Draws, MoleculeNoise
from molediff.pipelines import Generate
from molediff.pipelines.frame import Frame, cut_pocket, ligand_sizes, residue_numbers
from molediff.pipelines.placement import check_placement
from molediff.pipelines.tasks import Grow, Optimise, Retype, Task
from molediff.sampling import SamplingConfig, sample
from molediff.structures import Pocket
from tests.pipelines.pocketbench import cave, placed, pocket_model, turned, write_sdf


@pytest.fixture(scope="module")
def model():
    return pocket_model()


@pytest.fixture(scope="module")
def world():
    """(receptor, site, reference)."""
    receptor, site = cave()
    return receptor, site, placed("CCOc1ccccc1", site.centre)


@pytest.fixture(scope="module")
def frame(model, world):
    return Frame.of(model, cut_pocket(*world)[0])


@pytest.fixture(scope="module")
def core(world, tmp_path_factory):
    beside = world[1].centre + np.array([1.0, 0.5, -0.5])
    return write_sdf(tmp_path_factory.mktemp("core") / "core.sdf", placed("c1ccoc1", beside))


def test_origin_is_the_mean_of_the_pocket(model, world, frame):
    pocket, left_out = cut_pocket(*world)
    assert left_out == 0 and frame.atoms == int(pocket.mask.sum())
    np.testing.assert_allclose(frame.origin, pocket.pos[0].double().mean(0), atol=1e-5)
    assert frame.pocket.pos[0].mean(0).abs().max() < 1e-5
    np.testing.assert_allclose(frame.pocket.pos[0].double() + frame.origin, pocket.pos[0].double(), atol=1e-5)


def test_a_cut_is_of_whole_residues_near_the_ligand_or_the_centre(world):
    receptor, site = cave(90, 10.5)
    reference = world[2]
    group = residue_numbers(receptor)
    for pocket, points, radius in (
        (cut_pocket(receptor, site, reference)[0], reference.GetConformer().GetPositions(), 8.0),
        (cut_pocket(receptor, site)[0], site.centre[None], 11.0),
    ):
        kept = {tuple(p) for p in pocket.pos[0].numpy().round(3).tolist()}
        inside = [tuple(p) in kept for p in receptor.pos.astype(np.float32).round(3).tolist()]
        near = np.linalg.norm(receptor.pos[:, None] - points, axis=-1).min(1) <= radius
        wanted = np.isin(group, group[near])
        assert (np.array(inside) == wanted).all() and wanted.any() and not wanted.all()


def test_too_large_a_pocket_keeps_the_nearest_residues():
    receptor, site = cave(residues=140, radius=8.0)
    pocket, left_out = cut_pocket(receptor, site)
    atoms = int(pocket.mask.sum())
    assert atoms == 500 and left_out > 0
    kept = np.linalg.norm(pocket.pos[0].numpy() - site.centre, axis=1).reshape(-1, 5).min(1)
    all_of_them = np.linalg.norm(receptor.pos - site.centre, axis=1).reshape(-1, 5).min(1)
    assert kept.max() <= np.sort(all_of_them)[100 - 1] + 1e-4


def test_no_pocket_no_frame(model, world):
    empty = Pocket(torch.zeros(1, 0, 3), *[torch.zeros(1, 0, dtype=torch.long)] * 2, *[torch.zeros(1, 0) > 0] * 2)
    with pytest.raises(UserError, match="no atoms"):
        Frame.of(model, empty)
    receptor, site, _ = world
    with pytest.raises(UserError, match="pocket is empty"):
        cut_pocket(receptor, replace(site, centre=site.centre + 100))
    with pytest.raises(UserError, match="knows no pockets"):
        Frame.of(pocket_model(pocket=False), cut_pocket(*world)[0])


def test_a_known_core_stays_where_it_was(model, frame, core):
    task = Grow.read(core, model, frame=frame)
    out = Generate(model)(n=3, steps=4, seed=1, atoms="3", task=task)
    assert out.table.known_exact.all()
    for mol in out.mols:
        assert np.abs(mol.GetConformer().GetPositions()[: task.count] - task.source.pos).max() < 1e-4
        assert np.linalg.norm(mol.GetConformer().GetPositions() - frame.origin, axis=1).max() < 40
    given = task.given(task.sizes(model, 1, 0, "3"), [0])
    np.testing.assert_allclose(given.pos[0, : task.count].numpy() + frame.origin, task.source.pos, atol=1e-4)


def test_retyped_positions_and_leads_are_in_the_frame(model, frame, core):
    out = Generate(model)(n=2, steps=3, task=Retype(core, model, frame))
    assert out.table.known_exact.all()
    lead = Optimise(core, model, change=0.05, frame=frame)
    out = Generate(model)(n=2, steps=20, task=lead)
    moved = [np.abs(m.GetConformer().GetPositions() - lead.source.pos).max() for m in out.mols]
    assert max(moved) < 1.0  # almost no noise: the lead, in its place


def test_in_a_pocket_a_lead_may_be_as_large_as_the_ligands_of_complexes(frame, core):
    atoms = Chem.MolFromMolFile(str(core)).GetNumAtoms()
    small = pocket_model()
    for in_pockets, largest in (({}, atoms - 1), ({atoms + 1: 2}, atoms + 1)):
        small.sizes = SizePrior({atoms - 1: 3}, in_pockets)
        grow = Grow.read(core, small, frame=frame)
        for task in (Retype(core, small, frame), Optimise(core, small, frame=frame), grow):
            assert task.seen(small).range == (atoms - 1, largest)
            if largest < atoms:
                with pytest.raises(UserError, match="largest molecule that this model was trained on"):
                    task.sizes(small, 1, 0, "")
            else:
                table = Generate(small)(n=1, steps=2, task=task).table
                assert table.in_domain.all() and table.atoms.min() >= atoms
        for free in (Retype(core, small), Optimise(core, small)):
            with pytest.raises(UserError, match="largest molecule that this model was trained on"):
                free.sizes(small, 1, 0, "")


def test_everything_sees_the_pocket(model, frame, core):
    for task in (Task(frame), Grow.read(core, model, frame=frame), Retype(core, model, frame)):
        part = task.given(task.sizes(model, 2, 0, ""), [0, 1])
        condition = task.condition(part, [0, 1])
        assert condition.pocket.pos.shape == (2, frame.atoms, 3)
        start = task.settings(SamplingConfig(), model).start
        assert 3 < start < 6
        assert task.settings(SamplingConfig(start=2.0), model).start == 2.0
    assert Task().settings(SamplingConfig(), model).start == 0.0
    assert Task().condition(part, [0, 1]).pocket is None


def test_another_pocket_gives_other_molecules(model, frame, world):
    receptor, site, reference = world
    other = replace(receptor, element=receptor.element[::-1], name=receptor.name[::-1])
    second = Frame.of(model, cut_pocket(other, site, reference)[0])
    a, b = (Generate(model)(n=1, steps=4, atoms="7", task=Task(f)).mols[0] for f in (frame, second))
    assert np.abs(a.GetConformer().GetPositions() - b.GetConformer().GetPositions()).max() > 1e-3


@pytest.mark.parametrize("kind", ["nothing", "core"])
def test_turning_the_files_turns_the_molecules(model, world, core, tmp_path, kind):
    """Protein, ligand and core turned and moved together, with the noise turned too."""
    receptor, site, reference = world
    turn = random_rotations(1, torch.Generator().manual_seed(4), torch.float64)[0].numpy()
    shift = np.array([3.0, -7.0, 11.0])
    made = []
    for moved in (False, True):
        ligand, there, path = reference, receptor, core
        if moved:
            ligand, there = Chem.Mol(reference), turned(receptor, turn, shift)
            ligand.GetConformer().SetPositions(reference.GetConformer().GetPositions() @ turn + shift)
            mol = next(iter(Chem.SDMolSupplier(core, sanitize=False)))
            mol.GetConformer().SetPositions(mol.GetConformer().GetPositions() @ turn + shift)
            path = tmp_path / "turned.sdf"
            path.write_text(Chem.MolToMolBlock(mol, forceV3000=True) + "$$$$\n")
        frame = Frame.of(model, cut_pocket(there, site, ligand)[0])
        task = Task(frame) if kind == "nothing" else Grow.read(path, model, frame=frame)
        sizes = task.sizes(model, 2, 0, "6")
        part = task.given(sizes, [0, 1])
        noise = MoleculeNoise(0, [0, 1], sizes)

        def draws(noise=noise, moved=moved) -> Draws:
            d = noise.next()
            return replace(d, pos=d.pos @ torch.tensor(turn, dtype=torch.float32)) if moved else d

        config = task.settings(SamplingConfig(steps=4), model)
        with torch.no_grad():
            out = sample(model, model.process, part, task.condition(part, [0, 1]), draws, config)
        made.append(out.pos.double().numpy() + frame.origin)
        made.append((out.atom, out.bond))
    np.testing.assert_allclose(made[0] @ turn + shift, made[2], atol=2e-2)
    assert all(torch.equal(a, b) for a, b in zip(made[1], made[3], strict=True))


def test_batches_and_resuming_change_nothing(model, frame, tmp_path):
    whole = Generate(model)(n=5, steps=3, atoms="6-8", seed=2, task=Task(frame))
    parts = Generate(model)(n=5, steps=3, atoms="6-8", seed=2, task=Task(frame), batch=2, parts=tmp_path)
    (tmp_path / "batch-000001.npz").unlink()
    again = Generate(model)(n=5, steps=3, atoms="6-8", seed=2, task=Task(frame), batch=2, parts=tmp_path)
    for a, b, c in zip(whole.mols, parts.mols, again.mols, strict=True):
        x, y, z = (m.GetConformer().GetPositions() for m in (a, b, c))
        assert np.abs(x - y).max() < 1e-3 and np.array_equal(y, z)


def test_sizes_come_from_the_room(model, world):
    receptor, site, reference = world
    sizes = ligand_sizes(model, receptor, site, reference)
    assert sizes and min(sizes) >= 5 and max(sizes) < 40
    frame = Frame.of(model, cut_pocket(*world)[0], sizes)
    drawn = Task(frame).sizes(model, 200, 0, "")
    assert set(drawn) <= set(sizes) and len(set(drawn)) > 5
    assert Task(frame).sizes(model, 20, 0, "7") == [7] * 20


def test_a_core_in_the_wall_or_elsewhere_is_refused(world):
    receptor, site, _ = world
    z = np.array([6, 7, 1])
    near = site.centre + np.array([[0.0, 0, 0], [1.4, 0, 0], [0, 1, 0]])
    check_placement("core.sdf", z, near, receptor, known=True)
    wall = near - near[0] + receptor.pos[4] + [0.5, 0, 0]
    with pytest.raises(UserError, match=r"'core.sdf' clashes with the protein: .* CB of ALA A:1"):
        check_placement("core.sdf", z, wall, receptor, known=True)
    check_placement("lead.sdf", z, wall, receptor, known=False)
    for known in (True, False):
        with pytest.raises(UserError, match="does not lie in the pocket"):
            check_placement("core.sdf", z, near + 50, receptor, known)
