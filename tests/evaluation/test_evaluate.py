"""The one entry, its worker processes, its files and the command line."""

import argparse
import json
import os

import numpy as np
import pandas as pd
import pytest

from molediff.cli import evaluate as command
from molediff.config import UserError
from molediff.evaluation import InputError, compare, evaluate, inchikey_hashes, make_reference
from molediff.evaluation import worker as worker_module
from molediff.evaluation.build import build
from molediff.evaluation.figures import Measure, settle
from molediff.evaluation.pool import judge_all
from molediff.evaluation.protocols import Context
from molediff.evaluation.record import from_arrays, from_mol

from .molecules import SMALL, embedded, heavy
from .test_readers import sdf, xyz


@pytest.fixture
def mols():
    return [embedded(s) for s in SMALL]


BAD = build([6, 1, 1, 1], 0.63 * np.eye(4)[:, :3] * 1.7, [(0, i, 1) for i in (1, 2, 3)])


def test_every_attempt_is_a_row_and_counts(mols):
    given = [*mols, None, BAD]
    report = evaluate(given, workers=0, bootstrap=50)
    assert len(report.table) == len(given)
    assert report.table["problem"].tolist() == [""] * len(mols) + ["no_molecule", ""]
    assert report.table["strict_reason"].tolist()[-2:] == ["no_molecule", "hydrogen_added"]
    assert report.value("strict", "strict_validity") == pytest.approx(100 * len(mols) / len(given))
    assert report.summary["protocols"]["strict"]["figures"]["strict_validity"]["n"] == len(given)
    assert report.summary["n_unreadable"] == report.summary["n_lost"] == 1


def test_children_and_this_process_agree(mols):
    given = [*mols, None, BAD]
    names = ("strict", "edm", "midi", "jodo")
    one, other = (evaluate(given, names, workers=w, bootstrap=0) for w in (0, 2))
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.summary == other.summary or json.dumps(one.summary) == json.dumps(other.summary)
    assert one.statistics == other.statistics


def test_permutation_of_the_set_changes_no_figure(mols):
    values = []
    for given in (mols, mols[::-1]):
        held = evaluate(given, ("strict", "edm", "midi"), workers=0, bootstrap=0).summary["protocols"]
        values.append({(p, k): f["value"] for p, one in held.items() for k, f in one["figures"].items()})
    assert values[0] == values[1]


def test_novelty_groups_and_audit(mols):
    train = ["CCO", "c1ccccc1"]
    by_hash = evaluate(mols, ("strict",), train_hashes=inchikey_hashes(train), workers=0, groups=2, bootstrap=0)
    by_name = evaluate(mols, ("strict",), train_smiles=train, workers=0, groups=2, bootstrap=0)
    for report in (by_hash, by_name):
        assert report.value("strict", "novelty") == pytest.approx(75)
        assert report.value("strict", "training_copies") == pytest.approx(25)
        spread = report.summary["protocols"]["strict"]["figures"]["novelty"]["spread"]
        assert spread == pytest.approx(np.std([50, 100], ddof=1))
        assert report.table["strict_in_training"].sum() == 2
    assert by_name.summary["audit"]["identical_fingerprints"] == 2


def test_implied_hydrogens_get_their_own_column():
    report = evaluate([heavy(s) for s in SMALL], ("strict",), workers=0, bootstrap=0)
    assert report.summary["hydrogens"] == "implied"
    assert not any(name.startswith("strict_") for name in report.table)
    assert report.value("strict-heavy", "strict_heavy_validity") == 100
    assert "strict-heavy" in report.summary["notes"][0]


def test_a_molecule_that_kills_or_stalls_its_process_is_a_row(mols, monkeypatch, tmp_path):
    """A sitecustomize in the child replaces one judge by one that crashes, loops for ever or raises."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, time\n"
        "import molediff.evaluation.worker as w\n"
        "sound = w.JUDGES['midi']\n"
        "def judge(record, context):\n"
        "    if record.name == 'crash': os._exit(11)\n"
        "    while record.name == 'sleep': pass\n"
        "    if record.name == 'raise': raise IndexError('odd')\n"
        "    return sound(record, context)\n"
        "w.JUDGES['midi'] = judge\n"
        "w.serve.__globals__['JUDGES'] = w.JUDGES\n"
        "import sys\n"
    )
    (tmp_path / "start.py").write_text(
        "import sys, sitecustomize\n"
        "from multiprocessing.connection import Connection\n"
        "import molediff.evaluation.worker as w\n"
        "w.serve(Connection(int(sys.argv[1])))\n"
    )
    import molediff.evaluation.child as child

    real = child.subprocess.Popen

    def start(command, **settings):
        command = [command[0], str(tmp_path / "start.py"), command[-1]]
        settings["env"] = settings["env"] | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{child.PACKAGE_ROOT}"}
        return real(command, **settings)

    monkeypatch.setattr(child.subprocess, "Popen", start)
    names = ["sound", "crash", "raise", "sleep", "sound"]
    records = [from_mol(mols[i], i, name) for i, name in enumerate(names)]
    rows = judge_all(records, ["midi", "strict"], Context(), workers=1, time_limit=3.0)
    reasons = [rows[i, "midi"]["reason"] for i in range(5)]
    assert reasons == ["", "crashed", "error: IndexError: odd", "time_limit", ""]
    assert all(rows[i, "strict"]["valid"] for i in range(5)), "the molecules' other protocols still run"


@pytest.mark.parametrize(("n", "workers"), [(1, 1), (7, 2), (200, 2), (1000, 3)])
def test_batches_hold_every_record_once_and_shrink(n, workers):
    from molediff.evaluation.pool import BATCH, _batches

    size = np.random.default_rng(0).integers(2, 9, n)
    batches = _batches([from_arrays(np.ones(size[i]), np.zeros((size[i], 3)), i) for i in range(n)], workers)
    flat = [record for batch in batches for record in batch]
    assert [record.index for record in flat] == sorted(range(n), key=lambda i: (-size[i], i))
    lengths = [len(batch) for batch in batches]
    assert max(lengths) <= BATCH and lengths == sorted(lengths, reverse=True) and lengths[-1] == 1


def test_judges_are_looked_up_by_name():
    assert set(worker_module.JUDGES) >= {"strict", "edm", "geometry"}


def test_user_errors_say_what_to_type(mols, tmp_path):
    for settings, says in (
        ({"protocols": ("stirct",)}, "Did you mean 'strict'"),
        ({"protocols": ("posebusters-dock",)}, "--protein FILE"),
        ({"protein": str(tmp_path / "no.pdb"), "protocols": ("poses",)}, "No file"),
        ({"groups": 99}, "groups is 99"),
        ({"hydrogens": "some"}, "Allowed: auto"),
        ({"reference": "qm8"}, "Unknown reference"),
    ):
        with pytest.raises(InputError, match=says):
            evaluate(mols, **settings)


def test_figures_by_hand():
    part, whole = np.array([1, 1, 0, 0.0]), np.ones(4)
    share = Measure("s", "", "share", part, whole)
    unique = Measure("u", "", "unique", np.ones(4), whole, np.array(["a", "a", "b", "c"], dtype=object))
    median = Measure("m", "", "median", np.array([1.0, 2, 9, np.nan]), np.array([1, 1, 1, 0.0]))
    found = settle([share, unique, median], groups=2)
    assert found["s"].value == 50 and found["s"].spread == pytest.approx(np.std([100, 0], ddof=1))
    assert found["s"].low < 50 < found["s"].high
    assert found["u"].value == 75 and found["u"].low is None
    assert found["m"].value == 2 and found["m"].n == 3


def test_bootstrap_interval_has_the_binomial_width():
    part = np.r_[np.ones(800), np.zeros(200)]
    figure = settle([Measure("s", "", "share", part, np.ones(1000))])["s"]
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * 100 * np.sqrt(0.8 * 0.2 / 1000), rel=0.1)


def test_reference_made_and_used(mols):
    stats = make_reference(mols * 4, "mine", workers=0)
    assert stats["figures"]["strict"]["strict_validity"]["value"] == 100
    report = evaluate(mols, reference=stats, workers=0, bootstrap=0)
    held = report.summary["distributions"]
    assert held["values"]["bond_w1"] == pytest.approx(0, abs=1e-12)
    assert held["floor"]["n"] == 16
    assert "| strict_validity [%] | 100.00 (n 8) | 100.00 (n 32) |" in report.markdown()


def parsed(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_command_writes_the_four_files(tmp_path, mols, capsys):
    (tmp_path / "a.sdf").write_text(sdf(mols))
    (tmp_path / "train.smi").write_text("CCO ethanol\nCC ethane\n")
    out = tmp_path / "out"
    words = [tmp_path / "a.sdf", "--reference", "qm9", "--train", tmp_path / "train.smi", "--out", out]
    assert command.run(parsed(*words, "--bootstrap", "20")) == 0
    assert sorted(path.name for path in out.iterdir()) == ["molecules.csv", "plots.png", "summary.json", "summary.md"]
    assert len(pd.read_csv(out / "molecules.csv")) == len(mols)
    json.loads((out / "summary.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} in JSON"))
    assert "strict_validity" in (out / "summary.md").read_text()
    assert (out / "plots.png").stat().st_size > 10_000
    assert "written:" in capsys.readouterr().out


def test_command_exit_codes(tmp_path, mols, capsys):
    text = sdf(mols[:2])
    (tmp_path / "cut.sdf").write_text(text + sdf(mols[2:3])[:150])
    quiet = ["--workers", "0", "--quiet", "--no-plots", "--out", tmp_path / "o"]
    assert command.run(parsed(tmp_path / "cut.sdf", *quiet)) == 1
    assert "1 molecules" in capsys.readouterr().err
    assert pd.read_csv(tmp_path / "o" / "molecules.csv")["problem"].tolist()[2] == "truncated_record"
    (tmp_path / "empty.sdf").write_text("")
    for words in ([], [tmp_path / "empty.sdf"], [tmp_path / "none.sdf"], [tmp_path / "cut.sdf", "--train", "no.smi"]):
        with pytest.raises(UserError):
            command.run(parsed(*words, *quiet))


def test_command_compares(tmp_path, mols):
    (tmp_path / "a.sdf").write_text(sdf(mols))
    (tmp_path / "b.xyz").write_text(xyz(mols))
    quiet = ["--workers", "0", "--quiet", "--bootstrap", "0", "--out", tmp_path / "o"]
    assert command.run(parsed(tmp_path / "a.sdf", tmp_path / "b.xyz", "--names", "ours,theirs", *quiet)) == 0
    text = (tmp_path / "o" / "summary.md").read_text()
    assert "| figure | ours | theirs | definition |" in text
    assert "theirs: bonds edm look-up" in text
    table = pd.read_csv(tmp_path / "o" / "molecules.csv")
    assert table["set"].tolist() == ["ours"] * len(mols) + ["theirs"] * len(mols)
    with pytest.raises(UserError, match="--names"):
        command.run(parsed(tmp_path / "a.sdf", tmp_path / "b.xyz", "--names", "ours", *quiet))


def test_command_makes_a_reference_and_lists_protocols(tmp_path, mols, capsys):
    (tmp_path / "a.sdf").write_text(sdf(mols))
    target = tmp_path / "r.json.gz"
    assert command.run(parsed(tmp_path / "a.sdf", "--make-reference", target, "--workers", "0")) == 0
    again = ["--reference", target, "--workers", "0", "--quiet", "--no-plots", "--out", tmp_path / "o"]
    assert command.run(parsed(tmp_path / "a.sdf", *again)) == 0
    assert command.run(parsed("--protocols", "list")) == 0
    assert "strict-heavy" in capsys.readouterr().out


def test_comparison_of_lists_is_named(mols):
    found = compare([mols, mols[:3]], protocols=("strict",), workers=0, bootstrap=0)
    assert [report.summary["name"] for report in found.reports] == ["set1", "set2"]


def test_outputs_of_one_name_are_called_by_their_folders(tmp_path, mols):
    paths = []
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "molecules.sdf")
        paths[-1].write_text(sdf(mols))
    found = compare(paths, protocols=("strict",), workers=0, bootstrap=0)
    assert [report.summary["name"] for report in found.reports] == ["first", "second"]
    with pytest.raises(ValueError, match="--names"):
        compare([paths[0], paths[0]], protocols=("strict",), workers=0, bootstrap=0)
