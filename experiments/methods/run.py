"""Quality of every sampling method against the number of times the network is asked: rows of result.csv.

python experiments/methods/run.py --model qm9 --n 2000

Goes on where it was: rows that are in the table already are not made again (delete the table to begin anew).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import part

from molediff.config import UserError, choose
from molediff.data.shards import open_shards
from molediff.evaluation import distances, evaluate, statistics_of
from molediff.model import Model
from molediff.noise import Process
from molediff.pipelines import Generate
from molediff.sampling import METHODS, SamplingConfig, evaluations

SETTINGS = ("temperature", "bend", "start", "end", "category_noise", "churn")
"""Fields of `SamplingConfig` that may be changed here."""

SAME = {"euler": "ddim"}
"""Methods that are another one by name only."""


def steps_for(process: Process, method: str, budget: int, **settings: float) -> int:
    """The most steps that ask the network at most ``budget`` times, under further settings of sampling."""
    return max(
        k
        for k in range(1, budget + 1)
        if evaluations(process, SamplingConfig(steps=k, method=method, **settings)) <= budget
    )


def chosen(args: argparse.Namespace, model: Model, budget: int) -> dict:
    """Settings of sampling that are columns of the table: as given, or as the model recommends for so many steps."""
    given = {name: getattr(args, name) for name in SETTINGS}
    found = model.recommended(budget) if args.recommended else {}
    return given | {name: float(value) for name, value in found.items() if name in SETTINGS}


def figures(mols: list, held: dict | None) -> dict:
    """Percentages over all molecules asked for, and W1 to held-out molecules where their statistics are given."""
    found = evaluate(mols, protocols=("strict", "edm"), workers=0, bootstrap=0).summary["protocols"]
    wanted = {"strict_validity": ("strict", "strict_validity"), "edm_molecule_stability": ("edm", "molecule_stability")}
    wanted |= {"edm_atom_stability": ("edm", "atom_stability"), "edm_valid_unique": ("edm", "valid_unique")}
    out = {name: round(found[p]["figures"][key]["value"], 2) for name, (p, key) in wanted.items()}
    if held is None:
        return out
    apart = distances(statistics_of(mols), held)
    return out | {f"{key}_held_out": round(apart[key], 5) for key in ("bond_w1", "angle_w1")}


def row(pipeline: Generate, method: str, budget: int, args: argparse.Namespace, held: dict | None) -> dict:
    """One setting."""
    settings = chosen(args, pipeline.model, budget)
    steps = steps_for(pipeline.model.process, method, budget, **settings)
    began = time.perf_counter()
    alone = {"join": False, "valence": False}  # the method, not what holds its estimates to rules
    out = pipeline(
        args.n, args.seed, steps, batch=args.batch, method=method, precision=args.precision, **alone, **settings
    )
    seconds = time.perf_counter() - began
    asked = {"steps": steps, "evaluations": out.about["evaluations"], "n": args.n, "seed": args.seed}
    asked |= settings | {"precision": args.precision}
    return {**asked, **figures(out.mols, held), "seconds": round(seconds, 1)}


def main() -> None:
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", default=",".join(m for m in METHODS if m not in SAME))
    parser.add_argument("--evaluations", default="8,12,20,50,100")
    for name in SETTINGS:
        word = name.replace("_", "-")
        parser.add_argument(f"--{word}", type=float, default=getattr(SamplingConfig(), name), help="of SamplingConfig")
    parser.add_argument(
        "--recommended", action="store_true", help="settings that the model recommends for as many steps as the budget"
    )
    parser.add_argument("--data", default="", help="prepared QM9 data, for W1 to its held-out part")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--compile", action="store_true", help="torch.compile: a minute, then faster")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--table", type=Path, default=Path(__file__).parent / "result.csv")
    args = parser.parse_args()
    for method in args.methods.split(","):
        choose("method", method, METHODS)
    if args.recommended and any(getattr(args, name) != getattr(SamplingConfig(), name) for name in SETTINGS):
        raise UserError("--recommended takes the model's settings: give no others beside it.")
    held = statistics_of(part(open_shards(args.data), "test")) if args.data else None
    pipeline = Generate.from_pretrained(args.model)
    if args.compile:
        pipeline.model.compile_network()
    label = f"{pipeline.model.source.name} {pipeline.model.source.checksum[:8]}"
    keys = ["model", "method", "budget", "n", "seed", *SETTINGS, "precision"]
    rows = pd.read_csv(args.table).to_dict("records") if args.table.is_file() else []
    done = {tuple(r[k] for k in keys) for r in rows}
    for budget in map(int, args.evaluations.split(",")):
        for method in args.methods.split(","):
            settings = chosen(args, pipeline.model, budget)
            if (label, method, budget, args.n, args.seed, *settings.values(), args.precision) in done:
                continue
            rows.append(
                {"model": label, "method": method, "budget": budget, **row(pipeline, method, budget, args, held)}
            )
            pd.DataFrame(rows).to_csv(args.table, index=False)
            print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
