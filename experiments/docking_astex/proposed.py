"""Poses by diffusion against the control, conformers at random places: same refiner and ranking. Resumable.

    python experiments/docking_astex/proposed.py --data astex_diverse --index index.csv --work work --samples 40
    python experiments/docking_astex/proposed.py --table

Complexes whose cluster was not trained on; with --trained the others. Finished complexes are lines of proposed.jsonl.
Poses do not depend on how many are asked for, so a line of 40 has the best and the first of 1, 5, 10, 20 too. The
control has as many poses, and as many as take it the same CPU seconds (of proposing and relaxing). ``joint``: within
2 A and PB-valid (PoseBusters `redock`, all checks but the RMSD); known for the first of 10 and of all.
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

from bench import AstexTask  # noqa: E402
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
COUNTS = (1, 5, 10, 20, 40)
"""Of so many poses the best and the first are compared with the crystal."""
CHECKED = 10
"""Of so many poses, and of all, PoseBusters looks at the first."""
POSES = ("raw_best", "best", "first", "first_by_model", "first_joint", "first_by_model_joint")
"""What is compared; see `outcome`."""
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
    bench = AstexTask(str(args.data.resolve()), str(args.work.resolve()))
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
        jobs, about, ligands = [], [], []
        for engine in left:
            began = time.process_time()
            if engine == "random":
                propose = RandomPoses(site)
            else:
                propose = DiffusionPoses(model, frame, sampling_config(steps=args.steps))
            poses = propose(heavy, place, args.samples, 1)
            jobs.append((name, place, np.round(poses, 5).tolist()))
            ligands.append((heavy, DenoisingError(model, frame), name))
            spent = {"propose_s": round(time.process_time() - began, 1)}
            about.append({"complex": name, "engine": engine, "new": new[name]} | of[engine] | spent)
        keep = keeper(args.results, bench, about, ligands)
        run_all(JudgeTask(bench.data, bench.work, args.relax), jobs, 1, LIMIT, keep)


def keeper(results: Path, bench: AstexTask, about: list[dict], ligands: list[tuple]):
    """Gives every finished complex its denoising errors and PoseBusters' verdict, and adds its line to the results."""

    def keep(number: int, result: dict | None, reason: str) -> None:
        if result is not None:
            heavy, denoising, name = ligands[number]
            whole, began = result.pop("places"), time.process_time()
            places = [None if one is None else one[: heavy.GetNumAtoms()] for one in whole]
            result["errors"] = errors_of(heavy, denoising, places)
            result["errors_s"] = round(time.process_time() - began, 1)
            result["pb"] = checked(bench, name, heavy, whole, result)
        with open(results, "a") as f:
            f.write(json.dumps(about[number] | (result or {"reason": reason})) + "\n")
        print(f"{about[number]['complex']} {about[number]['engine']}: {reason or 'relaxed'}", flush=True)

    return keep


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


def checked(bench: AstexTask, name: str, heavy: Chem.Mol, whole: list, result: dict) -> dict[str, bool]:
    """{number of the pose (from 0): PB-valid}, of those that come first among `CHECKED` and among all."""
    crystal = Chem.RemoveAllHs(Chem.MolFromMolFile(f"{bench.data}/{name}/ligand.sdf"))
    out = {}
    for count in (CHECKED, len(whole)):
        for by in ("vina", "model"):
            k = first_of(result, count, by)
            if k is not None and str(k) not in out:
                pose = Chem.AddHs(heavy, addCoords=True)
                pose.GetConformer().SetPositions(np.array(whole[k]))
                out[str(k)] = bool(bench.busted(pose, crystal, bench.receptor(name), name)[0])
    return out


def first_of(one: dict, count: int, by: str) -> int | None:
    """Number of the pose that comes first among the first ``count``; None where all were refused.

    Args:
        one: a line.
        count: poses that are there.
        by: order, of `molediff.docking.rank.RANKS`; 'model' needs the line's denoising errors.
    """
    kept = [k for k, score in enumerate(one["scores"][:count]) if score is not None]
    if not kept:
        return None
    figures = [{"denoising_error": one["errors"][k]} if by == "model" else {} for k in kept]
    table = rank(pose_table(0, [one["scores"][k] for k in kept], figures), RANKS[by])
    return kept[int(table["pose"].iloc[0]) - 1]


def outcome(one: dict, count: int) -> dict[str, float]:
    """RMSD of the best raw, the best relaxed and the first pose of so many; inf where there is none.

    ``first`` in Vina's order, ``first_by_model`` with the denoising error (`molediff dock --rank model`), ``joint``:
    inf where it is not PB-valid. NaN where a line does not know.
    """

    def least(values: list) -> float:
        return min((v for v in values[:count] if v is not None), default=np.inf)

    out = {"raw_best": least(one.get("raw_rmsd", [])), "best": least(one.get("rmsd", []))}
    for name, by in (("first", "vina"), ("first_by_model", "model")):
        if "scores" not in one:
            out |= {name: np.inf, f"{name}_joint": np.inf}
        elif by == "model" and "errors" not in one:
            out |= {name: np.nan, f"{name}_joint": np.nan}
        else:
            k = first_of(one, count, by)
            valid = None if k is None else one.get("pb", {}).get(str(k))
            out[name] = np.inf if k is None else one["rmsd"][k]
            joint = np.nan if valid is None else out[name] if valid else np.inf
            out[f"{name}_joint"] = np.inf if k is None else joint
    return out


def seconds(one: dict, count: int) -> float:
    """CPU seconds of so many poses, proposed and relaxed."""
    return (one["propose_s"] + one.get("relax_s", 0.0)) * count / one["samples"]


def equal_count(diffusion: list[dict], control: list[dict], count: int) -> int:
    """Poses that take the control as long as ``count`` take the diffusion, of those it has."""
    one = np.mean([seconds(line, 1) for line in control])
    return min(control[0]["samples"], int(np.ceil(count * np.mean([seconds(line, 1) for line in diffusion]) / one)))


def pairs(found: list[dict]) -> dict[tuple, tuple[list[dict], list[dict]]]:
    """(model, steps, samples, relax, new) -> lines of the diffusion and of the control on the same complexes."""
    groups: dict[tuple, dict[str, dict]] = {}
    for one in found:
        if one["engine"] == "diffusion":
            key = tuple(one[k] for k in ("model", "steps", "samples", "relax", "new"))
            groups.setdefault(key, {})[one["complex"]] = one
    out = {}
    for key, mine in groups.items():
        control: dict[str, dict] = {}
        for one in found:
            same = (one["samples"], one["relax"], one["new"]) == key[2:] and one["engine"] == "random"
            # Errors of the control are the model's; lines of before have none.
            if same and one.get("errors_of") in (None, key[0]) and (one["complex"] not in control or "errors" in one):
                control[one["complex"]] = one
        names = [name for name in mine if name in control]
        if names:
            out[key] = [mine[n] for n in names], [control[n] for n in names]
    return out


def summary(found: list[dict]) -> pd.DataFrame:
    """Success of both on the complexes that both have done, and their paired difference with its interval."""
    rows = []
    for key, (diffusion, control) in pairs(found).items():
        about = dict(zip(("model", "steps", "samples", "relax", "new"), key, strict=True))
        for count in (c for c in COUNTS if c <= about["samples"]):
            equal = equal_count(diffusion, control, count)
            for against in sorted({count, equal}):
                mine, theirs = [outcome(o, count) for o in diffusion], [outcome(o, against) for o in control]
                times = [np.mean([seconds(o, n) for o in lot]) for lot, n in ((diffusion, count), (control, against))]
                spent = dict(zip(("seconds", "control_seconds"), np.round(times, 1).tolist(), strict=True))
                head = about | {"poses": count, "control_poses": against} | spent
                rows += [head | one for what in POSES if (one := compared(what, mine, theirs))]
    return pd.DataFrame(rows)


def compared(what: str, mine: list[dict], theirs: list[dict]) -> dict:
    """Shares within 2 A, their difference and its interval; {} where not all lines know."""
    a, b = (np.array([one[what] for one in lot]) for lot in (mine, theirs))
    if np.isnan(a).any() or np.isnan(b).any():
        return {}
    x, y = (a <= SUCCESS).astype(float), (b <= SUCCESS).astype(float)
    draw = np.random.default_rng(0).integers(0, len(x), (RESAMPLES, len(x)))
    low, high = np.percentile((x - y)[draw].mean(1), [2.5, 97.5])
    return (
        {"pose": what, "complexes": len(a), "diffusion": round(100 * x.mean(), 1), "random": round(100 * y.mean(), 1)}
        | {"difference": round(100 * (x - y).mean(), 1), "low": round(100 * low, 1), "high": round(100 * high, 1)}
        | {"median_diffusion": round(float(np.median(a)), 2), "median_random": round(float(np.median(b)), 2)}
    )


if __name__ == "__main__":
    main()
