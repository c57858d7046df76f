"""All of PoseBusters' checks (`dock`, the energy ratio too) of molecules of run.py. Resumable.

    python experiments/crossdocked/run.py --data crossdocked_test --work work --only plain --n 5 --pockets 93 --strain 2
    python experiments/crossdocked/full.py --data crossdocked_test --work work --made plain-MODEL-5-50-SETTINGS
    python experiments/crossdocked/full.py --table

``--made`` is the folder of a row's molecules that run.py left in ``--work``. The first --first molecules of a pocket
are judged as generated and relaxed as `generate` relaxes; run.py looks at all checks itself where it is given --energy.
A molecule that is not valid, or that a check cannot judge within a minute, counts as not PB-valid. A line of full.jsonl
is a pocket; full.csv is the table, with 95 % bootstrap intervals over pockets. Vina's docking: docked.py.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from made import check, options, relaxed  # noqa: E402

from molediff.docking.receptor_files import pdb_text  # noqa: E402
from molediff.evaluation.pool import judge_all  # noqa: E402
from molediff.evaluation.protocols import Context  # noqa: E402
from molediff.evaluation.record import from_mol  # noqa: E402

CHECKS = "posebusters-dock"
POSES = ("raw", "relaxed")
RESAMPLES = 10_000


def main() -> None:
    parser = options(__doc__)
    args = parser.parse_args()
    path = HERE / "full.jsonl"
    if not args.table:
        check(args)
        run(args, path)
    table = summary([json.loads(line) for line in path.read_text().splitlines()])
    table.to_csv(path.with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


def run(args: argparse.Namespace, path: Path) -> None:
    """A line for every pocket that has none."""
    key = {"made": args.made, "first": args.first}
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    there = {one["pocket"] for one in lines if key.items() <= one.items()}
    for file in sorted((args.work / args.made).glob("*.json")):
        if file.stem not in there:
            line = key | {"pocket": file.stem} | of_pocket(args, file.stem, json.loads(file.read_text()))
            with open(path, "a", encoding="utf-8") as f:
                f.write(json.dumps(line) + "\n")
            print(file.stem, [line[f"pb_{pose}"] for pose in POSES], flush=True)


def of_pocket(args: argparse.Namespace, pocket: str, made: dict) -> dict:
    """{'pb_raw', 'pb_relaxed', 'failed_raw', 'failed_relaxed'}, one entry a molecule."""
    receptor = pickle.loads((args.work / f"{pocket}.pkl").read_bytes())
    blocks = made["blocks"][: args.first]
    raw = [Chem.MolFromMolBlock(block, removeHs=False) if block else None for block in blocks]
    poses = [*raw, *(relaxed(receptor, block) for block in blocks)]
    with tempfile.TemporaryDirectory() as folder:
        protein = Path(folder) / "protein.pdb"
        protein.write_text(pdb_text(receptor))
        records = [from_mol(mol, k, f"pose {k + 1}", "", 1000) for k, mol in enumerate(poses)]
        rows = judge_all(records, [CHECKS], Context(str(protein), ""))
    failed = [wrong(rows.get((k, CHECKS), {})) if mol is not None else ["not_valid"] for k, mol in enumerate(poses)]
    out: dict = {}
    for k, pose in enumerate(POSES):
        found = failed[k * len(blocks) : (k + 1) * len(blocks)]
        out |= {f"pb_{pose}": [not one for one in found], f"failed_{pose}": found}
    return out


def wrong(row: dict) -> list[str]:
    """Checks that are not passed, or why there are none."""
    checks = {key: value for key, value in row.items() if key not in ("pass", "reason", "bonds")}
    return [key for key, value in checks.items() if value is not True] if checks else [row.get("reason", "not_judged")]


def summary(lines: list[dict]) -> pd.DataFrame:
    """A line a row: over all molecules asked for."""
    out = []
    for (made, first), part in pd.DataFrame(lines).groupby(["made", "first"], sort=False):
        line = {"made": made, "pockets": len(part), "first": first}
        for pose in POSES:
            share = np.array([np.mean(one) for one in part[f"pb_{pose}"]])
            draws = np.random.default_rng(0).integers(0, len(share), (RESAMPLES, len(share)))
            low, high = np.percentile(share[draws].mean(1), [2.5, 97.5])
            line |= {
                f"pb_{pose}": round(100 * share.mean(), 1),
                f"pb_{pose}_interval": f"{100 * low:.1f} to {100 * high:.1f}",
            }
        out.append(line)
    return pd.DataFrame(out)


if __name__ == "__main__":
    main()
