"""Docking of the 85 complexes of astex_diverse, every engine and setting, resumable per complex.

    python experiments/docking_astex/run.py --data astex_diverse --work work                 # everything: many hours
    python experiments/docking_astex/run.py --data astex_diverse --work work --only vina8-seed1 --hours 2
    python experiments/docking_astex/run.py --table                                          # the table alone

``--data`` is the folder of astex_diverse.tar.xz, unpacked. Finished complexes are lines of results.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from bench import AstexTask  # noqa: E402

from molediff.config import UserError, choose  # noqa: E402
from molediff.docking.pool import run_all  # noqa: E402
from molediff.docking.settings import DockConfig  # noqa: E402

ROWS = {
    "vina8-seed1": ("vina", DockConfig(exhaustiveness=8, seed=1)),
    "torch8-seed1": ("torch", DockConfig(exhaustiveness=8, seed=1)),
    "torch32-seed1": ("torch", DockConfig(exhaustiveness=32, seed=1)),
    "vina8-seed2": ("vina", DockConfig(exhaustiveness=8, seed=2)),
    "vina8-seed3": ("vina", DockConfig(exhaustiveness=8, seed=3)),
    "vina8-ensemble8": ("vina", DockConfig(exhaustiveness=8, seed=1, conformers=8)),
    "torch8-ensemble8": ("torch", DockConfig(exhaustiveness=8, seed=1, conformers=8)),
    "vina32-seed1": ("vina", DockConfig(exhaustiveness=32, seed=1)),
    "torch8-wide": ("torch", DockConfig(exhaustiveness=8, seed=1, poses=30, energy_range=6.0)),
}
"""Row of the table -> (engine, settings); wide keeps more poses, for an order that is not the score's."""
BASE = "vina8-seed1"
"""Row that the others are compared with, complex by complex."""
LIMIT = 4 * 3600.0
"""Seconds of computing a complex."""
RESAMPLES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the complexes")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for receptors and poses (default work)")
    parser.add_argument("--only", default=",".join(ROWS), help=f"rows, of {', '.join(ROWS)}")
    parser.add_argument("--complexes", type=int, default=85, help="the first so many of the sorted set (default 85)")
    parser.add_argument("--hours", type=float, default=1e6, help="begin no complex after so many")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="make result.csv from results.jsonl and stop")
    parser.add_argument("--against", default=BASE, help=f"row of paired differences; result.csv has those to {BASE}")
    parser.add_argument("--no-check", action="store_true", help="without PoseBusters: no joint success")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl", help="the table goes beside it")
    args = parser.parse_args()
    if not args.table:
        if args.data is None or not args.data.is_dir():
            raise UserError(f"--data is {args.data}. Give the unpacked folder astex_diverse.")
        args.work.mkdir(parents=True, exist_ok=True)
        search(args)
    choose("--against", args.against, ROWS)
    table = summary(read(args.results), args.against)
    if args.against == BASE:
        table.to_csv(args.results.with_name("result.csv"), index=False)
    print(table.to_string(index=False))


def search(args: argparse.Namespace) -> None:
    """Dock what is not there yet; a killed run goes on with the next complex."""
    names = sorted(p.name for p in args.data.iterdir() if (p / "ligand.sdf").is_file())
    until = time.monotonic() + 3600 * args.hours
    there = {(r["row"], r["complex"]) for r in read(args.results)}
    task = AstexTask(str(args.data.resolve()), str(args.work.resolve()), not args.no_check)
    for row in args.only.split(","):
        engine, config = choose("row", row, ROWS)
        left = [(n, k, row, engine, config) for k, n in enumerate(names[: args.complexes]) if (row, n) not in there]
        for start in range(0, len(left), args.workers):
            if time.monotonic() > until:
                return
            run_all(
                task, left[start : start + args.workers], args.workers, LIMIT, keeper(args.results, row, left, start)
            )


def keeper(path: Path, row: str, left: list, start: int):
    """Adds a line to the results for every complex that is done."""

    def keep(number: int, result: dict | None, reason: str) -> None:
        failed = {"reason": reason, "seconds": 0.0, "scores": [], "rmsd": [], "pb_valid": False}
        line = {"row": row, "complex": left[start + number][0], **(result or failed)}
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")
        print(
            line["row"],
            line["complex"],
            line["rmsd"][:1],
            line["pb_valid"],
            line["seconds"],
            line["reason"],
            flush=True,
        )

    return keep


def read(path: Path) -> list[dict]:
    """Finished complexes."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}\n")]


def summary(lines: list[dict], base: str = BASE) -> pd.DataFrame:
    """One line a row: shares over the complexes that were begun, with 95 % bootstrap intervals over complexes.

    A ligand that could not be docked counts as a failure. ``diff_*`` are differences to the row ``base`` on the
    complexes that both rows have, in points.
    """
    out = []
    by_row = {row: {r["complex"]: r for r in lines if r["row"] == row} for row in ROWS}
    for row, found in by_row.items():
        if not found:
            continue
        top, joint, nine = (np.array([f(r) for r in found.values()], dtype=float) for f in (first, valid, any_of_nine))
        line = {"row": row, "complexes": f"{len(found)} of 85" + (" (partial)" if len(found) < 85 else "")}
        line |= {"failed": sum(bool(r["reason"]) for r in found.values())}
        for key, values in (("rmsd2_top1", top), ("joint_top1", joint), ("rmsd2_best_of_9", nine)):
            line |= {key: round(100 * values.mean(), 1), f"{key}_interval": interval(values)}
        line["search_seconds"] = round(sum(r["seconds"] for r in found.values()))
        line["search_seconds_mean"] = round(line["search_seconds"] / len(found), 1)
        shared = sorted(set(found) & set(by_row[base]))
        if row != base and shared:
            for key, f in (("rmsd2", first), ("joint", valid), ("best_of_9", any_of_nine)):
                paired = np.array([float(f(found[n])) - float(f(by_row[base][n])) for n in shared])
                line |= {f"diff_{key}": round(100 * paired.mean(), 1), f"diff_{key}_interval": interval(paired)}
            line["paired_with"] = f"{base}, {len(shared)} complexes"
        out.append(line)
    return pd.DataFrame(out)


def first(r: dict) -> bool:
    """RMSD of the first pose at most 2 A."""
    return bool(r["rmsd"]) and r["rmsd"][0] <= 2.0


def valid(r: dict) -> bool:
    """The same and PB-valid (redock, all but the RMSD)."""
    return first(r) and bool(r["pb_valid"])


def any_of_nine(r: dict) -> bool:
    """RMSD of any of the first nine poses at most 2 A."""
    return any(x <= 2.0 for x in r["rmsd"][:9])


def interval(values: np.ndarray) -> str:
    """95 % bootstrap interval of the mean, percent."""
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return f"{100 * low:.1f} to {100 * high:.1f}"


if __name__ == "__main__":
    main()
