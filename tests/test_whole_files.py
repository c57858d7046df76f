"""A file is there whole or not at all."""

import numpy as np
import pytest

from molediff.whole_files import whole_file, write_whole


def test_bytes_and_text(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, b"\x00\r\n")
    assert path.read_bytes() == b"\x00\r\n"
    write_whole(path, "å\r\nb\n")
    assert path.read_bytes() == "å\r\nb\n".encode()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_cut_off_in_the_middle(tmp_path, error):
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with pytest.raises(error), whole_file(path) as file:
        file.write(b"ne")
        raise error
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_run_left_is_written_over(tmp_path):
    (tmp_path / ".a.txt.tmp").write_text("a longer half")
    write_whole(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_arrays_are_as_numpy_writes_them(tmp_path):
    array = np.arange(12, dtype=np.int16).reshape(3, 4)
    np.save(tmp_path / "plain.npy", array)
    np.savez(tmp_path / "plain.npz", a=array, b=array[0])
    with whole_file(tmp_path / "whole.npy") as file:
        np.save(file, array)
    with whole_file(tmp_path / "whole.npz") as file:
        np.savez(file, a=array, b=array[0])
    for kind in ("npy", "npz"):
        assert (tmp_path / f"whole.{kind}").read_bytes() == (tmp_path / f"plain.{kind}").read_bytes()
