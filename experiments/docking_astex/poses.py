"""Figures of every docked pose that a ranking may use; one line a pose, appended to poses.csv, resumable.

    python experiments/docking_astex/poses.py --data astex_diverse --work work --rows vina8-seed1

``--work`` is the folder that run.py wrote: receptors and poses. Columns: row, complex, pose (the engine's order, from
1), score (kcal/mol), rmsd (symmetric, angstrom), pb_valid (PoseBusters `dock_fast`), pb_failed, strain (PoseCheck's
rule, kcal/mol, '' where there is none), cluster (poses of the nine within 2 A, itself included), heavy (atoms),
seconds (CPU of the figures).
"""

from __future__ import annotations

import argparse
import csv
import json
import pickle
import sys
import time
from pathlib import Path

import numpy as np
from rdkit import Chem

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from bench import BOX  # noqa: E402

from molediff.docking.rank import cluster_sizes  # noqa: E402
from molediff.docking.site import Site  # noqa: E402
from molediff.docking.tasks import Judge  # noqa: E402
from molediff.evaluation.strain import strains  # noqa: E402

COLUMNS = ("row", "complex", "pose", "score", "rmsd", "pb_valid", "pb_failed", "strain", "cluster", "heavy", "seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the complexes")
    parser.add_argument("--work", type=Path, required=True, help="folder that run.py wrote")
    parser.add_argument("--rows", default="vina8-seed1")
    args = parser.parse_args()
    path = HERE / "poses.csv"
    there = set()
    if path.is_file():
        with open(path, encoding="utf-8") as f:
            there = {(line["row"], line["complex"]) for line in csv.DictReader(f)}
    else:
        path.write_text(",".join(COLUMNS) + "\n")
    with open(HERE / "results.jsonl", encoding="utf-8") as f:
        results = [json.loads(line) for line in f if line.endswith("}\n")]
    for result in results:
        key = result["row"], result["complex"]
        if result["row"] in args.rows.split(",") and result["rmsd"] and key not in there:
            lines = figures(args, result)
            with open(path, "a", encoding="utf-8", newline="") as f:
                csv.DictWriter(f, COLUMNS, lineterminator="\n").writerows(lines)
            print(*key, f"{sum(line['seconds'] for line in lines):.1f} s", flush=True)


def figures(args: argparse.Namespace, result: dict) -> list[dict]:
    """One line a pose."""
    row, name = result["row"], result["complex"]
    crystal = Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))
    receptor = pickle.loads((args.work / f"{name}.receptor.pkl").read_bytes())
    judge = Judge(receptor, Site(crystal.GetConformer().GetPositions().mean(0), np.full(3, BOX), "ligand"))
    poses = list(Chem.SDMolSupplier(str(args.work / f"{row}-{name}.sdf"), removeHs=False))
    together = Chem.Mol(poses[0])
    for mol in poses[1:]:
        together.AddConformer(mol.GetConformer(), assignId=True)
    sizes = cluster_sizes(together)
    began = time.process_time()
    strained = [one["strain"] for one in strains(together)]
    share = (time.process_time() - began) / len(poses)
    out = []
    for k, (mol, score, rmsd) in enumerate(zip(poses, result["scores"], result["rmsd"], strict=True)):
        began = time.process_time()
        valid, failed = judge(mol)
        line = {"row": row, "complex": name, "pose": k + 1, "score": score, "rmsd": rmsd, "pb_valid": valid}
        line |= {
            "pb_failed": failed,
            "strain": "" if strained[k] is None else round(strained[k], 3),
            "cluster": sizes[k],
        }
        line |= {"heavy": mol.GetNumHeavyAtoms(), "seconds": round(time.process_time() - began + share, 2)}
        out.append(line)
    return out


if __name__ == "__main__":
    main()
