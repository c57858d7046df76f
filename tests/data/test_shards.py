"""Shards: written, opened, read; damaged ones refused."""

import gzip
import json
import shutil

import numpy as np
import pytest
import torch
from rdkit import Chem

from molediff.chem import from_rdkit, perceive_from_3d
from molediff.config import UserError
from molediff.data.shards import ARRAYS, open_shards, read_batch, write_shards


def test_reads_what_rdkit_says(tiny_file, tiny_shards):
    blocks = gzip.decompress(tiny_file.read_bytes()).decode().split("$$$$\n")[:-1]
    mols = [perceive_from_3d(Chem.MolFromMolBlock(block, removeHs=False)) for block in blocks]
    wanted, tags = from_rdkit(mols, tiny_shards.vocabulary)
    molecules, stereo = read_batch(tiny_shards, np.arange(len(tiny_shards)))
    for name in ("atom", "charge", "bond", "mask"):
        assert torch.equal(getattr(molecules, name), getattr(wanted, name)), name
    assert torch.equal(stereo.centre, tags.centre)
    assert torch.equal(stereo.cistrans, tags.cistrans)
    centred = wanted.pos - wanted.pos.sum(1, keepdim=True) / wanted.sizes[:, None, None]
    assert (molecules.pos - centred * wanted.mask[..., None]).abs().max() < 1e-5
    assert molecules.pos[~molecules.mask].abs().max() == 0


def test_a_batch_is_its_molecules_one_by_one(tiny_shards):
    which = np.array([150, 3, 199, 3, 0, 97])
    molecules, stereo = read_batch(tiny_shards, which)
    for k, i in enumerate(which):
        one, tags = read_batch(tiny_shards, np.array([i]))
        m = int(one.sizes[0])
        assert int(molecules.sizes[k]) == m
        for name in ("pos", "atom", "charge"):
            assert torch.equal(getattr(molecules, name)[k, :m], getattr(one, name)[0])
        assert torch.equal(molecules.bond[k, :m, :m], one.bond[0])
        assert torch.equal(stereo.centre[k, :m], tags.centre[0])
        assert torch.equal(stereo.cistrans[k, :m, :m], tags.cistrans[0])
        assert not molecules.bond[k, m:].any()
        assert (stereo.centre[k, m:] == -1).all()


def test_no_molecule_is_an_empty_batch(tiny_shards):
    molecules, _ = read_batch(tiny_shards, np.zeros(0, int))
    assert len(molecules) == 0


def test_round_trip_of_arrays(tmp_path, tiny_shards):
    write_shards(tmp_path / "again", tiny_shards.arrays, tiny_shards.vocabulary, False, {"note": "any"})
    again = open_shards(tmp_path / "again")
    for name, dtype in ARRAYS.items():
        assert again.arrays[name].dtype == dtype
        assert np.array_equal(again.arrays[name], tiny_shards.arrays[name]), name
    assert again.vocabulary == tiny_shards.vocabulary
    assert again.explicit_hydrogens is False
    assert again.scale == tiny_shards.scale == pytest.approx(float(np.std(again.arrays["pos"])), rel=1e-5)
    assert json.loads((tmp_path / "again" / "meta.json").read_text())["note"] == "any"


@pytest.fixture
def copy(tmp_path, tiny_folder):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


@pytest.mark.parametrize("name", ARRAYS)
def test_one_changed_bit_is_refused(copy, name):
    path = copy / f"{name}.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"{name}\.npy.*damaged"):
        open_shards(copy)


def test_missing_parts_are_refused(copy):
    (copy / "bonds.npy").unlink()
    with pytest.raises(UserError, match=r"bonds\.npy.*missing"):
        open_shards(copy, verify=False)
    (copy / "meta.json").unlink()
    with pytest.raises(UserError, match="molediff data prepare"):
        open_shards(copy)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[]", "format None"),
        ('{"format": 99}', "format 99"),
        ('{"format": 1}', "'elements' is missing"),
    ],
)
def test_foreign_descriptions_are_refused(copy, text, message):
    (copy / "meta.json").write_text(text)
    with pytest.raises(UserError, match=message):
        open_shards(copy)
