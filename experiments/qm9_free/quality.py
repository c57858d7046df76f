"""Quality of a model for QM9 molecules: rows of result.csv, one a (steps, seed), and the rows of the data themselves.

python experiments/qm9_free/quality.py --data data/qm9_ani2x --model qm9 --steps 20,50,100 --seeds 0,1,2

Goes on where it was: rows that are in the table already are not made again (delete the table to begin anew).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent))
from held_out import part

from molediff.data.shards import open_shards
from molediff.evaluation import distances, evaluate, statistics_of
from molediff.model.files import HASHES
from molediff.pipelines import Generate


def judged(mols: list, held: dict, reference: str, hashes: np.ndarray | None) -> dict:
    """One row of figures, percentages over attempts."""
    report = evaluate(mols, protocols=("strict", "edm"), train_hashes=hashes, workers=0, bootstrap=0)
    figures = {name: p["figures"] for name, p in report.summary["protocols"].items()}

    def value(protocol: str, key: str) -> float:
        return round(figures[protocol][key]["value"], 3)

    stats = statistics_of(mols)
    ours = distances(stats, held)
    published = distances(stats, reference)
    row = {
        "n": len(mols),
        "strict_validity": value("strict", "strict_validity"),
        "edm_atom_stability": value("edm", "atom_stability"),
        "edm_molecule_stability": value("edm", "molecule_stability"),
        "edm_validity": value("edm", "validity"),
        "edm_valid_unique": value("edm", "valid_unique"),
        "bond_w1_held_out": round(ours["bond_w1"], 5),
        "angle_w1_held_out": round(ours["angle_w1"], 4),
        "bond_w1_qm9_test": round(published["bond_w1"], 5),
        "angle_w1_qm9_test": round(published["angle_w1"], 4),
    }
    if hashes is not None:
        row |= {
            "novelty_of_unique": value("strict", "novelty_per_unique"),
            "training_copies": value("strict", "training_copies"),
        }
    return row


RULES = ("join", "valence")
"""What late estimates may be held to, of `SamplingConfig`."""


def arguments(description: str, data: str, model: str, table: Path) -> argparse.ArgumentParser:
    """What is asked for; druglike/run.py asks for the same and a little more."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=data, help="prepared data, with the held-out part")
    parser.add_argument("--model", default=model)
    parser.add_argument("--steps", default="20,50,100")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--compile", action="store_true", help="torch.compile: a minute, then faster")
    parser.add_argument("--method", help="default: what the model recommends")
    parser.add_argument("--temperature", type=float, help="default: what the model recommends")
    for name in RULES:
        usual = "default: what the model recommends"
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=usual)
    parser.add_argument("--reference", default="qm9", help="published statistics: qm9 (packaged) or a json.gz file")
    parser.add_argument("--parts", default="runs/quality", help="folder for finished batches")
    parser.add_argument("--table", type=Path, default=table)
    parser.add_argument("--precision", default="float32")
    return parser


def fill(args: argparse.Namespace, data: dict[str, list], judge: Callable[[list, np.ndarray | None], dict]) -> None:
    """Make every row that the table does not have yet.

    Args:
        args: of `arguments`.
        data: name -> molecules of the data, for the rows to compare with.
        judge: (molecules, hashes of the training molecules) -> figures.
    """
    rows = pd.read_csv(args.table).to_dict("records") if args.table.is_file() else []
    done = {(r["set"], r["steps"], r["seed"], r["n"], r.get("settings")) for r in rows}

    def add(row: dict) -> None:
        rows.append(row)
        pd.DataFrame(rows).to_csv(args.table, index=False)
        print(row, flush=True)

    pipeline = Generate.from_pretrained(args.model)
    if args.compile:
        pipeline.model.compile_network()
    source = pipeline.model.source
    hashes = np.load(source.folder / HASHES) if (source.folder / HASHES).is_file() else None
    said = "recommended" if source.about.get("sampling") else "default"
    said = " ".join([said, *(str(x) for x in (args.method, args.temperature) if x is not None)])
    for name in RULES:
        asked = getattr(args, name)
        said += "" if asked is None else f" {name}" if asked else f" no {name}"
    label = f"{source.name} {source.checksum[:8]} {said} {args.precision}"
    settings = {key: getattr(args, key) for key in ("method", "temperature", "precision", "batch", *RULES)}
    settings = {key: value for key, value in settings.items() if value is not None}
    for steps in map(int, args.steps.split(",")):
        for seed in map(int, args.seeds.split(",")):
            # What is recommended lies beside the weights and may change while their checksum does not.
            settled = hashlib.sha256(repr(pipeline.model.recommended(steps) | settings).encode()).hexdigest()[:8]
            if (label, steps, seed, args.n, settled) in done:
                continue
            began, spent = time.perf_counter(), time.process_time()
            parts = Path(args.parts) / f"{source.checksum[:8]}-{steps}-{seed}-{args.n}-{settled}"
            out = pipeline(args.n, seed, steps, parts=parts, **settings)
            seconds = {
                "seconds": round(time.perf_counter() - began, 1),
                "threads": torch.get_num_threads(),
                "cpu_seconds": round(time.process_time() - spent, 1),
            }
            add({"set": label, "settings": settled, "steps": steps, "seed": seed, **judge(out.mols, hashes), **seconds})
    for name, mols in data.items():
        if (f"data: {name} part", 0, 0, len(mols)) not in {key[:4] for key in done}:
            add({"set": f"data: {name} part", "steps": 0, "seed": 0, **judge(mols, None)})


def main() -> None:
    """Fill the table."""
    args = arguments(__doc__, "data/qm9_ani2x", "qm9", Path(__file__).parent / "result.csv").parse_args()
    shards = open_shards(args.data)
    held = statistics_of(part(shards, "test"))
    data = {name: part(shards, name, args.n) for name in ("test", "train")}
    fill(args, data, lambda mols, hashes: judged(mols, held, args.reference, hashes))


if __name__ == "__main__":
    main()
