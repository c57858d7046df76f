"""QM9 from an archive of torch_geometric's layout, made here."""

import csv
import gzip
import io
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from molediff.config import UserError
from molediff.data import sources
from molediff.data.prepare import prepare
from molediff.data.readers import qm9
from molediff.data.rules import Options
from molediff.data.shards import open_shards
from molediff.data.split import edm_parts, uncharacterised


@pytest.fixture(scope="module")
def sdf(tiny_file) -> bytes:
    """Titled gdb_1 to gdb_30, but for three: an uncharacterised one, one of EDM's test part, a torn one."""
    blocks = gzip.decompress(tiny_file.read_bytes()).decode().split("$$$$\n")[:30]
    titles = {k: f"gdb_{k + 1}" for k in range(30)}
    titles[7] = f"gdb_{uncharacterised()[0]}"
    titles[8] = f"gdb_{edm_parts()['test'][0]}"
    titled = [titles[k] + "\n" + block.partition("\n")[2] for k, block in enumerate(blocks)]
    lines = titled[9].split("\n")
    lines[4] = f"{25.0:10.4f}" + lines[4][10:]
    titled[9] = "\n".join(lines)
    return "".join(block + "$$$$\n" for block in titled).encode()


def zipped(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "qm9.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def archive(tmp_path, sdf) -> Path:
    return zipped(tmp_path, {"gdb9.sdf.csv": b"mol_id,A\ngdb_1,1\n", "gdb9.sdf": sdf, "__MACOSX/._gdb9.sdf": b"\0"})


def test_by_the_verb(tmp_path, archive, data_verb):
    out = tmp_path / "out"
    done = data_verb("prepare", "qm9", "--archive", archive, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert "28 of 30 molecules prepared" in done.stdout
    for rule in ("uncharacterised", "bonds_differ"):
        assert re.search(rf"left out +1  {rule}", done.stdout)
    index = open_shards(out).arrays["index"].tolist()
    assert index[:7] == [1, 2, 3, 4, 5, 6, 7]
    assert len(index) == 28
    rows = list(csv.DictReader((out / "left_out.csv").open()))
    assert [(row["record"], row["reason"]) for row in rows] == [("7", "uncharacterised"), ("9", "bonds_differ")]


def test_split_keeps_the_training_part(tmp_path, archive):
    prepare(["qm9"], tmp_path / "out", Options(split="edm"), archive=archive)
    kept = open_shards(tmp_path / "out").arrays["index"]
    assert np.isin(kept, edm_parts()["train"]).all()
    assert 10 < len(kept) < 28
    with pytest.raises(UserError, match="split"):
        prepare(["qm9"], tmp_path / "out", Options(split="all"), archive=archive)


def test_zip_and_tar_and_sdf_give_the_same(tmp_path, archive, sdf):
    packed = tmp_path / "gdb9.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        member = tarfile.TarInfo("./gdb9.sdf")
        member.size = len(sdf)
        tar.addfile(member, io.BytesIO(sdf))
    (tmp_path / "plain.sdf").write_bytes(sdf)
    prepare(["qm9"], tmp_path / "a", archive=archive)
    prepare(["qm9"], tmp_path / "b", archive=packed)
    prepare([tmp_path / "plain.sdf"], tmp_path / "c")
    a, b, c = (open_shards(tmp_path / name).arrays for name in "abc")
    assert all(np.array_equal(a[name], b[name]) for name in a)
    kept = np.isin(np.arange(30), [7, 9], invert=True)
    assert np.array_equal(a["natoms"], c["natoms"][kept])


def test_the_second_look_agrees_with_good_molecules(sdf):
    records = [qm9.decode((k, text)) for k, text in enumerate(sdf.split(b"$$$$\n")[:-1])]
    assert {r.problem for k, r in enumerate(records) if k not in (7, 9)} == {""}
    assert records[9].detail


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[: len(whole) // 2], "cut short"),
        (lambda whole: whole[:-1], "cut short"),
        (lambda whole: whole[:2000] + b"\0" * 500 + whole[2500:], "damaged or was cut short"),
        (lambda whole: b"<html>not found</html>", "no zip or tar archive"),
        (lambda whole: b"", "no zip or tar archive"),
    ],
)
def test_damaged_archives(tmp_path, archive, data_verb, content, message):
    broken = tmp_path / "broken.zip"
    broken.write_bytes(content(archive.read_bytes()))
    with pytest.raises(UserError, match=message):
        prepare(["qm9"], tmp_path / "out", archive=broken)


def test_a_tar_cut_short(tmp_path, sdf):
    path = tmp_path / "gdb9.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("gdb9.sdf")
        member.size = len(sdf)
        tar.addfile(member, io.BytesIO(sdf))
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(UserError, match="cut short"):
        prepare(["qm9"], tmp_path / "out", archive=path)


def test_archives_of_something_else(tmp_path):
    with pytest.raises(UserError, match=r"no SD file.*readme\.txt"):
        prepare(["qm9"], tmp_path / "out", archive=zipped(tmp_path, {"readme.txt": b"x"}))
    with pytest.raises(UserError, match="hold no molecules"):
        prepare(["qm9"], tmp_path / "out", archive=zipped(tmp_path, {"a.sdf": b"text\n"}))
    with pytest.raises(UserError, match=r"No file 'nowhere\.zip'"):
        prepare(["qm9"], tmp_path / "out", archive="nowhere.zip")
    with pytest.raises(UserError, match="--archive is the archive of one of"):
        prepare([tmp_path / "a.sdf"], tmp_path / "out", archive="nowhere.zip")


def test_offline_it_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setitem(sources.DOWNLOADS, "qm9", "http://127.0.0.1:9/qm9.zip")
    with pytest.raises(UserError, match=r"cannot be downloaded.*--archive FILE"):
        prepare(["qm9"], tmp_path / "out")
    assert not list(tmp_path.glob("downloads/*"))


def test_downloaded_once(tmp_path, archive, monkeypatch, capsys):
    monkeypatch.setitem(sources.DOWNLOADS, "qm9", archive.as_uri())
    for _ in range(2):
        assert prepare(["qm9"], tmp_path / "out").kept == 28
    assert capsys.readouterr().err.count("Downloading") == 1
    assert (tmp_path / "downloads" / "qm9.zip").read_bytes() == archive.read_bytes()


def test_a_download_cut_short_is_refused(tmp_path, archive, monkeypatch):
    class Short(io.BytesIO):
        headers = {"Content-Length": str(archive.stat().st_size)}  # noqa: RUF012

    content = archive.read_bytes()[:-100]
    monkeypatch.setattr(sources.urllib.request, "urlopen", lambda url, timeout: Short(content))
    with pytest.raises(UserError, match="bytes came"):
        sources.download("http://x/qm9.zip", tmp_path / "qm9_short.zip")
    assert not (tmp_path / "qm9_short.zip").exists()
