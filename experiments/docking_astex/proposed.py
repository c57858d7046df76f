"""Poses by diffusion against the control, conformers at random places: same count, refiner and ranking. Resumable.

    python experiments/docking_astex/proposed.py --data astex_diverse --index index.csv --work work --model pocket
    python experiments/docking_astex/proposed.py --table

Complexes whose cluster was not trained on come first. Finished complexes are lines of proposed.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from proposed_task import JudgeTask, crystal_of, ligand_of, site_of  # noqa: E402

from molediff.config import UserError  # noqa: E402
from molediff.docking.pool import run_all  # noqa: E402
from molediff.docking.prepare import prepare_receptor  # noqa: E402

ENGINES = ("diffusion", "random")
TRAINED = ("unifep", "schrodinger", "plrex", "openff_plb", "merck", "casf2016_part")
"""Sets of the training complexes."""
LEFT_OUT = "crossdocked_test"
"""Set whose clusters were left out of training."""
SUCCESS = 2.0
"""RMSD of a right pose, angstrom."""
LIMIT = 3600.0
"""Seconds of computing a complex."""
RESAMPLES = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the complexes")
    parser.add_argument("--index", type=Path, help="index.csv, for the clusters")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for prepared receptors")
    parser.add_argument("--model", default="pocket", help="bundled name or folder")
    parser.add_argument("--samples", type=int, default=10, help="poses a complex and engine (default 10)")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--relax", default="vina")
    parser.add_argument("--complexes", type=int, default=85, help="an even choice of so many whose cluster is new")
    parser.add_argument("--only", default=",".join(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no complex after so many")
    parser.add_argument("--table", action="store_true", help="make the table from proposed.jsonl and stop")
    parser.add_argument("--results", type=Path, default=HERE / "proposed.jsonl")
    args = parser.parse_args()
    if not args.table:
        if args.data is None or args.index is None:
            raise UserError("Give --data, the unpacked folder astex_diverse, and --index, its index.csv.")
        run(args)
    table = summary(lines(args.results))
    table.to_csv(args.results.with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


def lines(path: Path) -> list[dict]:
    """What is finished."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def complexes(data: Path, index: Path) -> dict[str, bool]:
    """Sorted names -> whether the cluster is new to the model."""
    t = pd.read_csv(index)
    seen = set(t.cluster[t.set.isin(TRAINED)]) - set(t.cluster[t.set == LEFT_OUT])
    cluster = dict(t[t.set == "astex_diverse"][["id", "cluster"]].itertuples(index=False))
    names = sorted(p.name for p in data.iterdir() if (p / "ligand.sdf").is_file())
    return {name: cluster[name] not in seen for name in names}


def run(args: argparse.Namespace) -> None:
    """Complex by complex, both engines."""
    from molediff.model import load
    from molediff.pipelines.frame import Frame, cut_pocket
    from molediff.pipelines.generate import sampling_config
    from molediff.pipelines.proposals import DiffusionPoses, RandomPoses

    until = time.monotonic() + 60 * args.minutes
    args.work.mkdir(parents=True, exist_ok=True)
    new = complexes(args.data, args.index)
    names = [name for name in new if new[name]]
    print(f"{len(names)} of {len(new)} complexes are of clusters that were not trained on")
    picked = np.unique(np.linspace(0, len(names) - 1, min(args.complexes, len(names))).round().astype(int))
    wanted = args.only.split(",")
    model = load(args.model) if "diffusion" in wanted else None
    settings = {"samples": args.samples, "relax": args.relax}
    of = {"random": settings | {"model": "", "steps": 0}}
    if model is not None:
        of["diffusion"] = settings | {"model": model.source.checksum[:8], "steps": args.steps}
    known = lines(args.results)
    jobs, about = [], []
    for name in (names[k] for k in picked):
        left = [
            engine
            for engine in wanted
            if not any((of[engine] | {"complex": name, "engine": engine}).items() <= one.items() for one in known)
        ]
        if time.monotonic() > until or not left:
            continue
        place, crystal = list(new).index(name), crystal_of(args.data, name)
        receptor, site, heavy = receptor_of(args, name), site_of(crystal), ligand_of(crystal, place)
        for engine in left:
            began = time.process_time()
            if engine == "random":
                propose = RandomPoses(site)
            else:
                frame = Frame.of(model, cut_pocket(receptor, site)[0])
                propose = DiffusionPoses(model, frame, sampling_config(steps=args.steps))
            poses = propose(heavy, place, args.samples, 1)
            jobs.append((name, place, np.round(poses, 5).tolist()))
            spent = {"propose_s": round(time.process_time() - began, 1)}
            about.append({"complex": name, "engine": engine, "new": new[name]} | of[engine] | spent)
        print(f"{name}: poses proposed", flush=True)

    def keep(number: int, result: dict | None, reason: str) -> None:
        with open(args.results, "a") as f:
            f.write(json.dumps(about[number] | (result or {"reason": reason})) + "\n")
        print(f"{about[number]['complex']} {about[number]['engine']}: {reason or 'relaxed'}", flush=True)

    if jobs:
        run_all(JudgeTask(str(args.data.resolve()), str(args.work.resolve()), args.relax), jobs, 1, LIMIT, keep)


def receptor_of(args: argparse.Namespace, name: str):
    """Prepared once."""
    path = args.work / f"{name}.receptor.pkl"
    if not path.is_file():
        crystal = Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))
        path.write_bytes(pickle.dumps(prepare_receptor(args.data / name / "protein.pdb", ligand=crystal)))
    return pickle.loads(path.read_bytes())


def outcome(one: dict) -> dict[str, float]:
    """Of a complex and engine: RMSD of the best raw, the best relaxed and the first pose; inf where there is none."""

    def least(values) -> float:
        return min((v for v in values if v is not None), default=np.inf)

    ranked = [(s, r) for s, r in zip(one.get("scores", []), one.get("rmsd", []), strict=True) if s is not None]
    return {
        "raw_best": least(one.get("raw_rmsd", [])),
        "best": least(one.get("rmsd", [])),
        "first": min(ranked)[1] if ranked else np.inf,
    }


def summary(found: list[dict]) -> pd.DataFrame:
    """Success of both engines on the complexes that both have done, and their paired difference with its interval."""
    rows = []
    data = pd.DataFrame([{k: v for k, v in one.items() if not isinstance(v, list)} | outcome(one) for one in found])
    keys = ["model", "steps", "samples", "relax"]
    for values, part in data[data.engine == "diffusion"].groupby(keys, sort=False):
        same = (data.engine == "random") & (data.samples == values[2]) & (data.relax == values[3])
        both = pd.concat([part, data[same]])
        wide = both.pivot(index="complex", columns="engine", values=["raw_best", "best", "first"]).dropna()
        if not len(wide) or set(both.engine) != set(ENGINES):
            continue
        for what in ("raw_best", "best", "first"):
            a, b = ((wide[what][engine].astype(float) <= SUCCESS).to_numpy(float) for engine in ENGINES)
            draw = np.random.default_rng(0).integers(0, len(a), (RESAMPLES, len(a)))
            low, high = np.percentile((a - b)[draw].mean(1), [2.5, 97.5])
            rows.append(
                dict(zip(keys, values, strict=True))
                | {"pose": what, "complexes": len(a)}
                | {"diffusion": round(100 * a.mean(), 1), "random": round(100 * b.mean(), 1)}
                | {
                    "difference": round(100 * (a - b).mean(), 1),
                    "low": round(100 * low, 1),
                    "high": round(100 * high, 1),
                }
                | {f"median_{e}": round(float(wide[what][e].astype(float).median()), 2) for e in ENGINES}
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
