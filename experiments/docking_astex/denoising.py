"""Does the pocket model choose better among docked poses? Vina's order against `molediff dock --rank model`. Resumable.

    python experiments/docking_astex/denoising.py --data astex_diverse --work work --index index.csv --rows vina8-seed1
    python experiments/docking_astex/denoising.py --data astex_diverse --index index.csv --table

``--work`` is the folder that run.py wrote: receptors and poses. Every pose gets its denoising error; a line of
denoising.jsonl is a complex of a row. The table (denoising.csv) has the success of the first pose by Vina's order and
by the score and the error, their paired difference with a 95 % bootstrap interval over complexes, joint success with
PoseBusters, the difference of both to run.py's `vina8-seed1` in Vina's order where that is there, and the best of the
poses; for complexes whose cluster the model was trained on, for the others, for all.

The sizes of the noise and the weight of the error (`molediff.docking.rank.RANKS`) were found on these complexes
(vina8-seed1). The ligands of crossdocked_test, whose clusters are left out of training too, had no part in that; there
--weights prints the success at every weight:

    python experiments/docking_astex/run.py --data crossdocked_test --work work2 --only torch8-seed1 --complexes 93 \\
        --no-check --results crossdocked/results.jsonl
    python experiments/docking_astex/denoising.py --data crossdocked_test --work work2 --rows torch8-seed1 \\
        --no-check --results crossdocked/results.jsonl --weights
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from bench import AstexTask  # noqa: E402
from proposed import complexes, lines  # noqa: E402
from proposed_task import crystal_of, site_of  # noqa: E402
from run import BASE, interval  # noqa: E402

from molediff.config import UserError  # noqa: E402
from molediff.docking.rank import RANKS, RankRule, pose_table, rank  # noqa: E402

SUCCESS = 2.0
"""RMSD of a right pose, angstrom."""
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
"""Weights of the error that --weights compares, kcal/mol."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the complexes")
    parser.add_argument("--work", type=Path, help="folder that run.py wrote")
    parser.add_argument("--index", type=Path, help="index.csv, for the clusters; without it all complexes are one set")
    parser.add_argument("--rows", default="vina8-seed1,torch8-seed1")
    parser.add_argument("--model", default="pocket", help="bundled name or folder")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl", help="of run.py")
    parser.add_argument("--weights", action="store_true", help="print the success at every weight of the error")
    parser.add_argument("--no-check", action="store_true", help="without PoseBusters: no joint success")
    parser.add_argument("--table", action="store_true", help="make the table and stop")
    args = parser.parse_args()
    if args.work is None and not args.table:
        raise UserError("Give --work, the folder that run.py wrote, or --table.")
    path = args.results.with_name("denoising.jsonl")
    if not args.table:
        run(args, path)
    found = lines(path)
    if args.weights:
        print(weighed(found).to_string(index=False))
    new = complexes(args.data, args.index) if args.index is not None else {}
    base = {one["complex"]: one for one in lines(args.results) if one["row"] == BASE}
    table = summary(found, new, base)
    table.to_csv(path.with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


def run(args: argparse.Namespace, path: Path) -> None:
    """A line for every docked complex that has none."""
    from molediff.model import load

    model = load(args.model)
    mark = model.source.checksum[:8]
    there = {(one["row"], one["complex"], one["model"]) for one in lines(path)}
    task = AstexTask(str(args.data.resolve()), str(args.work.resolve()))
    for result in lines(args.results):
        key = result["row"], result["complex"], mark
        if result["row"] not in args.rows.split(",") or key in there:
            continue
        line = {"row": key[0], "complex": key[1], "model": mark, "scores": result["scores"], "rmsd": result["rmsd"]}
        began = time.process_time()
        line |= {"errors": errors(args, model, result) if result["rmsd"] else []}
        line |= {"seconds": round(time.process_time() - began, 2)} | checked(args, task, line, result)
        with open(path, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")
        print(*key, f"{line['seconds']} s", flush=True)


def errors(args: argparse.Namespace, model, result: dict) -> list[float]:
    """Of every pose."""
    from molediff.pipelines.denoising import DenoisingError
    from molediff.pipelines.frame import Frame, cut_pocket

    name = result["complex"]
    receptor = pickle.loads((args.work / f"{name}.receptor.pkl").read_bytes())
    # Cut round the centre of the box, which all engines are told.
    frame = Frame.of(model, cut_pocket(receptor, site_of(crystal_of(args.data, name)))[0])
    poses = poses_of(args.work / f"{result['row']}-{name}.sdf")
    return np.round(DenoisingError(model, frame)(poses), 4).tolist()


def poses_of(path: Path) -> Chem.Mol:
    """Poses of a complex as the conformers of one molecule."""
    mols = list(Chem.SDMolSupplier(str(path), removeHs=False))
    for mol in mols[1:]:
        mols[0].AddConformer(mol.GetConformer(), assignId=True)
    return mols[0]


def checked(args: argparse.Namespace, task: AstexTask, line: dict, result: dict) -> dict:
    """{'chosen' (from 0), 'pb_valid'}: of the pose that comes first, all checks of `redock` but the RMSD.

    None where PoseBusters was not asked.
    """
    if not line["errors"]:
        return {"chosen": None, "pb_valid": False}
    k = chosen(line, RANKS["model"])
    if args.no_check:
        return {"chosen": k, "pb_valid": None}
    if k == 0:
        return {"chosen": 0, "pb_valid": bool(result["pb_valid"])}
    name = line["complex"]
    crystal = Chem.RemoveAllHs(Chem.MolFromMolFile(f"{args.data}/{name}/ligand.sdf"))
    poses = poses_of(args.work / f"{line['row']}-{name}.sdf")
    pose = Chem.Mol(poses, confId=poses.GetConformers()[k].GetId())
    pose.GetConformer().SetId(0)  # the energy ratio of PoseBusters asks for conformer 0
    return {"chosen": k, "pb_valid": bool(task.busted(pose, crystal, task.receptor(name), name)[0])}


def chosen(line: dict, rule: RankRule) -> int:
    """Place (from 0) of the pose that comes first."""
    figures = [{"denoising_error": e} for e in line["errors"]]
    return int(rank(pose_table(0, line["scores"], figures), rule)["pose"].iloc[0]) - 1


def hit(line: dict, rule: RankRule) -> float:
    """1 where the first pose is right, 0 where it is not or there is none."""
    return float(bool(line["errors"]) and line["rmsd"][chosen(line, rule)] <= SUCCESS)


def weighed(found: list[dict]) -> pd.DataFrame:
    """Success at every weight, by row and model."""
    by = pd.DataFrame([{"row": one["row"], "model": one["model"], "line": one} for one in found])
    out = []
    for (row, model), part in by.groupby(["row", "model"], sort=False):
        rules = {w: RankRule(0.0, invalid=0.0, cluster_weight=0.0, denoising_weight=w) for w in WEIGHTS}
        shares = {w: round(100 * np.mean([hit(one, rule) for one in part.line]), 1) for w, rule in rules.items()}
        out.append({"row": row, "model": model, "complexes": len(part)} | shares)
    return pd.DataFrame(out)


def less_base(members: list[dict], both: np.ndarray, joint: np.ndarray, base: dict[str, dict]) -> dict:
    """Success and joint success less those of the base row in Vina's order; {} where it lacks a complex."""
    if any(one["complex"] not in base for one in members):
        return {}
    theirs = [base[one["complex"]] for one in members]
    near = np.array([float(bool(one["rmsd"]) and one["rmsd"][0] <= SUCCESS) for one in theirs])
    out = {}
    for name, ours, other in (
        ("less_base", both, near),
        ("joint_less_base", joint, near * np.array([float(one["pb_valid"]) for one in theirs])),
    ):
        out |= {name: round(100 * (ours - other).mean(), 1), f"{name}_interval": interval(ours - other)}
    return out


def summary(found: list[dict], new: dict[str, bool], base: dict[str, dict]) -> pd.DataFrame:
    """A line a row, model and set; the denominator is every complex of the row, failed ones too."""
    out = []
    data = pd.DataFrame([{"row": one["row"], "model": one["model"], "line": one} for one in found])
    for (row, model), part in data.groupby(["row", "model"], sort=False):
        sets = {"all": list(part.line)}
        if new:
            sets |= {
                "clusters not trained on": [one for one in part.line if new[one["complex"]]],
                "clusters trained on": [one for one in part.line if not new[one["complex"]]],
            }
        for name, members in sets.items():
            if not members:
                continue
            vina, both = (np.array([hit(one, RANKS[key]) for one in members]) for key in ("vina", "model"))
            busted = np.array([np.nan if one["pb_valid"] is None else float(one["pb_valid"]) for one in members])
            most = np.array([min(one["rmsd"], default=np.inf) <= SUCCESS for one in members])
            out.append(
                {"row": row, "model": model, "set": name, "complexes": len(members)}
                | {"vina": round(100 * vina.mean(), 1), "with_model": round(100 * both.mean(), 1)}
                | {"with_model_interval": interval(both), "difference": round(100 * (both - vina).mean(), 1)}
                | {
                    "difference_interval": interval(both - vina),
                    "joint_with_model": round(100 * (both * busted).mean(), 1),
                }
                | {"best_of_poses": round(100 * most.mean(), 1)}
                | {"seconds": round(float(np.mean([one["seconds"] for one in members])), 1)}
                | less_base(members, both, both * busted, base)
            )
    return pd.DataFrame(out)


if __name__ == "__main__":
    main()
