"""Results that are kept are those of the same run, or none."""

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from molediff.docking.ligands import rows_of
from molediff.pipelines.dock_proposed import DockProposed
from molediff.pipelines.lines import Lines, mark_of
from molediff.pipelines.proposals import RandomPoses
from molediff.pipelines.refine import Refine
from tests.pipelines.pocketbench import cave, placed


@pytest.fixture(scope="module")
def world():
    return cave(radius=8.5)


def test_results_of_another_mark_or_of_none_are_made_again(tmp_path):
    path = tmp_path / "kept" / "rows.jsonl"
    Lines(path, "one").add(0, {"x": 1})
    assert Lines(path, "one").known == {0: {"x": 1}}
    assert Lines(path, "two").known == {} and Lines(path, "one").known == {}
    path.write_text('[0, {"x": 1}]\n')  # as written before there were marks
    again = Lines(path, "one")
    assert again.known == {}
    again.add(1, "new")
    assert Lines(path, "one").known == {1: "new"} and len(path.read_text().splitlines()) == 2


def test_a_mark_that_was_cut_off_is_no_mark(tmp_path):
    path = tmp_path / "rows.jsonl"
    Lines(path, "one").add(0, 1)
    path.write_text(path.read_text().splitlines()[0])
    Lines(path, "one").add(3, 4)
    assert Lines(path, "one").known == {3: 4}


def test_a_mark_sees_atoms_and_box_not_the_files_they_came_from(world):
    receptor, site = world
    mark = mark_of(receptor, site, "a", rows_of(["CCO"]))
    assert mark == mark_of(
        replace(receptor, source="elsewhere.pdb", log=("x",)), replace(site, how="y"), "a", rows_of(["CCO"])
    )
    shifted = receptor.pos.copy()
    shifted[-1] += 0.01
    others = [
        mark_of(replace(receptor, pos=shifted), site, "a", rows_of(["CCO"])),
        mark_of(receptor, replace(site, size=site.size + 1), "a", rows_of(["CCO"])),
        mark_of(receptor, None, "a", rows_of(["CCO"])),
        mark_of(receptor, site, "b", rows_of(["CCO"])),
        mark_of(receptor, site, "a", rows_of(["CCN"])),
    ]
    assert len({mark, *others}) == 6


def test_another_library_or_setting_in_the_same_folder_is_docked_anew(world, tmp_path):
    receptor, site = world

    def docked(library, **more):
        settings = {"samples": 2, "relax": "none", "energy_range": 1e6} | more
        pipeline = DockProposed(RandomPoses(site), "random", **settings)
        return pipeline(receptor, site, library, workers=1, check=False, parts=tmp_path)

    first = docked(["CCO"])
    assert docked(["CCO"]).scores == first.scores
    assert list(docked(["CCN"]).table.smiles) == ["CCN"]
    assert docked(["CCO"], seed=4).scores != first.scores
    assert docked(["CCO"], samples=3).table.note[0].endswith("3 poses proposed, 3 used")


def test_poses_in_another_receptor_are_relaxed_anew(world, tmp_path):
    receptor, site = world
    pose = Chem.AddHs(placed("CCO", site.centre), addCoords=True)
    first = Refine("mmff", steps=5)(receptor, [pose], 1, parts=tmp_path)
    away = replace(receptor, pos=receptor.pos + np.array([2.0, 0, 0]))
    second = Refine("mmff", steps=5)(away, [pose], 1, parts=tmp_path)
    assert second.table.pocket_raw[0] != first.table.pocket_raw[0]
    steps = Refine("mmff", steps=1)(receptor, [pose], 1, parts=tmp_path)
    assert steps.table.pocket_relaxed[0] != first.table.pocket_relaxed[0]
