"""Vina's docking of molecules of run.py, from new conformers, beside the references. Resumable molecule by molecule.

    python experiments/crossdocked/docked.py --data crossdocked_test --work work --made usual-MODEL-10-50-SETTINGS
    python experiments/crossdocked/docked.py --table

``--made`` is the folder of a row's molecules that run.py left in ``--work``. Exhaustiveness 8, one conformer, one core
a ligand; first the references, then the first molecule of every pocket, then the second, and so on to --first, so that
a run that is stopped has as many of all pockets. A line of docked.jsonl is a molecule. docked.csv: over all that were
asked for, what is not valid or cannot be docked counts as 0; only numbers that all pockets have; 95 % bootstrap
intervals over pockets.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from docked_task import REFERENCE, Ask, VinaTask  # noqa: E402
from made import check, options  # noqa: E402

from molediff.docking.pool import run_all  # noqa: E402

RESAMPLES = 10_000
LIMIT = 1800.0
"""Seconds of computing a molecule may take."""


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--workers", type=int, default=1, help="processes that dock (default 1)")
    parser.add_argument("--results", type=Path, default=HERE / "docked.jsonl")
    args = parser.parse_args()
    if not args.table:
        check(args)
        run(args)
    table = summary(pd.DataFrame(lines(args.results)))
    table.to_csv(args.results.with_suffix(".csv"), index=False)
    print(table.to_string(index=False))


def lines(path: Path) -> list[dict]:
    """What is docked."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def run(args: argparse.Namespace) -> None:
    """Dock what is not docked yet, a round of all pockets after the other."""
    done = {(one["made"], one["pocket"], one["number"]) for one in lines(args.results)}
    for number in range(-1, args.first):
        asked = [one for one in round_of(args, number) if (one.made, one.pocket, one.number) not in done]
        if asked:
            dock(args, asked)


def round_of(args: argparse.Namespace, number: int) -> list[Ask]:
    """The molecule of this number of every pocket; the references for -1."""
    found = []
    for file in sorted((args.work / args.made).glob("*.json")):
        made, pocket = json.loads(file.read_text()), file.stem
        ligand = args.data / pocket / "ligand.sdf"
        if number < 0:
            who, smiles = REFERENCE, Chem.MolToSmiles(Chem.MolFromMolFile(str(ligand)))
        else:
            who, smiles = args.made, made["smiles"][number] if made["valid"][number] else ""
        found.append(Ask(who, pocket, max(number, 0), smiles, str(args.work.resolve() / f"{pocket}.pkl"), str(ligand)))
    return found


def dock(args: argparse.Namespace, asked: list[Ask]) -> None:
    """Some molecules, a line each."""

    def keep(at: int, result: dict | None, reason: str) -> None:
        one = asked[at]
        line = {"made": one.made, "pocket": one.pocket, "number": one.number}
        line |= result if result is not None else {"score": None, "reason": reason, "cpu": None}
        with open(args.results, "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")
        print(one.made, one.pocket, one.number, line["score"], line["reason"], flush=True)

    run_all(VinaTask(), asked, args.workers, LIMIT, keep)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """A line for each row of molecules, and one for the references of the same pockets."""
    found = found.drop_duplicates(["made", "pocket", "number"], keep="last")
    reference = found[found.made == REFERENCE].set_index("pocket").score.astype(float).fillna(0.0)
    out = []
    for made, part in found[found.made != REFERENCE].groupby("made", sort=False):
        scores = part.pivot(index="pocket", columns="number", values="score").astype(float)
        asked = part.pivot(index="pocket", columns="number", values="reason").notna().all()
        scores = scores[[number for number in scores if asked[number]]]
        if not scores.shape[1]:
            continue
        whole = scores.fillna(0.0)
        theirs = reference.reindex(whole.index)
        better = (whole.to_numpy() < theirs.to_numpy()[:, None]).astype(float)
        line = {
            "made": made,
            "pockets": len(whole),
            "molecules": whole.size,
            "not_docked": int(scores.isna().to_numpy().sum()),
        }
        for name, values, how in (
            ("mean", whole.to_numpy(), np.mean),
            ("median", whole.to_numpy(), np.median),
            ("better_than_reference", 100 * better, np.mean),
            ("reference_mean", theirs.to_numpy()[:, None], np.mean),
            ("reference_median", theirs.to_numpy()[:, None], np.median),
        ):
            line |= {name: round(float(how(values)), 2), f"{name}_interval": interval(values, how)}
        out.append(line)
    return pd.DataFrame(out)


def interval(values: np.ndarray, how) -> str:
    """95 %, pockets drawn anew; ``values`` is (pockets, molecules)."""
    draws = np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile([how(values[draw]) for draw in draws], [2.5, 97.5])
    return f"{low:.2f} to {high:.2f}"


if __name__ == "__main__":
    main()
