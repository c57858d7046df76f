"""Poses by diffusion against the control, conformers at random places: same count, refiner and ranking. Resumable.

    python experiments/docking_astex/proposed.py --data astex_diverse --index index.csv --work work --model pocket
    python experiments/docking_astex/proposed.py --table

Complexes whose cluster was not trained on; with --trained the others. Finished complexes are lines of proposed.jsonl.
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
from molediff.docking.rank import RANKS, pose_table, rank  # noqa: E402

ENGINES = ("diffusion", "random")
TRAINED = ("unifep", "schrodinger", "plrex", "openff_plb", "merck", "casf2016_part")
"""Sets of the training complexes."""
LEFT_OUT = "crossdocked_test"
"""Set whose clusters were left out of training."""
SUCCESS = 2.0
"""RMSD of a right pose, angstrom."""
POSES = ("raw_best", "best", "first", "first_by_model")
"""Poses that are compared with the crystal; the last where a line has denoising errors."""
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
    parser.add_argument("--trained", action="store_true", help="of the others instead, whose cluster was trained on")
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
    from molediff.pipelines.denoising import DenoisingError
    from molediff.pipelines.frame import Frame, cut_pocket
    from molediff.pipelines.generate import sampling_config
    from molediff.pipelines.proposals import DiffusionPoses, RandomPoses

    until = time.monotonic() + 60 * args.minutes
    args.work.mkdir(parents=True, exist_ok=True)
    new = complexes(args.data, args.index)
    names = [name for name in new if new[name] != args.trained]
    which = "trained on" if args.trained else "not trained on"
    print(f"{len(names)} of {len(new)} complexes are of clusters that were {which}")
    picked = np.unique(np.linspace(0, len(names) - 1, min(args.complexes, len(names))).round().astype(int))
    wanted = args.only.split(",")
    model = load(args.model)
    settings = {"samples": args.samples, "relax": args.relax, "errors_of": model.source.checksum[:8]}
    of = {"random": settings | {"model": "", "steps": 0}}
    of["diffusion"] = settings | {"model": model.source.checksum[:8], "steps": args.steps}
    known = lines(args.results)
    jobs, about, ligands = [], [], []
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
        frame = Frame.of(model, cut_pocket(receptor, site)[0])
        for engine in left:
            began = time.process_time()
            if engine == "random":
                propose = RandomPoses(site)
            else:
                propose = DiffusionPoses(model, frame, sampling_config(steps=args.steps))
            poses = propose(heavy, place, args.samples, 1)
            jobs.append((name, place, np.round(poses, 5).tolist()))
            ligands.append((heavy, DenoisingError(model, frame)))
            spent = {"propose_s": round(time.process_time() - began, 1)}
            about.append({"complex": name, "engine": engine, "new": new[name]} | of[engine] | spent)
        print(f"{name}: poses proposed", flush=True)

    def keep(number: int, result: dict | None, reason: str) -> None:
        if result is not None:
            began = time.process_time()
            result["errors"] = errors_of(*ligands[number], result.pop("places"))
            result["errors_s"] = round(time.process_time() - began, 1)
        with open(args.results, "a") as f:
            f.write(json.dumps(about[number] | (result or {"reason": reason})) + "\n")
        print(f"{about[number]['complex']} {about[number]['engine']}: {reason or 'relaxed'}", flush=True)

    if jobs:
        run_all(JudgeTask(str(args.data.resolve()), str(args.work.resolve()), args.relax), jobs, 1, LIMIT, keep)


def errors_of(heavy: Chem.Mol, denoising, places: list) -> list[float | None]:
    """Denoising error of every pose that was not refused."""
    poses, kept = Chem.Mol(heavy), [k for k, one in enumerate(places) if one is not None]
    poses.RemoveAllConformers()
    for k in kept:
        conformer = Chem.Conformer(poses.GetNumAtoms())
        conformer.SetPositions(np.array(places[k]))
        conformer.Set3D(True)
        poses.AddConformer(conformer, assignId=True)
    found = dict(zip(kept, denoising(poses), strict=True)) if kept else {}
    return [round(float(found[k]), 4) if k in found else None for k in range(len(places))]


def receptor_of(args: argparse.Namespace, name: str):
    """Prepared once."""
    path = args.work / f"{name}.receptor.pkl"
    if not path.is_file():
        crystal = Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))
        path.write_bytes(pickle.dumps(prepare_receptor(args.data / name / "protein.pdb", ligand=crystal)))
    return pickle.loads(path.read_bytes())


def outcome(one: dict) -> dict[str, float]:
    """Of a complex and engine: RMSD of the best raw, the best relaxed and the first pose; inf where there is none.

    ``first`` in Vina's order, ``first_by_model`` with the denoising error (`molediff dock --rank model`).
    """

    def least(values) -> float:
        return min((v for v in values if v is not None), default=np.inf)

    ranked = [(s, r) for s, r in zip(one.get("scores", []), one.get("rmsd", []), strict=True) if s is not None]
    kept = [k for k, score in enumerate(one.get("scores", [])) if score is not None]
    by_model = np.nan
    if "errors" in one:
        figures = [{"denoising_error": one["errors"][k]} for k in kept]
        table = rank(pose_table(0, [one["scores"][k] for k in kept], figures), RANKS["model"])
        by_model = one["rmsd"][kept[int(table["pose"].iloc[0]) - 1]] if kept else np.inf
    return {
        "first_by_model": by_model,
        "raw_best": least(one.get("raw_rmsd", [])),
        "best": least(one.get("rmsd", [])),
        "first": min(ranked)[1] if ranked else np.inf,
    }


def summary(found: list[dict]) -> pd.DataFrame:
    """Success of both engines on the complexes that both have done, and their paired difference with its interval."""
    rows = []
    data = pd.DataFrame([{k: v for k, v in one.items() if not isinstance(v, list)} | outcome(one) for one in found])
    keys = ["model", "steps", "samples", "relax", "new"]
    data = data.assign(errors_of=data.get("errors_of", None))
    for values, part in data[data.engine == "diffusion"].groupby(keys, sort=False):
        same = (data.engine == "random") & (data.samples == values[2]) & (data.relax == values[3])
        same &= data.new == values[4]
        same &= data.errors_of.isna() | (data.errors_of == values[0])  # lines of before have no errors
        both = pd.concat([part, data[same]]).sort_values("errors_of", na_position="first", kind="stable")
        both = both.drop_duplicates(["complex", "engine"], keep="last")
        wide = both.pivot(index="complex", columns="engine", values=[*POSES])
        if set(both.engine) != set(ENGINES):
            continue
        for what in POSES:
            two = wide[what].dropna()
            if not len(two):
                continue
            a, b = ((two[engine].astype(float) <= SUCCESS).to_numpy(float) for engine in ENGINES)
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
                | {f"median_{e}": round(float(two[e].astype(float).median()), 2) for e in ENGINES}
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
