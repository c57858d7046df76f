"""A run ends with the same table whatever dies on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from dockbench import small_pocket, workers
from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.config import UserError
from molediff.docking.engines import usual_engine
from molediff.docking.ligands import rows_of
from molediff.pipelines.dock import Dock, collect
from molediff.pipelines.lines import Lines

ENGINE = usual_engine()
"""Vina, or torch where Vina is not installed, as on Python 3.13."""
LIBRARY = ["CCO", "CCO.C", "Cc1ccccc1", "OB(O)C", "CC(N)=O", "nonsense("]
SETTINGS = {"exhaustiveness": 1, "poses": 2, "seed": 5}
SCRIPT = """
from pathlib import Path
import sys
from dockbench import small_pocket
from molediff.pipelines.dock import Dock
receptor, site, _ = small_pocket(edge=14.0)
Dock("{engine}", **{settings})(receptor, site, {library}, workers=1, check=False, parts=Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def pocket():
    return small_pocket(edge=14.0)[:2]


@pytest.fixture(scope="module")
def whole(pocket):
    return Dock(ENGINE, **SETTINGS)(*pocket, LIBRARY, workers=1, check=False)


def test_every_row_is_there_and_counted(whole, tmp_path):
    assert list(whole.table.name) == LIBRARY
    assert list(whole.table.poses > 0) == [True, False, True, False, True, False]
    assert all(bool(r) != (n > 0) for r, n in zip(whole.table.reason, whole.table.poses, strict=True))
    counts = {"requested": 6, "read": 5, "prepared": 3, "docked": 3, "pb_valid": 0, "failed": 3}
    assert whole.counts == counts
    folder = whole.save(tmp_path)
    written = list(Chem.SDMolSupplier(str(folder / "poses.sdf"), removeHs=False))
    assert len(written) == whole.table.poses.sum()
    assert {m.GetProp("row") for m in written} == {"0", "2", "4"} and written[0].GetProp("pose") == "1"
    assert float(written[0].GetProp("score")) == pytest.approx(whole.scores[0][0], abs=1e-3)
    assert len(pd.read_csv(folder / "table.csv")) == 6
    best = list(Chem.SDMolSupplier(str(folder / "best.sdf"), removeHs=False))
    assert [(m.GetProp("row"), m.GetProp("rank")) for m in best] == [("0", "1"), ("2", "1"), ("4", "1")]
    poses = pd.read_csv(folder / "poses.csv")
    assert len(poses) == len(written) and list(poses["value"]) == list(poses["score"])


def test_ranked_by_the_rule_the_same_poses_come_in_the_order_of_their_values(pocket, tmp_path):
    nine = SETTINGS | {"poses": 9}
    plain = Dock(ENGINE, **nine)(*pocket, LIBRARY, workers=1, check=False)
    ruled = Dock(ENGINE, "rule", **nine)(*pocket, LIBRARY, workers=1, check=False)
    assert [sorted(s) for s in ruled.scores] == [sorted(s) for s in plain.scores]
    fewer = Dock(ENGINE, "rule", **nine | {"poses": 1})(*pocket, LIBRARY, workers=1, check=False)
    assert fewer.scores == [scores[:1] for scores in ruled.scores]
    for _, poses in ruled.ranking.groupby("row"):
        assert poses["value"].is_monotonic_increasing and list(poses["rank"]) == list(range(1, len(poses) + 1))
        assert poses["strain"].notna().all() and (poses["cluster"] >= 1).all()
    first = ruled.ranking[ruled.ranking["rank"] == 1].set_index("row")
    assert list(ruled.table.set_index("row").value.dropna()) == list(first["value"])
    assert len(list(Chem.SDMolSupplier(str(ruled.save(tmp_path) / "poses.sdf")))) == len(ruled.ranking)
    with pytest.raises(UserError, match="rank"):
        Dock(ENGINE, "best")


def test_collected_poses_follow_their_rank_and_keep_their_number():
    mol = Chem.AddHs(Chem.MolFromSmiles("C"))
    AllChem.EmbedMolecule(mol, randomSeed=1)
    second = Chem.Mol(mol)
    second.GetConformer().SetPositions(mol.GetConformer().GetPositions() + 5.0)
    found = {"smiles": "C", "note": "", "reason": "", "read": True, "prepared": True, "scores": [-2.0, -1.9]}
    found |= {"poses": [Chem.MolToMolBlock(mol), Chem.MolToMolBlock(second)]}
    found |= {"figures": [{"pb_valid": False, "pb_failed": "volume"}, {"pb_valid": True, "pb_failed": ""}]}
    for name, order, valid in (("rule", [2, 1], True), ("vina", [1, 2], False)):
        out = collect(rows_of(["C"]), {0: found}, {"rank": name, "poses": 9})
        assert out.ranking["pose"].tolist() == order and bool(out.table.pb_valid[0]) is valid
        shift = out.poses[0][0].GetConformer().GetPositions() - mol.GetConformer().GetPositions()
        assert abs(shift - (5.0 if order == [2, 1] else 0.0)).max() < 1e-3
        assert out.scores[0][0] == found["scores"][order[0] - 1] and out.counts["pb_valid"] == int(valid)


def test_a_worker_killed_by_its_pid_and_two_workers_give_the_same_table(pocket, whole):
    killed = []

    def kill_once(done: int, asked: int) -> None:
        if not killed:
            killed.extend(workers())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    again = Dock(ENGINE, **SETTINGS)(*pocket, LIBRARY, workers=2, check=False, progress=kill_once)
    assert killed
    pd.testing.assert_frame_equal(again.table, whole.table)
    assert again.scores == whole.scores


def test_a_run_that_is_killed_and_started_again_ends_with_the_same_table(pocket, whole, tmp_path):
    code = SCRIPT.format(engine=ENGINE, settings=SETTINGS, library=LIBRARY)
    here = Path(__file__).parent
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])])}
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=env)
    path, until = tmp_path / "ligands.jsonl", time.monotonic() + 120
    while not (path.is_file() and path.read_text().count("\n") > 1) and time.monotonic() < until:
        time.sleep(0.02)
    run.kill()
    run.wait()
    with open(path, "a") as f:
        f.write('[5, {"smiles": "cut o')
    began = path.read_text().count("\n") - 1  # the first line is the mark
    calls = []
    again = Dock(ENGINE, **SETTINGS)(
        *pocket, LIBRARY, workers=1, check=False, parts=tmp_path, progress=lambda a, b: calls.append((a, b))
    )
    assert calls[0] == (began, 6) and calls[-1] == (6, 6)
    pd.testing.assert_frame_equal(again.table, whole.table)
    assert again.scores == whole.scores


def test_lines_survive_a_torn_end(tmp_path):
    lines = Lines(tmp_path / "a.jsonl")
    lines.add(3, {"x": 1.5})
    with open(lines.path, "a") as f:
        f.write('[4, {"x"')
    again = Lines(lines.path)
    assert again.known == {3: {"x": 1.5}}
    again.add(4, {"x": 2})
    assert Lines(lines.path).known == {3: {"x": 1.5}, 4: {"x": 2}}
