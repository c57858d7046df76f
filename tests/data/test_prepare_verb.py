"""``molediff data``: sources joined, heavy atoms, exit status and messages."""

import csv
import gzip
import json
import re

import numpy as np
import pytest
import torch
from rdkit import Chem

from molediff.chem import from_rdkit, perceive_from_3d, to_rdkit, volumes
from molediff.cli import data
from molediff.config import UserError
from molediff.data.prepare import parse_vocabulary, prepare
from molediff.data.rules import Options
from molediff.data.shards import open_shards, read_batch
from molediff.elements import Vocabulary

HEAVY = Vocabulary(("C", "N", "O", "F"))


@pytest.fixture(scope="module")
def tiny_blocks(tiny_file) -> list[str]:
    return gzip.decompress(tiny_file.read_bytes()).decode().split("$$$$\n")[:-1]


def test_prepare_and_info(tmp_path, tiny_file, data_verb):
    out = tmp_path / "set"
    done = data_verb("prepare", tiny_file, "--out", out, "--max-atoms", 12, "--workers", 1)
    assert done.returncode == 0, done.stderr
    shards = open_shards(out)
    assert f"{len(shards)} of 200 molecules prepared" in done.stdout
    assert f"{200 - len(shards)}  too_many_atoms" in done.stdout
    assert "200 of 200 molecules read" in done.stderr
    again = data_verb("prepare", tiny_file, "--out", out, "--max-atoms", 12, "--quiet")
    assert again.returncode == 0
    assert "complete" in again.stdout
    assert again.stderr == ""
    info = data_verb("info", out)
    assert info.returncode == 0
    assert f"molecules   {len(shards)}" in info.stdout
    assert "checksums   agree" in info.stdout
    (out / "atom.npy").write_bytes(b"")
    assert data_verb("info", out).returncode == 2


def test_a_terminal_sees_a_bar_with_a_rate(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    show = data._progress()
    for done in (50, 150, 200):
        show(done, 200)
    drawn = capsys.readouterr().err
    assert "25%" in drawn
    assert "200/200" in drawn
    assert "molecules/s" in drawn


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.sdf"], "No file 'nowhere.sdf'"),
        (["TINY", "--elements", "H,C,cl"], "Unknown element 'cl'.*Did you mean 'Cl'"),
        (["TINY", "--charges", "0,x"], "--charges must be whole numbers"),
        (["TINY", "--max-atoms", "256"], "1 to 255"),
    ],
)
def test_bad_input_is_exit_2(tmp_path, tiny_file, data_verb, arguments, message):
    given = [tiny_file if a == "TINY" else a for a in arguments]
    done = data_verb("prepare", *given, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert re.search(message, done.stderr), done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.sdf", b"", "is empty"),
        ("words.sdf", b"Dear all,\nplease find attached\n", "holds no molecules"),
        ("words.sdf.gz", b"not gzipped", "cannot be unpacked"),
        ("molecules.xyz", b"1\n\nC 0 0 0\n", "no format that can be read. Allowed: .sdf, .sdf.gz, .npz"),
        ("broken.npz", b"PK\x03\x04", "no npz file"),
        ("text.npz", b"hello", "no npz file"),
    ],
)
def test_files_that_are_no_molecules(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        prepare([tmp_path / name], tmp_path / "out")


def test_arrays_that_do_not_fit(tmp_path):
    one = {"natoms": [2], "nbonds": [1], "z": [6, 8], "charge": [0, 0], "bonds": [[0, 1, 3]], "pos": np.eye(2, 3)}
    path = tmp_path / "one.npz"
    for change, message in (
        ({"pos": None}, "lacks the array 'pos or pos_1e4'"),
        ({"bonds": None}, "lacks the array 'bonds'"),
        ({"z": [6]}, r"'z' has shape \(1,\).*\(2,\)"),
        (
            {"natoms": [], "nbonds": [], "z": [], "charge": [], "bonds": np.zeros((0, 3)), "pos": np.zeros((0, 3))},
            "no mol",
        ),
    ):
        np.savez(path, **{k: np.array(v) for k, v in (one | change).items() if v is not None})
        with pytest.raises(UserError, match=message):
            prepare([path], tmp_path / "out")


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "molecules.sdf").write_text("")
    with pytest.raises(UserError, match=r"Did you mean 'molecules\.sdf'"):
        prepare([tmp_path / "molecule.sdf"], tmp_path / "out")
    with pytest.raises(UserError, match="is a folder"):
        prepare([tmp_path], tmp_path / "out")


def test_vocabulary_as_typed():
    assert parse_vocabulary("H, C,Cl", "0,1") == Vocabulary(("H", "C", "Cl"), (0, 1))
    for elements, charges in (("H,H", "0"), ("", "0"), ("C", "0,0"), ("C", "1"), ("Xx", "0")):
        with pytest.raises(UserError):
            parse_vocabulary(elements, charges)


def test_sources_are_joined_and_limited(tmp_path, tiny_file, tiny_blocks):
    first = tmp_path / "first.sdf"
    first.write_text("$$$$\n".join(tiny_blocks[:7]))
    summary = prepare([first, tiny_file], tmp_path / "both", chunk=4)
    assert (summary.records, summary.kept) == (207, 207)
    assert open_shards(tmp_path / "both").arrays["index"].tolist() == [*range(7), *range(200)]
    meta = json.loads((tmp_path / "both" / "meta.json").read_text())
    assert [(s["name"], s["kept"], s["records"]) for s in meta["sources"]] == [
        ("first.sdf", 7, 7),
        ("tiny.sdf.gz", 200, 200),
    ]
    prepare([first, tiny_file], tmp_path / "few", Options(limit=11), chunk=4)
    assert open_shards(tmp_path / "few").arrays["index"].tolist() == [*range(7), *range(4)]


def test_arrays_and_sdf_give_the_same(tmp_path, tiny_blocks, tiny_shards):
    """The tiny set through the npz reader, positions in 0.0001 angstrom as an SD file has them."""
    a = tiny_shards.arrays
    numbers = np.array(tiny_shards.vocabulary.atomic_numbers, np.uint8)[a["atom"]]
    charges = np.array(tiny_shards.vocabulary.charges, np.int8)[a["charge"]]
    mols = [Chem.MolFromMolBlock(block, removeHs=False) for block in tiny_blocks]
    pos = np.concatenate([mol.GetConformer().GetPositions() for mol in mols])
    counts = {"natoms": a["natoms"].astype(np.uint8), "nbonds": a["nbonds"].astype(np.uint8)}
    pos = np.rint(pos * 1e4).astype(np.int32)
    np.savez(tmp_path / "tiny.npz", **counts, z=numbers, charge=charges, bonds=a["bonds"], pos_1e4=pos)
    prepare([tmp_path / "tiny.npz"], tmp_path / "out")
    again = open_shards(tmp_path / "out").arrays
    for name in again:
        assert np.array_equal(again[name], a[name]) if name != "pos" else np.allclose(again[name], a[name], atol=1e-6)


def test_heavy_is_what_rdkit_makes_of_the_molecules(tmp_path, tiny_file, tiny_blocks):
    prepare([tiny_file], tmp_path / "heavy", Options(HEAVY, explicit_hydrogens=False))
    shards = open_shards(tmp_path / "heavy")
    assert not shards.explicit_hydrogens
    assert len(shards) == 200
    mols = [perceive_from_3d(Chem.MolFromMolBlock(block, removeHs=False)) for block in tiny_blocks]
    wanted, tags = from_rdkit([Chem.RemoveAllHs(mol) for mol in mols], HEAVY)
    molecules, stereo = read_batch(shards, np.arange(200))
    for name in ("atom", "charge", "mask"):
        assert torch.equal(getattr(molecules, name), getattr(wanted, name)), name
    # RDKit may choose the other Kekule form of a ring; ours is the one of the file
    assert torch.equal(molecules.bond > 0, wanted.bond > 0)
    for block, mol in zip(tiny_blocks, to_rdkit(molecules, HEAVY, explicit_hydrogens=False), strict=True):
        assert Chem.CanonSmiles(Chem.MolToSmiles(mol)) == Chem.CanonSmiles(block.partition("\n")[0], useChiral=0)
    assert torch.equal(stereo.cistrans, tags.cistrans)
    assert torch.equal(stereo.centre[..., 0] >= 0, tags.centre[..., 0] >= 0)
    seen = 0
    for k in range(200):
        which = (stereo.centre[k, :, 0] >= 0).nonzero()
        rows = torch.cat([which, stereo.centre[k, which[:, 0]]], 1).numpy()
        assert (volumes(rows, molecules.pos[k].double().numpy()) > 0.5).all()
        implied = rows[:, 1:] == rows[:, :1]
        assert not implied[:, :3].any()
        seen += int(implied.sum())
    assert seen > 80


def test_heavy_takes_molecules_whose_hydrogens_are_implied_already(tmp_path, tiny_blocks):
    bare = [Chem.MolToMolBlock(Chem.RemoveAllHs(Chem.MolFromMolBlock(b, removeHs=False))) for b in tiny_blocks[:40]]
    (tmp_path / "bare.sdf").write_text("$$$$\n".join(bare))
    summary = prepare([tmp_path / "bare.sdf"], tmp_path / "out", Options(HEAVY, explicit_hydrogens=False))
    rows = list(csv.DictReader((tmp_path / "out" / "left_out.csv").open()))
    # single atoms at the origin are no flat drawing, but nothing says that they are in space
    assert summary.kept + len(rows) == 40
    assert {row["reason"] for row in rows} <= {"no_3d"}
    assert summary.kept >= 20
