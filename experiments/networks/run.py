"""`attention`, `egnn` and `tensor_product` trained for the same minutes: what does each make of them?

python experiments/networks/run.py --data data/qm9_ani2x --out runs/networks --minutes 12

One core, eager, bf16, batches of about 32 molecules, about equal numbers of parameters. Three quarters of the minutes
at a constant rate, then a decay of as many steps as the last quarter has room for. Goes on where it was: a network with
a row in the table is not trained again.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "qm9_free"))
from held_out import part  # noqa: E402

from molediff.config import UserError  # noqa: E402
from molediff.data.shards import Shards, open_shards, read_batch  # noqa: E402
from molediff.data.split import edm_parts  # noqa: E402
from molediff.evaluation import distances, evaluate, statistics_of  # noqa: E402
from molediff.model import Model, load  # noqa: E402
from molediff.noise import batch_draws  # noqa: E402
from molediff.pipelines import Generate  # noqa: E402
from molediff.structures import Condition  # noqa: E402
from molediff.training.curve import read_curve  # noqa: E402

NETWORKS = {"attention": {}, "egnn": {"layers": 9, "width": 176}, "tensor_product": {"width": 256}}
"""Name -> settings that differ from the defaults, chosen for about as many parameters."""
PAIRS = 10_368
"""Atoms squared a batch: 32 molecules of 18 atoms."""


def train(name: str, args: argparse.Namespace) -> Path:
    """The model that comes of ``args.minutes``."""
    out = args.out / name
    network = [f"model.network.{key}={value}" for key, value in NETWORKS[name].items()]
    command = [sys.executable, "-m", "molediff", "train", str(HERE.parent / "qm9_free" / "config.yaml"), "--quiet"]
    changes = [f"data={args.data}", f"out={out}", f"model.denoiser={name}", *network, "compile=false", "threads=1"]
    changes += ["warmup_steps=100", f"pairs={PAIRS}", "log_every=10", "steps=1000000"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    curve, model = out / "log" / "loss.csv", out / "model"
    if (model / "model.json").is_file():
        return model
    child = subprocess.Popen([*command, "--set", *changes], env=environment)
    # The log counts the seconds of all sittings: one that was cut off goes on where it was.
    while child.poll() is None and (not (lines := read_curve(curve)) or lines[-1]["seconds"] < 45 * args.minutes):
        time.sleep(1)
    if child.poll() is not None:
        raise UserError(f"The training of {name} ended by itself with status {child.returncode}; see what it printed.")
    child.send_signal(signal.SIGTERM)
    child.wait()
    last = read_curve(curve)[-1]
    finish = max(10, round(last["step"] / last["seconds"] * 60 * args.minutes * 0.25))
    subprocess.run([*command, "--set", *changes, f"finish_steps={finish}", "--finish"], env=environment, check=True)
    return model


def held_out_loss(model: Model, shards: Shards, molecules: int = 512) -> float:
    """Of molecules that were not trained on, nothing known, the same times and noise for every network."""
    rows = np.flatnonzero(np.isin(shards.arrays["index"], edm_parts()["valid"]))[:molecules]
    losses = []
    for k in range(0, len(rows), 64):
        clean, _ = read_batch(shards, rows[k : k + 64])
        generator = torch.Generator().manual_seed(k)
        times = model.process.training_times(len(clean), generator)
        draws = batch_draws(*clean.mask.shape, generator=generator)
        with torch.no_grad():
            losses.append(model.loss(clean, Condition.nothing(clean), times, draws)["loss"].item() * len(clean))
    return sum(losses) / len(rows)


def row(name: str, folder: Path, args: argparse.Namespace) -> dict:
    """What the model is worth."""
    model, shards = load(str(folder)).eval(), open_shards(args.data)
    about = model.source.about
    loss = held_out_loss(model, shards)
    began = time.process_time()
    made = Generate(model)(args.n, seed=0, steps=50, batch=64, precision="bf16")
    seconds = time.process_time() - began
    report = evaluate(made.mols, protocols=("strict", "edm"), workers=0, bootstrap=0).summary["protocols"]
    apart = distances(statistics_of(made.mols), statistics_of(part(shards, "test", 5000)))

    def figure(protocol: str, key: str) -> float:
        return round(report[protocol]["figures"][key]["value"], 2)

    return {
        "network": name,
        "parameters": model.parameter_count,
        "minutes": round(60 * about["hours"], 1),
        "steps": about["steps"],
        "molecules_seen": about["molecules_seen"],
        "held_out_loss": round(loss, 4),
        "n": args.n,
        "strict_validity": figure("strict", "strict_validity"),
        "edm_atom_stability": figure("edm", "atom_stability"),
        "edm_molecule_stability": figure("edm", "molecule_stability"),
        "bond_w1_held_out": round(apart["bond_w1"], 4),
        "cpu_seconds_a_molecule": round(seconds / args.n, 3),
    }


def main() -> None:
    """Fill the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="prepared QM9 data")
    parser.add_argument("--out", type=Path, default=Path("runs/networks"), help="folder for the runs")
    parser.add_argument("--minutes", type=float, default=12.0, help="of training each (default 12)")
    parser.add_argument("--n", type=int, default=256, help="molecules sampled (default 256)")
    parser.add_argument("--only", default=",".join(NETWORKS), help=f"of {', '.join(NETWORKS)} (default all)")
    parser.add_argument("--table", type=Path, default=HERE / "result.csv")
    args = parser.parse_args()
    rows = pd.read_csv(args.table).to_dict("records") if args.table.is_file() else []
    for name in args.only.split(","):
        if name in [one["network"] for one in rows]:
            continue
        rows.append(row(name, train(name, args), args))
        pd.DataFrame(rows).to_csv(args.table, index=False)
        print(rows[-1], flush=True)


if __name__ == "__main__":
    main()
