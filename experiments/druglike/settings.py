"""Settings of sampling compared, a line each: how the recommended ones were found.

python experiments/druglike/settings.py --data data/druglike_heavy --n 256 --judged 60 \\
    churn=0.4,temperature=0.9 start=3,bend=1,end=0.01,churn=1 churn=1,balance_atoms=.3,balance_bonds=.2

The two balances are weights of `molediff.data.marginals.balance`, for atom_bias and bond_bias; steps may be among them.

Seed 7, so that the molecules of run.py (seed 0) were not chosen on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import chosen
from run import judged

from molediff.config import UserError
from molediff.data.marginals import balance, marginals
from molediff.data.shards import open_shards
from molediff.data.split import geom_train
from molediff.evaluation import statistics_of
from molediff.pipelines import Generate

SHOWN = (
    *("valid", "connected", "usual_rings", "large_rings", "bond_w1_held_out", "angle_w1_held_out"),
    *("posebusters_valid", "strain_median"),
)
"""Columns of a line, see run.py."""
KINDS = {
    "largest_ring": int,
    "steps": int,
    "join": lambda text: bool(int(text)),
    "valence": lambda text: bool(int(text)),
}
"""Settings that are not decimals; join and valence are 0 or 1."""


def settings_of(text: str) -> dict:
    """'churn=1,end=.01' as keywords of a pipeline; names are checked by it."""
    try:
        pairs = [item.split("=") for item in text.split(",")]
        return {name: value if name == "method" else KINDS.get(name, float)(value) for name, value in pairs}
    except ValueError as error:
        raise UserError(f"'{text}' are no settings ({error}). Type them as churn=1,end=.01") from error


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="+", help="fields of SamplingConfig, as churn=1,end=.01")
    parser.add_argument("--data", default="data/druglike_heavy")
    parser.add_argument("--model", default="druglike")
    parser.add_argument("--n", type=int, default=256)
    parser.add_argument("--judged", type=int, default=60, help="attempts that PoseBusters and MMFF94 look at")
    parser.add_argument("--steps", type=int, default=50)
    args = parser.parse_args()
    wanted = [settings_of(text) for text in args.settings]
    shards = open_shards(args.data)
    shares = marginals(shards, np.flatnonzero(geom_train(shards.arrays["index"])))
    held = statistics_of(chosen(shards, ~geom_train(shards.arrays["index"]), 3000, 0))
    pipeline = Generate.from_pretrained(args.model)
    for text, settings in zip(args.settings, wanted, strict=True):
        for name, part in zip(("atom", "bond"), shares, strict=True):
            if weight := settings.pop(f"balance_{name}s", 0):
                settings[f"{name}_bias"] = balance(part, weight)
        steps = settings.pop("steps", args.steps)
        out = pipeline(args.n, 7, steps, batch=64, precision="bf16", **settings)
        row = judged(out.mols, held, None, args.judged)
        print(text, {name: row[name] for name in SHOWN}, flush=True)


if __name__ == "__main__":
    main()
