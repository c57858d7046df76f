"""SMILES lists and tables: embedded alike whoever does it, with every failure named by its line."""

import csv
import gzip
import lzma
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from molediff.chem import to_rdkit
from molediff.config import UserError
from molediff.data import prepare as preparation
from molediff.data.prepare import prepare
from molediff.data.readers import smiles
from molediff.data.rules import Options
from molediff.data.shards import open_shards, read_batch
from molediff.elements import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
LIST = """SMILES name
CCO ethanol
# a comment

C[C@H](O)F\tright
not-a-smiles x
C(C)(C)(C)(C)C five
O.CC salt
F/C=C/F
C1#CC1 strained
OB(O)C boron
CC[Si](C)C
"""
WANTED = {
    6: "unreadable",
    7: "not_sanitised",
    8: "fragments",
    10: "not_embedded",
    11: "no_force_field",
    12: "element",
}


@pytest.fixture
def listed(tmp_path) -> Path:
    path = tmp_path / "list.smi"
    path.write_text(LIST)
    return path


def left_out(folder: Path) -> list[dict]:
    return list(csv.DictReader((folder / "left_out.csv").open()))


def test_what_fails_is_listed_with_its_line(tmp_path, listed, data_verb):
    done = data_verb("prepare", listed, "--out", tmp_path / "out", "--workers", 1)
    assert done.returncode == 1, done.stderr
    assert "3 of 9 molecules prepared" in done.stdout
    assert re.search(r"left out +1  not_embedded", done.stdout)
    rows = left_out(tmp_path / "out")
    assert {int(row["line"]): row["reason"] for row in rows} == WANTED
    assert "not-a-smiles" in rows[0]["detail"]
    assert "valence" in rows[1]["detail"]
    shards = open_shards(tmp_path / "out")
    assert shards.arrays["index"].tolist() == [0, 1, 5]
    molecules, _ = read_batch(shards, np.arange(3))
    for mol, text in zip(to_rdkit(molecules, shards.vocabulary), ("CCO", "C[C@H](O)F", "F/C=C/F"), strict=True):
        Chem.SanitizeMol(mol)
        Chem.AssignStereochemistryFrom3D(mol)
        assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(text)


def test_a_clean_list_is_exit_0(tmp_path, data_verb):
    (tmp_path / "two.smi").write_text("CCO\nCC\n")
    done = data_verb("prepare", tmp_path / "two.smi", "--out", tmp_path / "out", "--workers", 1)
    assert (done.returncode, left_out(tmp_path / "out")) == (0, [])


@pytest.mark.parametrize(
    ("header", "row"),
    [("id,SMILES,mass", "7,{},3"), ("name;canonical_smiles", '"a;b";{}'), ("smiles\tisomeric_smiles", "{}\tC")],
)
def test_tables_give_what_lists_give(tmp_path, header, row):
    texts = ["CCO", "c1ccncc1", "[NH3+]CC(=O)[O-]"]
    (tmp_path / "list.smi").write_text("\n".join(texts))
    (tmp_path / "table.csv").write_text("\n".join([header, *(row.format(t) for t in texts)]))
    for name in ("list.smi", "table.csv"):
        prepare([tmp_path / name], tmp_path / name[:4])
    one, other = (open_shards(tmp_path / name).arrays for name in ("list", "tabl"))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_table_names_the_line_of_an_empty_cell(tmp_path):
    (tmp_path / "t.csv").write_text("name,smiles\na,C\nb,\n\nc\nd,CC\n")
    prepare([tmp_path / "t.csv"], tmp_path / "out")
    assert [(row["line"], row["reason"]) for row in left_out(tmp_path / "out")] == [
        ("3", "unreadable"),
        ("5", "unreadable"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.smi", b"", "is empty"),
        ("a.smi", b"# nothing\n\n", "holds no molecules"),
        ("a.csv", b"name,mass\na,1\n", "no column named 'smiles'.*'name', 'mass'"),
        ("a.csv", b"smiles_1,smiles_2\nC,C\n", "2 columns named 'smiles'"),
        ("a.csv", b"smiles\n", "holds no molecules"),
        ("a.smi.gz", gzip.compress(b"CCO\n" * 1000)[:-20], "damaged or cut short"),
        ("a.smi.xz", lzma.compress(b"CCO\n" * 1000)[:-20], "damaged or cut short"),
        ("a.smi.gz", b"CCO\n", "cannot be unpacked"),
        ("a.smi", b"not a molecule\nneither\n", r"None of the 2 molecules.*unreadable 2"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        prepare([tmp_path / name], tmp_path / "out")


def test_packed_lists(tmp_path):
    (tmp_path / "a.smi.xz").write_bytes(lzma.compress(b"C\nCC\n"))
    (tmp_path / "b.smi.gz").write_bytes(gzip.compress(b"CCC\n"))
    summary = prepare([tmp_path / "a.smi.xz", tmp_path / "b.smi.gz"], tmp_path / "out")
    assert (summary.kept, open_shards(tmp_path / "out").arrays["natoms"].tolist()) == (3, [5, 8, 11])


def test_every_row_has_a_seed_of_its_own():
    first, second, again = (smiles.decode((number, 1, "CCCCO")) for number in (0, 1, 0))
    assert np.array_equal(first.pos, again.pos)
    assert not np.allclose(first.pos, second.pos)


SCRIPT = """
import sys, time
from molediff.data.prepare import prepare
if __name__ == "__main__":
    source, out, workers, wait = sys.argv[1:]
    prepare([source], out, chunk=2, workers=int(workers), progress=lambda done, total: time.sleep(float(wait)))
"""


def test_workers_and_a_kill_change_nothing(tmp_path):
    path, n = tmp_path / "many.smi", 12
    path.write_text("\n".join("C" * (1 + k % 5) + "O" for k in range(n)) + "\nwrong\n")

    def start(out, workers, wait) -> subprocess.Popen:
        command = [sys.executable, "-c", SCRIPT, path, tmp_path / out, workers, wait]
        return subprocess.Popen([str(word) for word in command], cwd=ROOT)

    assert start("one", 1, 0).wait(120) == 0
    assert start("two", 2, 0).wait(120) == 0
    killed, deadline = start("killed", 1, 0.3), time.monotonic() + 60
    while len(list(tmp_path.glob("killed/.parts/0?????.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "meta.json").exists()
    assert start("killed", 1, 0).wait(120) == 0
    wanted = {p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()}
    for other in ("two", "killed"):
        assert {p.name: p.read_bytes() for p in (tmp_path / other).iterdir()} == wanted
    assert left_out(tmp_path / "one")[0]["line"] == str(n + 1)


def test_slow_sources_have_small_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "FEW", 2)
    (tmp_path / "a.smi").write_text("C\nCC\nCCC\n")
    seen = []
    prepare([tmp_path / "a.smi"], tmp_path / "out", progress=lambda done, total: seen.append(done))
    assert seen == [0, 2, 3]


def test_heavy_lists(tmp_path):
    (tmp_path / "a.smi").write_text("CC(=O)Nc1ccc(O)cc1\nC[C@H](N)C(=O)O\n")
    prepare([tmp_path / "a.smi"], tmp_path / "out", Options(Vocabulary(("C", "N", "O")), explicit_hydrogens=False))
    molecules, stereo = read_batch(open_shards(tmp_path / "out"), np.arange(2))
    assert molecules.sizes.tolist() == [11, 6]
    assert stereo.centre[1, 1].tolist().count(1) == 1  # the hydrogen's place is the centre's own
