"""`molediff dock --engine hybrid` on astex_diverse, through the pipeline itself, beside the rows of run.py. Resumable.

    python experiments/docking_astex/hybrid.py --data astex_diverse --index index.csv --work work --search torch
    python experiments/docking_astex/hybrid.py --data astex_diverse --index index.csv --table

Start and box as in run.py: an RDKit conformer of the SMILES, 25 A round the centre. --samples poses of the diffusion
model, relaxed, and those of the search (--exhaustiveness) are put in order together by score and denoising error; a
line of hybrid.jsonl is a complex. The table has success and joint success of the first pose, of those of run.py's
`vina8-seed1` on the same complexes, and the paired difference with its 95 % bootstrap interval over complexes: all,
those whose cluster the model was not trained on, the others. Seconds: CPU of one core, maps of the receptor left out,
proposing, relaxing, searching and ranking in.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdMolAlign

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from bench import AstexTask  # noqa: E402
from proposed import complexes, lines  # noqa: E402
from proposed_task import crystal_of, site_of  # noqa: E402
from run import BASE, first, interval, valid  # noqa: E402

from molediff.config import UserError  # noqa: E402

SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the complexes")
    parser.add_argument("--index", type=Path, required=True, help="index.csv, for the clusters")
    parser.add_argument("--work", type=Path, help="folder for prepared receptors")
    parser.add_argument("--model", default="pocket", help="bundled name or folder")
    parser.add_argument("--search", default="torch", help="engine whose poses compete: torch or vina")
    parser.add_argument("--exhaustiveness", type=int, default=8)
    parser.add_argument("--samples", type=int, default=10, help="poses of the model (default 10)")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no complex after so many")
    parser.add_argument("--table", action="store_true", help="make hybrid.csv from hybrid.jsonl and stop")
    args = parser.parse_args()
    new = complexes(args.data, args.index)
    path = HERE / "hybrid.jsonl"
    if not args.table:
        if args.work is None:
            raise UserError("Give --work, a folder for receptors, or --table.")
        args.work.mkdir(parents=True, exist_ok=True)
        run(args, new, path)
    table = summary(lines(path), new)
    table.to_csv(path.with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


def run(args: argparse.Namespace, new: dict[str, bool], path: Path) -> None:
    """A line for every complex that has none; new clusters first."""
    from molediff.model import load

    until = time.monotonic() + 60 * args.minutes
    model = load(args.model)
    key = {"model": model.source.checksum[:8], "search": args.search, "exhaustiveness": args.exhaustiveness}
    key |= {"samples": args.samples}
    there = {one["complex"] for one in lines(path) if key.items() <= one.items()}
    task = AstexTask(str(args.data.resolve()), str(args.work.resolve()))
    for name in sorted(new, key=lambda one: (not new[one], one)):
        if name not in there and time.monotonic() < until:
            line = key | {"complex": name} | docked(args, model, task, name)
            with open(path, "a", encoding="utf-8") as f:
                f.write(json.dumps(line) + "\n")
            print(name, line["rmsd"][:1], line["pb_valid"], line["seconds"], line["reason"], flush=True)


def docked(args: argparse.Namespace, model, task: AstexTask, name: str) -> dict:
    """{'rmsd', 'scores', 'errors' (of the poses in their order), 'pb_valid', 'reason', 'seconds'}."""
    from molediff.pipelines.dock_proposed import DockProposed
    from molediff.pipelines.frame import Frame, cut_pocket
    from molediff.pipelines.proposals import DiffusionPoses

    crystal = crystal_of(args.data, name)
    receptor, site = task.receptor(name), site_of(crystal)
    poses = DiffusionPoses(model, Frame.of(model, cut_pocket(receptor, site)[0]))
    pipeline = DockProposed(
        poses, "hybrid", "model", args.samples, model=model, search=args.search, seed=SEED,
        exhaustiveness=args.exhaustiveness,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        out = pipeline(receptor, site, [Chem.MolToSmiles(crystal)], workers=1, check=False, parts=Path(folder))
        here = time.process_time() - began
        proposing = json.loads((Path(folder) / "proposals.jsonl").read_text().splitlines()[-1])[1]["seconds"]
    found = [Chem.RemoveAllHs(pose) for pose in out.poses[0]]
    line = {"scores": out.ranking["score"].tolist(), "errors": out.ranking["denoising_error"].tolist()}
    line |= {"rmsd": [round(rdMolAlign.CalcRMS(Chem.Mol(pose), Chem.Mol(crystal)), 3) for pose in found]}
    line |= {"pb_valid": False, "reason": out.table["reason"][0], "note": out.table["note"][0]}
    if found:
        whole = Chem.RemoveAllHs(Chem.MolFromMolFile(str(args.data / name / "ligand.sdf")))
        line["pb_valid"] = bool(task.busted(out.poses[0][0], whole, receptor, name)[0])
    return line | {"seconds": round(here + out.seconds[0] - proposing, 2)}


def summary(found: list[dict], new: dict[str, bool]) -> pd.DataFrame:
    """A line a setting and set; a ligand without poses is a failure."""
    vina = {one["complex"]: one for one in lines(HERE / "results.jsonl") if one["row"] == BASE}
    keys = ["model", "search", "exhaustiveness", "samples"]
    data = pd.DataFrame([{k: one[k] for k in keys} | {"line": one} for one in found])
    out = []
    for values, part in data.groupby(keys, sort=False):
        sets = {"all": list(part.line)}
        sets["clusters not trained on"] = [one for one in part.line if new[one["complex"]]]
        sets["clusters trained on"] = [one for one in part.line if not new[one["complex"]]]
        for name, members in sets.items():
            if not members:
                continue
            line = dict(zip(keys, values, strict=True)) | {"set": name, "complexes": len(members)}
            for label, judge in (("success", first), ("joint", valid)):
                ours = np.array([float(judge(one)) for one in members])
                theirs = np.array([float(judge(vina[one["complex"]])) for one in members])
                line |= {label: round(100 * ours.mean(), 1), f"{label}_interval": interval(ours)}
                line |= {f"{BASE}_{label}": round(100 * theirs.mean(), 1)}
                line |= {f"{label}_difference": round(100 * (ours - theirs).mean(), 1)}
                line |= {f"{label}_difference_interval": interval(ours - theirs)}
            line["best_of_poses"] = round(100 * np.mean([min(one["rmsd"], default=9.0) <= 2 for one in members]), 1)
            line["seconds_mean"] = round(float(np.mean([one["seconds"] for one in members])), 1)
            out.append(
                line | {f"{BASE}_seconds": round(float(np.mean([vina[m["complex"]]["seconds"] for m in members])), 1)}
            )
    return pd.DataFrame(out)


if __name__ == "__main__":
    main()
