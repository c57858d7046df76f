"""A docking run of 100 ligands whose workers are killed, and which is killed itself: does it end with the same table?

    python experiments/docking_killed/run.py --molecules fda_approved.smi --work work

Linux: workers are found in /proc. The pocket is the demo's (1IA1 of PoseBusters' wheel); the ligands are the first
``--n`` of the list with at most 30 heavy atoms. Prints a line for every run, and what differs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from rdkit import Chem

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from molediff.cli.main import main as molediff  # noqa: E402
from molediff.docking.demo import DEMO_CHAINS, demo_complexes  # noqa: E402

FILES = ("table.csv", "poses.csv", "poses.sdf", "best.sdf")
LARGEST = 30
"""Heavy atoms."""


def library(path: Path, n: int, out: Path) -> Path:
    """The first n of a list of SMILES that are small enough, as a file."""
    lines = []
    for line in path.read_text().splitlines():
        mol = Chem.MolFromSmiles(line.split()[0]) if line.strip() else None
        if mol is not None and mol.GetNumHeavyAtoms() <= LARGEST:
            lines.append(f"{line.split()[0]} ligand{len(lines) + 1}")
        if len(lines) == n:
            break
    out.write_text("\n".join(lines) + "\n")
    return out


def start(command: list[str]) -> subprocess.Popen:
    """The verb in a process of its own."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "molediff", *command], env=env, stdout=subprocess.DEVNULL)


def finished(out: Path) -> int:
    """Ligands that a run has written down."""
    parts = out / ".parts" / "ligands.jsonl"
    return max(0, parts.read_text().count("\n") - 1) if parts.is_file() else 0  # the first line is the mark


def until(process: subprocess.Popen, out: Path, count: int) -> None:
    """Wait for so many ligands, or the end of the run."""
    while process.poll() is None and finished(out) < count:
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    """Of all threads of a process."""
    return [int(k) for path in Path(f"/proc/{pid}/task").glob("*/children") for k in path.read_text().split()]


def workers_killed(command: list[str], out: Path, at: list[int]) -> int:
    """Run to the end; when so many ligands are done, kill the workers by their pids. Returns how many were killed."""
    process, killed = start([*command, "--out", str(out)]), 0
    for count in at:
        until(process, out, count)
        for pid in children(process.pid) if process.poll() is None else []:
            os.kill(pid, signal.SIGKILL)
            killed += 1
    process.wait()
    return killed


def run_killed(command: list[str], out: Path, at: list[int]) -> int:
    """Kill the run when so many ligands are done, start it again, at last let it end. Returns how often."""
    killed = 0
    for count in at:
        process = start([*command, "--out", str(out)])
        until(process, out, count)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
    start([*command, "--out", str(out)]).wait()
    return killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=Path, required=True, help="SMILES, one a line")
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    protein, ligand = demo_complexes()["1ia1"]
    pocket = args.work / "pocket"
    options = ["--protein", str(protein), "--ligand", str(ligand), "--chains", ",".join(DEMO_CHAINS), "--edge", "18"]
    if not pocket.is_dir():
        molediff(["pocket", *options, "--quiet", "--out", str(pocket)])
    ligands = library(args.molecules, args.n, args.work / "library.smi")
    command = ["dock", "--pocket", str(pocket), "--molecules", str(ligands), "--workers", str(args.workers)]
    command += ["--exhaustiveness", "1", "--poses", "3", "--seed", "3", "--no-check", "--quiet"]
    whole = args.work / "whole"
    start([*command, "--out", str(whole)]).wait()
    rows = len((whole / "table.csv").read_text().splitlines()) - 1  # the head is no ligand
    print(f"whole: {rows} rows for {args.n} ligands", flush=True)
    quarter = args.n // 4
    for name, kill in (("workers killed", workers_killed), ("run killed", run_killed)):
        out = args.work / name.replace(" ", "_")
        shutil.rmtree(out, ignore_errors=True)
        times = kill(command, out, [quarter, 2 * quarter, 3 * quarter])
        if not times:
            raise SystemExit(f"{name}: nothing was killed, so that nothing is shown.")
        other = [f for f in FILES if (out / f).read_bytes() != (whole / f).read_bytes()]
        print(
            f"{name}: {times} times; files that differ from the whole run's: {', '.join(other) or 'none'}", flush=True
        )


if __name__ == "__main__":
    main()
