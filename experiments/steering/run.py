"""Molecules as wanted: generated and filtered, and steered there, as many of each.

    python experiments/steering/run.py                                              # all rows of druglike
    python experiments/steering/run.py --model qm9 --wants "rings=0;logp=1.."
    python experiments/steering/run.py --settings "group=4;group=40;low=.1 strength=10" --wants tpsa=120..150

A row of results.csv is a run. Everything asked for counts. Rows that are there are not made again.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from molediff.pipelines import Generate  # noqa: E402
from molediff.pipelines.wants import Wants  # noqa: E402
from molediff.sampling import SteeringConfig, groups  # noqa: E402

WANTS = "tpsa=120..150;logp=5..6;qed=0.9..;aromatic_rings=4;logp=2..3 tpsa=90..110 weight=300..350"
FILTERED = "not steered"
KEYS = ("model", "want", "n", "seed", "steps", "settings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="druglike", help="bundled name or folder")
    parser.add_argument("--wants", default=WANTS, help="rows, apart by ';', several ranges of one apart by spaces")
    parser.add_argument("--n", type=int, default=160, help="molecules a row (default 160)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--settings", default="", help="of SteeringConfig that are not usual, rows apart by ';'")
    parser.add_argument("--results", type=Path, default=HERE / "results.csv")
    args = parser.parse_args()
    pipeline = Generate.from_pretrained(args.model)
    began = time.process_time()
    plain = pipeline(n=args.n, seed=args.seed, steps=args.steps)
    seconds = time.process_time() - began
    for text, how in product(args.wants.split(";"), [FILTERED, *args.settings.split(";")]):
        key = dict(zip(KEYS, (args.model, text, args.n, args.seed, args.steps, how), strict=True))
        done = pd.read_csv(args.results, keep_default_na=False) if args.results.is_file() else pd.DataFrame()
        if any(all(str(row[k]) == str(key[k]) for k in KEYS) for row in done.to_dict("records")):
            continue
        out, took, together = plain, seconds, [[i] for i in range(args.n)]
        if how != FILTERED:
            given = dict(pair.split("=") for pair in how.split())
            config = SteeringConfig(**{k: int(v) if k in ("group", "every") else float(v) for k, v in given.items()})
            began = time.process_time()
            out = pipeline(n=args.n, seed=args.seed, steps=args.steps, want=text.split(), steering=config)
            took, together = time.process_time() - began, groups(args.n, config)
        row = key | figures(out, Wants.of(text.split()), together) | {"cpu_ratio": round(took / seconds, 2)}
        pd.concat([done, pd.DataFrame([row])]).to_csv(args.results, index=False)
        print(pd.Series(row).to_string(), flush=True)


def figures(out, wants: Wants, together: list[list[int]]) -> dict:
    """Per cent of all asked for, with a 95 % interval (bootstrap over groups) of those as wanted and different."""
    valid = out.table[out.validity]
    good = np.array(wants.columns(out.mols, valid)["as_wanted"])
    smiles = out.table.smiles
    first = good & ~smiles.where(good).duplicated().to_numpy()
    share = np.array([[first[group].sum(), len(group)] for group in together])
    picks = np.random.default_rng(0).integers(0, len(share), (2000, len(share)))
    low, high = np.percentile(100 * share[picks, 0].sum(1) / share[picks, 1].sum(1), (2.5, 97.5))
    return {
        "valid": percent(valid),
        "as_wanted": percent(good),
        "different": percent(first),
        "different_low": round(float(low), 1),
        "different_high": round(float(high), 1),
        "diversity": diversity(smiles[first]),
        "diversity_of_all": diversity(smiles[valid].drop_duplicates()),
    }


def percent(flags) -> float:
    """Of all."""
    return round(100 * float(np.mean(flags)), 1)


def diversity(smiles) -> float:
    """1 - mean Tanimoto of all pairs (Morgan, radius 2, 2048 bits); NaN for fewer than two."""
    maker = rdFingerprintGenerator.GetMorganGenerator(2, fpSize=2048)
    prints = [maker.GetFingerprint(Chem.MolFromSmiles(one)) for one in smiles]
    alike = [s for k, p in enumerate(prints) for s in DataStructs.BulkTanimotoSimilarity(p, prints[:k])]
    return round(1 - float(np.mean(alike)), 3) if alike else float("nan")


if __name__ == "__main__":
    main()
