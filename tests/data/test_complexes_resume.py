"""A preparation of complexes that was killed goes on and ends with the same bytes; the verb says what was done."""

import argparse
import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from complexbench import contents, packed, write_demo

from molediff.cli import data
from molediff.config import UserError
from molediff.data.complex_rules import ComplexOptions
from molediff.data.prepare_complexes import prepare_complexes
from molediff.data.shards import read_meta

ROOT = Path(__file__).resolve().parents[2]
SLOWLY = """
import sys, time
from molediff.data.prepare_complexes import prepare_complexes
prepare_complexes([sys.argv[1]], sys.argv[2], chunk=2, progress=lambda done, total: time.sleep(0.5))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """An archive of eight complexes, one of them without a ligand."""
    folder = write_demo(tmp_path_factory.mktemp("demo"))
    for name in ("1ia1", "1of6", "1s3v", "1uou"):
        shutil.copytree(folder / name, folder / f"{name}_again")
    (folder / "1s3v" / "ligand.sdf").unlink()
    return packed(folder, folder.parent / "demo.tar.xz")


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory) -> dict[str, bytes]:
    """The files of an uninterrupted preparation."""
    out = tmp_path_factory.mktemp("whole") / "out"
    summary = prepare_complexes([source], out, chunk=2)
    assert summary.left_out == {"ligand_unreadable": 1}
    return contents(out)


def test_killed_between_chunks(source, whole, tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-c", SLOWLY, str(source), str(out)], cwd=ROOT)
    end = time.monotonic() + 60
    while len(list(out.glob(".parts/0?????.npz"))) < 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "meta.json").exists()
    seen = []
    prepare_complexes([source], out, chunk=2, progress=lambda done, total: seen.append((done, total)))
    assert seen[0][0] >= 4
    assert seen[-1] == (8, 8)
    assert contents(out) == whole


def test_stopped_while_writing_the_set(source, whole, tmp_path, monkeypatch):
    out = tmp_path / "out"

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("molediff.data.prepare_complexes.write_shards", stop)
        with pytest.raises(KeyboardInterrupt):
            prepare_complexes([source], out, chunk=2)
    assert (out / "complexes.json").exists()
    assert not prepare_complexes([source], out, chunk=2).already
    assert contents(out) == whole
    again = prepare_complexes([source], out, chunk=2)
    assert again.already
    assert (again.kept, again.left_out) == (7, {"ligand_unreadable": 1})
    assert contents(out) == whole


def test_workers_change_nothing(source, whole, tmp_path):
    prepare_complexes([source], tmp_path / "out", chunk=2, workers=2)
    assert contents(tmp_path / "out") == whole


def test_a_limit_that_ends_in_the_first_of_three_sources(tmp_path):
    sources = [write_demo(tmp_path / name) for name in "abc"]
    done = prepare_complexes(sources, tmp_path / "out", ComplexOptions(limit=3))
    assert (done.complexes, done.kept) == (3, 3)
    of = read_meta(tmp_path / "out")["sources"]
    assert [(one["records"], one["kept"]) for one in of] == [(3, 3), (0, 0), (0, 0)]
    assert prepare_complexes(sources, tmp_path / "out", ComplexOptions(limit=3)).already


def test_other_arguments_are_refused(source, tmp_path):
    prepare_complexes([source], tmp_path / "out", ComplexOptions(limit=2))
    with pytest.raises(UserError, match=r"with other arguments \(max_atoms: 60 there, 20 now\)"):
        prepare_complexes([source], tmp_path / "out", ComplexOptions(limit=2, max_atoms=20))
    for options, words in ((ComplexOptions(max_atoms=0), "--max-atoms"), (ComplexOptions(limit=0), "--limit")):
        with pytest.raises(UserError, match=words):
            prepare_complexes([source], tmp_path / "new", options)
    with pytest.raises(UserError, match="is a file"):
        prepare_complexes([source], source)


def test_the_verb(source, tmp_path, data_verb):
    out = tmp_path / "out"
    done = data_verb("prepare", "complexes", source, "--out", out, "--workers", 1)
    assert done.returncode == 1, done.stderr  # a ligand is lost
    assert f"7 of 8 poses prepared in '{out}', in 7 receptors." in done.stdout
    assert "no --index: each receptor is a cluster of its own" in done.stdout
    assert "ligand_unreadable: the ligand is missing or cannot be parsed" in done.stdout
    assert "8 of 8 complexes read" in done.stderr
    with open(out / "left_out.csv") as file:
        (row,) = csv.DictReader(file)
    assert (row["name"], row["reason"], row["detail"]) == (
        "demo/1s3v",
        "ligand_unreadable",
        "no ligand beside the receptor",
    )
    done = data_verb("info", out)
    assert done.returncode == 0, done.stderr
    assert "7, 1 to 1 poses each" in done.stdout


def test_the_verb_refuses_what_does_not_fit(source, tmp_path):
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    for arguments, words in (
        (("complexes",), "Which complexes"),
        (("complexes", source, "--xtb"), "--xtb is not for complexes"),
        (("complexes", source, "--leave-out-clusters-of", "x"), "needs the clusters: --index"),
        (("complexes", tmp_path), "holds no complexes"),
        ((tmp_path,), "molediff data prepare complexes"),
        (("x.sdf", "--index", "i.csv"), "--index is for complexes"),
    ):
        with pytest.raises(UserError, match=words):
            data.run(parser.parse_args(["prepare", *map(str, arguments), "--out", str(tmp_path / "out")]))
