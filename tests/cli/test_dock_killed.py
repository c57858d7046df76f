"""molediff dock, killed in the middle and started again, writes the same files."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

for package in ("biotite", "hydride"):
    pytest.importorskip(package)

from molediff.cli.main import main  # noqa: E402
from molediff.docking.demo import DEMO_CHAINS, demo_complexes  # noqa: E402
from molediff.docking.engines import usual_engine  # noqa: E402

ENGINE = usual_engine()
"""Vina, or torch where Vina is not installed, as on Python 3.13."""
LIBRARY = "CCO a\nCC(N)=O b\nCCO.C salt\nCc1ccccc1O c\nC[C@@H](N)C(=O)O d\nOc1ccncc1 e\n"
FILES = ("table.csv", "poses.csv", "poses.sdf", "best.sdf")


def run(command: list[str]) -> subprocess.Popen:
    """The verb in a process of its own."""
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen([sys.executable, "-m", "molediff", *command], env=env, stdout=subprocess.DEVNULL)


def test_killed_in_the_middle_and_started_again(tmp_path, capsys):
    protein, ligand = demo_complexes()["1ia1"]
    options = ["--protein", str(protein), "--ligand", str(ligand), "--chains", ",".join(DEMO_CHAINS), "--edge", "14"]
    assert main(["pocket", *options, "--quiet", "--out", str(tmp_path / "pocket")]) == 0
    (tmp_path / "lib.smi").write_text(LIBRARY)
    command = ["dock", "--pocket", str(tmp_path / "pocket"), "--molecules", str(tmp_path / "lib.smi"), "--workers", "1"]
    command += ["--engine", ENGINE]
    command += ["--exhaustiveness", "2", "--poses", "3", "--seed", "3", "--rank", "rule", "--no-check", "--quiet"]
    assert main([*command, "--out", str(tmp_path / "whole")]) == 1

    killed = run([*command, "--out", str(tmp_path / "killed")])
    parts, until = tmp_path / "killed" / ".parts" / "ligands.jsonl", time.monotonic() + 120
    while not (parts.is_file() and parts.read_text().count("\n") >= 2) and time.monotonic() < until:
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    done = parts.read_bytes()
    assert json.loads((tmp_path / "killed" / "run.json").read_text())["status"] == "running"
    assert 2 <= done.count(b"\n") < 6 and not (tmp_path / "killed" / "table.csv").exists()

    parts.write_bytes(done + b'[5, {"smiles": "cut o')  # as if the line that was being written was torn
    assert main([*command, "--out", str(tmp_path / "killed")]) == 1
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not parts.exists()
    capsys.readouterr()
    assert main([*command, "--out", str(tmp_path / "killed")]) == 1  # a molecule is lost the second time too
    assert "Nothing to do" in capsys.readouterr().out
