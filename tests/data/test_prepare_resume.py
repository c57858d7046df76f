"""A preparation that was killed goes on, and ends with the same bytes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from molediff.config import UserError
from molediff.data.prepare import prepare
from molediff.data.rules import Options

ROOT = Path(__file__).resolve().parents[2]
SLOWLY = """
import sys, time
from molediff.data.prepare import prepare
prepare([sys.argv[1]], sys.argv[2], chunk=10, progress=lambda done, total: time.sleep(0.2))
"""
KILLED_WHILE_WRITING = """
import os, signal, sys
import numpy as np
from molediff.data import shards
from molediff.data.prepare import prepare
save, saved = np.save, []
def dying_save(file, array):
    saved.append(file)
    if len(saved) == 6:
        file.write(b"half")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    save(file, array)
shards.np.save = dying_save
prepare([sys.argv[1]], sys.argv[2], chunk=10)
"""


def contents(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def whole(tiny_file, tmp_path_factory) -> dict[str, bytes]:
    """The files of an uninterrupted preparation."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    prepare([tiny_file], folder, chunk=10)
    return contents(folder)


def start(script: str, tiny_file: Path, out: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", script, str(tiny_file), str(out)], cwd=ROOT)


def test_killed_between_chunks(tmp_path, tiny_file, whole):
    out = tmp_path / "out"
    process = start(SLOWLY, tiny_file, out)
    wait_for(lambda: len(list(out.glob(".parts/0?????.npz"))) >= 3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = {p.name: p.stat().st_mtime_ns for p in out.glob(".parts/0?????.npz")}
    assert 3 <= len(there) < 20
    assert not (out / "meta.json").exists()
    # a part that was being written is written again
    (out / ".parts" / ".000019.npz.tmp").write_bytes(b"half")
    reported = []
    prepare([tiny_file], out, chunk=10, progress=lambda done, total: reported.append((done, total)))
    assert reported[0] == (10 * len(there), 200)
    assert reported[-1] == (200, 200)
    assert contents(out) == whole


def test_killed_while_the_set_is_written(tmp_path, tiny_file, whole):
    out = tmp_path / "out"
    process = start(KILLED_WHILE_WRITING, tiny_file, out)
    assert process.wait(60) == -signal.SIGKILL
    assert not (out / "meta.json").exists()
    prepare([tiny_file], out, chunk=10)
    assert contents(out) == whole


WITH_WORKERS = """
import sys, time
from molediff.data.prepare import prepare
if __name__ == "__main__":
    prepare([sys.argv[1]], sys.argv[2], chunk=10, workers=2, progress=lambda done, total: time.sleep(0.3))
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path, tiny_file, whole, how):
    out = tmp_path / "out"
    process = start(WITH_WORKERS, tiny_file, out)
    wait_for(lambda: len(list(out.glob(".parts/0?????.npz"))) >= 2)
    children = [pid for pid in processes() if parent_of(pid) == process.pid]
    assert len(children) >= 2
    process.send_signal(how)
    process.wait(60)
    wait_for(lambda: not set(children) & {pid for pid in processes() if not is_zombie(pid)})
    prepare([tiny_file], out, chunk=10)
    assert contents(out) == whole


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def processes() -> list[int]:
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]


def stat(pid: int) -> list[str]:
    """State and parent of a process, from after its name; state Z when it is gone."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["Z", "0"]


def parent_of(pid: int) -> int:
    return int(stat(pid)[1])


def is_zombie(pid: int) -> bool:
    return stat(pid)[0] == "Z"


def test_workers_change_nothing(tmp_path, tiny_file, whole):
    prepare([tiny_file], tmp_path / "out", chunk=10, workers=2)
    assert contents(tmp_path / "out") == whole


def test_a_gap_in_the_parts_is_filled(tmp_path, tiny_file, whole):
    out = tmp_path / "out"

    def stop(done: int, total: int) -> None:
        if done >= 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([tiny_file], out, chunk=10, progress=stop)
    (out / ".parts" / "000001.npz").unlink()
    prepare([tiny_file], out, chunk=10)
    assert contents(out) == whole


def test_other_arguments_are_refused_while_unfinished_and_after(tmp_path, tiny_file):
    out = tmp_path / "out"

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([tiny_file], out, progress=stop)
    other = Options(explicit_hydrogens=False)
    with pytest.raises(UserError, match=r"unfinished.*explicit_hydrogens: true there, false now.*--out"):
        prepare([tiny_file], out, other)
    assert not prepare([tiny_file], out).already
    with pytest.raises(UserError, match=r"prepared set with other arguments \(max_atoms: 255 there, 9 now\)"):
        prepare([tiny_file], out, Options(max_atoms=9))
    before = contents(out)
    assert prepare([tiny_file], out).already
    assert contents(out) == before
    np.save(out / "pos.npy", np.zeros(3))
    with pytest.raises(UserError, match="damaged"):
        prepare([tiny_file], out)


def test_another_file_of_the_same_name_is_noticed(tmp_path, tiny_file):
    prepare([tiny_file], tmp_path / "out")
    copy = tmp_path / tiny_file.name
    copy.write_bytes(tiny_file.read_bytes())
    assert prepare([copy], tmp_path / "out").already
    (tmp_path / "changed").mkdir()
    changed = tmp_path / "changed" / tiny_file.name
    changed.write_bytes(tiny_file.read_bytes() + b"\0")
    with pytest.raises(UserError, match="sources"):
        prepare([changed], tmp_path / "out")
