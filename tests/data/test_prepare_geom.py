"""GEOM's pickles are read; what a pickle may want beyond molecules is refused, and never runs."""

import csv
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.config import UserError
from molediff.data.prepare import prepare
from molediff.data.readers.pickles import decode, split
from molediff.data.readers.plain_pickle import PickledMol, load_plain
from molediff.data.rules import Options
from molediff.data.shards import open_shards

SMILES = ("CCO", "C[C@H](O)F", "c1ccncc1")


def conformer(smiles: str, seed: int) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=seed)
    return mol


def entry(smiles: str) -> dict:
    """As GEOM's own files: energies in hartree, the lowest is not the first."""
    conformers = [
        {
            "geom_id": seed,
            "totalenergy": energy,
            "boltzmannweight": np.float64(0.3),
            "conformerweights": [0.1, 0.2],
            "rd_mol": conformer(smiles, seed),
        }
        for seed, energy in ((1, -10.5), (2, -10.7), (3, np.float64(-10.6)))
    ]
    return {"smiles": smiles, "totalconfs": 3, "conformers": conformers}


@pytest.fixture(params=[0, 2, 4])
def folder(request, tmp_path) -> Path:
    """rdkit_folder/drugs, in each protocol of pickles that was in use."""
    drugs = tmp_path / "rdkit_folder" / "drugs"
    drugs.mkdir(parents=True)
    (drugs.parent / "summary_drugs.json").write_text("{}")
    for k, smiles in enumerate(SMILES):
        (drugs / f"{k}.pickle").write_bytes(pickle.dumps(entry(smiles), protocol=request.param))
    return drugs.parent


def test_a_folder(tmp_path, folder, data_verb):
    done = data_verb("prepare", "geom", "--archive", folder, "--out", tmp_path / "out", "--workers", 1)
    assert done.returncode == 0, done.stderr
    a = open_shards(tmp_path / "out").arrays
    assert a["index"].tolist() == [0, 1, 2]
    for k, smiles in enumerate(SMILES):
        want = conformer(smiles, 2).GetConformer().GetPositions()
        rows = slice(a["natoms"][:k].sum(), a["natoms"][: k + 1].sum())
        assert np.allclose(a["pos"][rows], want - want.mean(0), atol=1e-5)


def test_a_list_of_the_midi_split(tmp_path):
    held = [(smiles, [conformer(smiles, 1), conformer(smiles, 2)]) for smiles in SMILES]
    for name in ("train_data.pickle", "test_data.pickle"):
        (tmp_path / name).write_bytes(pickle.dumps([*held, "rubbish", ("C", [])], protocol=4))
    summary = prepare([tmp_path / "train_data.pickle", tmp_path / "test_data.pickle"], tmp_path / "out")
    assert summary.left_out == {"unreadable": 4}
    assert open_shards(tmp_path / "out").arrays["index"].tolist() == [0, 1, 2, 1_000_000, 1_000_001, 1_000_002]
    options = Options(split="geom")
    prepare([tmp_path / "train_data.pickle", tmp_path / "test_data.pickle"], tmp_path / "train", options)
    assert open_shards(tmp_path / "train").arrays["index"].tolist() == [0, 1, 2]
    assert [r[0] for r in split(tmp_path / "train_data.pickle", 3)] == [3, 4]


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("place", ["alone", "in a conformer", "beside a molecule"])
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path, protocol, place, data_verb):
    mark = tmp_path / "mark"
    held = {"alone": Bomb(mark), "in a conformer": entry("CCO"), "beside a molecule": [("CCO", [Bomb(mark)])]}[place]
    if place == "in a conformer":
        held["conformers"][1]["rd_mol"] = Bomb(mark)
    content = pickle.dumps(held, protocol=protocol)
    path = tmp_path / "bad.pickle"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"asks for (posix|nt)\.system"):
        prepare([path], tmp_path / "out")
    assert not mark.exists()
    drugs = tmp_path / "drugs"
    drugs.mkdir()
    (drugs / "1.pickle").write_bytes(content)
    (drugs / "0.pickle").write_bytes(pickle.dumps(entry("CCO"), protocol=protocol))
    with pytest.raises(UserError, match=r"1\.pickle.*asks for"):
        prepare(["geom"], tmp_path / "out", archive=drugs)
    assert not mark.exists()
    pickle.loads(content)
    assert mark.exists()  # it would have


@pytest.mark.parametrize(
    "wanted",
    [
        Call(eval, "1"),
        Call(getattr, "x", "upper"),
        Call(__import__, "os"),
        Call(np.load, "x.npy"),
        Call(bytearray, 3),
        Call(type, "X", (), {}),
        np.array([object()], dtype=object),
        Path("x"),
    ],
)
def test_names_that_are_refused(tmp_path, wanted):
    (tmp_path / "x.pickle").write_bytes(pickle.dumps({"a": wanted}))
    with pytest.raises(UserError, match=r"asks for.*SMILES"):
        load_plain(tmp_path / "x.pickle")


def test_what_it_is_read_with_cannot_be_changed(tmp_path):
    """BUILD on an allowed name, by hand: sets attributes of the stand-in."""
    for name in (b"crdkit.Chem.rdchem\nMol\n", b"c_codecs\nencode\n"):
        for state in (b"(dS'__init__'\nI1\ns", b"(N(dS'_function'\nI1\nst"):
            (tmp_path / "x.pickle").write_bytes(name + state + b"b.")
            with pytest.raises(UserError, match="a change to what it is read with"):
                load_plain(tmp_path / "x.pickle")
    (tmp_path / "y.pickle").write_bytes(pickle.dumps(conformer("CO", 1)))
    assert isinstance(load_plain(tmp_path / "y.pickle"), PickledMol)


def test_plain_values_come_through(tmp_path):
    held = {"a": [1, 2.5, None, True, "x", b"\xff"], "b": (np.float32(1.5), np.int64(-3), np.bool_(True))}
    for protocol in range(5):
        (tmp_path / "x.pickle").write_bytes(pickle.dumps(held, protocol=protocol))
        assert load_plain(tmp_path / "x.pickle") == {"a": held["a"], "b": (1.5, -3, True)}


def test_broken_files_are_lost_molecules(tmp_path):
    drugs = tmp_path / "drugs"
    drugs.mkdir()
    whole = pickle.dumps(entry("CCO"), protocol=4)
    other = conformer("CO", 1).ToBinary()[:40]
    files = {
        "0.pickle": whole,
        "1.pickle": whole[:-30],
        "2.pickle": b"\x80",
        "3.pickle": pickle.dumps([1]),
        "4.pickle": pickle.dumps({"smiles": "C", "conformers": [{"rd_mol": 3}]}),
    }
    for name, content in files.items():
        (drugs / name).write_bytes(content)
    summary = prepare(["geom"], tmp_path / "out", archive=drugs)
    assert (summary.kept, summary.left_out) == (1, {"unreadable": 4})
    rows = list(csv.DictReader((tmp_path / "out" / "left_out.csv").open()))
    assert all(row["detail"] for row in rows)
    assert decode((0, "x", other, "")).problem == "unreadable"
    (tmp_path / "cut.pickle").write_bytes(whole[:-30])
    with pytest.raises(UserError, match="cut short"):
        prepare([tmp_path / "cut.pickle"], tmp_path / "other")


def test_without_an_archive_it_says_where_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"rdkit_folder.*--archive rdkit_folder.*SMILES"):
        prepare(["geom"], tmp_path / "out")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="holds no molecules"):
        prepare(["geom"], tmp_path / "out", archive=empty)
