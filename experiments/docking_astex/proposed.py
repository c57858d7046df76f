"""Rows of `dock --engine diffusion` on the 85 complexes of astex_diverse, and of its control; resumable per complex.

    python experiments/docking_astex/proposed.py --data astex_diverse --work work --index index.csv --hours 2
    python experiments/docking_astex/proposed.py --index index.csv --table

A model proposes ``--samples`` poses a complex in a sphere round the site's centre; the control places as many ETKDG
conformers at random there. Both go through the same relaxation and ranking, or ('-raw') through none. The model's claim
is diffusion minus random, complex by complex. Finished complexes are lines of proposed.jsonl.

``--index`` lists the clusters of all sets (columns set, id, cluster): the headline is on complexes whose cluster was
not trained on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from proposed_bench import CONFIG, ProposedAstexTask  # noqa: E402

from molediff.config import UserError  # noqa: E402
from molediff.docking.ligands import prepare, rows_of  # noqa: E402
from molediff.docking.pool import run_all  # noqa: E402
from molediff.docking.proposed import heavy_ligand  # noqa: E402
from molediff.docking.site import Site  # noqa: E402

ROWS = ("diffusion", "random", "diffusion-raw", "random-raw")
HELD_OUT, TRAINED = "crossdocked_test", ("unifep", "schrodinger", "plrex", "openff_plb", "merck", "casf2016_part")
LIMIT, RESAMPLES = 3600.0, 10_000
RESULTS = HERE / "proposed.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the complexes")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for receptors (default work)")
    parser.add_argument("--index", type=Path, help="index.csv of all sets")
    parser.add_argument("--model", default="pocket", help="bundled name or folder")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--only", default=",".join(ROWS), help=f"rows, of {', '.join(ROWS)}; -mmff is an end too")
    parser.add_argument("--complexes", type=int, default=85, help="an even choice of so many of the sorted set")
    parser.add_argument("--hours", type=float, default=1e6, help="begin no complex after so many")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="make proposed.csv from proposed.jsonl and stop")
    args = parser.parse_args()
    if not args.table:
        if args.data is None or not args.data.is_dir():
            raise UserError(f"--data is {args.data}. Give the unpacked folder astex_diverse.")
        args.work.mkdir(parents=True, exist_ok=True)
        search(args)
    table = summary(read(), args.index)
    table.to_csv(HERE / "proposed.csv", index=False)
    print(table.to_string(index=False))


def search(args: argparse.Namespace) -> None:
    """Dock what is not there yet, complex by complex, all rows of it."""
    names = sorted(p.name for p in args.data.iterdir() if (p / "ligand.sdf").is_file())
    chosen = [names[k] for k in np.unique(np.linspace(0, len(names) - 1, args.complexes).round().astype(int))]
    there = {(r["row"], r["complex"]) for r in read()}
    task = ProposedAstexTask(str(args.data.resolve()), str(args.work.resolve()))
    sources, until = Sources(args), time.monotonic() + 3600 * args.hours
    for name in chosen:
        rows = [row for row in args.only.split(",") if (row, name) not in there]
        if not rows or time.monotonic() > until:
            continue
        crystal, receptor, site = task.complex(name)
        asked = replace(rows_of([Chem.MolToSmiles(crystal)])[0], row=names.index(name))
        heavy, jobs = heavy_ligand(prepare(asked, CONFIG)), []
        for source in dict.fromkeys(row.split("-")[0] for row in rows):
            began = time.process_time()
            poses = sources.of(source, receptor, site)(heavy, asked.row, args.samples, CONFIG.seed).round(5).tolist()
            seconds = time.process_time() - began
            jobs += [(name, asked, row, poses, seconds) for row in rows if row.split("-")[0] == source]

        def keep(number: int, result: dict | None, reason: str, jobs=jobs) -> None:
            nothing = {"reason": reason, "seconds": 0.0, "pb_valid": False}
            nothing |= {"scores": [], "rmsd": [], "rmsd_proposed": []}
            line = {"row": jobs[number][2], "complex": jobs[number][0], "samples": args.samples, **(result or nothing)}
            with open(RESULTS, "a", encoding="utf-8") as f:
                f.write(json.dumps(line) + "\n")
            told = (line[key] for key in ("row", "complex", "pb_valid", "seconds", "reason"))
            print(*told, line["rmsd"][:1], min(line["rmsd_proposed"], default=None), flush=True)

        run_all(task, jobs, args.workers, LIMIT, keep)


class Sources:
    """Proposers by the first word of a row; the model is loaded when it is first asked for."""

    def __init__(self, args: argparse.Namespace):
        self.args, self.model = args, None

    def of(self, name: str, receptor, site: Site):
        """(molecule, row, n, seed) -> poses."""
        from molediff.pipelines.frame import Frame, cut_pocket
        from molediff.pipelines.proposals import DiffusionPoses, RandomPoses
        from molediff.sampling import SamplingConfig

        if name == "random":
            return RandomPoses(site)
        if self.model is None:
            from molediff.model import load

            self.model = load(self.args.model)
        frame = Frame.of(self.model, cut_pocket(receptor, site)[0])
        return DiffusionPoses(self.model, frame, SamplingConfig(steps=self.args.steps))


def read() -> list[dict]:
    """Finished complexes."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines(keepends=True) if RESULTS.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}\n")]


def clusters(path: Path | None) -> dict[str, str]:
    """Complex of astex_diverse -> 'trained' or 'new', by its cluster; empty without an index."""
    if path is None:
        return {}
    index = pd.read_csv(path)
    of = {name: set(index.cluster[index.set == name]) for name in (HELD_OUT, *TRAINED)}
    seen = set().union(*(of[name] for name in TRAINED)) - of[HELD_OUT]
    astex = index[index.set == "astex_diverse"]
    return {name: "trained" if k in seen else "new" for name, k in zip(astex.id, astex.cluster, strict=True)}


def summary(lines: list[dict], index: Path | None) -> pd.DataFrame:
    """A line a row and kind of cluster: percent of complexes, 95 % bootstrap intervals, differences to the control."""
    kind, out = clusters(index), []
    for wanted in ("new", "trained", "all") if kind else ("all",):
        of = [r for r in lines if wanted == "all" or kind.get(r["complex"]) == wanted]
        by_row = {row: {r["complex"]: r for r in of if r["row"] == row} for row in dict.fromkeys(r["row"] for r in of)}
        for row, found in by_row.items():
            control = by_row.get(row.replace("diffusion", "random"), {}) if row.startswith("diffusion") else {}
            line = {"clusters": wanted, "row": row, "complexes": len(found)}
            for key, figure in FIGURES.items():
                values = np.array([figure(r) for r in found.values()], dtype=float)
                line |= {key: round(100 * values.mean(), 1), f"{key}_interval": interval(values)}
                shared = [n for n in found if n in control]
                if shared:
                    paired = np.array([float(figure(found[n])) - float(figure(control[n])) for n in shared])
                    line |= {f"{key}_over_control": round(100 * paired.mean(), 1), f"{key}_over": interval(paired)}
            line["seconds_mean"] = round(float(np.mean([r["seconds"] for r in found.values()])), 1)
            out.append(line)
    return pd.DataFrame(out)


FIGURES = {
    "rmsd2_top1": lambda r: bool(r["rmsd"]) and r["rmsd"][0] <= 2.0,
    "joint_top1": lambda r: bool(r["rmsd"]) and r["rmsd"][0] <= 2.0 and bool(r["pb_valid"]),
    "rmsd2_best_of_9": lambda r: any(x <= 2.0 for x in r["rmsd"]),
    "rmsd2_best_proposed": lambda r: any(x <= 2.0 for x in r["rmsd_proposed"]),
}
"""Figure of a complex; joint: and PB-valid (redock, all but the RMSD)."""


def interval(values: np.ndarray) -> str:
    """95 % bootstrap interval of the mean over complexes, percent."""
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return f"{100 * low:.1f} to {100 * high:.1f}"


if __name__ == "__main__":
    main()
