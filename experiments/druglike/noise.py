"""Where large rings come from: held-out molecules noised to a level and denoised again.

python experiments/druglike/noise.py --data data/druglike_heavy --levels .1,.2,.35,.5,1

Prints, a line a level (in units of the coordinate scale), how many molecules are valid and per cent of these with
a ring of more than six atoms. 30 steps, churn 1, seed 3.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from rings import share

from molediff.chem import to_rdkit
from molediff.data.shards import open_shards, read_batch
from molediff.data.split import geom_train
from molediff.model import load
from molediff.pipelines.batching import run_batch
from molediff.pipelines.tasks import Task
from molediff.sampling import SamplingConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/druglike_heavy")
    parser.add_argument("--model", default="druglike")
    parser.add_argument("--levels", default=".1,.2,.35,.5,1")
    parser.add_argument("--n", type=int, default=64)
    args = parser.parse_args()
    shards, model = open_shards(args.data), load(args.model)
    held = np.flatnonzero(~geom_train(shards.arrays["index"]))
    molecules, _ = read_batch(shards, np.sort(np.random.default_rng(3).choice(held, args.n, replace=False)))
    print("held out", share(to_rdkit(molecules, shards.vocabulary, False)), flush=True)
    for level in map(float, args.levels.split(",")):
        # The last steps of a run that began at this level: all but none.
        config = SamplingConfig(steps=30, start=level, end=0.01, bend=1.0, churn=1.0, change=0.999, precision="bf16")
        made = run_batch(model, molecules, Task().condition, 3, list(range(args.n)), config)
        print(level, share(to_rdkit(made, shards.vocabulary, False)), flush=True)


if __name__ == "__main__":
    main()
