"""Fits molediff/sampling/pocket_sizes.json: room in a pocket -> histogram of the heavy atoms of its ligands.

    python experiments/pocket_sizes/fit.py FOLDER        # as `molediff data prepare complexes` wrote it

Every pose of the training part counts by the weight of its cluster; the centre of its site misses that of the ligand by
up to 3 A, as a box or a cavity does. Writes the table, and result.csv beside this file.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from molediff.data.complexes import open_complexes
from molediff.docking.cavities import free_volume

HERE = Path(__file__).resolve().parent
TABLE = HERE.parents[1] / "molediff" / "sampling" / "pocket_sizes.json"
MISSED = 3.0
BINS = 6
SPREAD = 1.5
"""Heavy atoms by which the histograms are smoothed."""


def measure(folder: str) -> np.ndarray:
    """(poses, 3): heavy atoms, volume, weight."""
    complexes = open_complexes(folder)
    train, _ = complexes.split()
    rng, rows = np.random.default_rng(0), []
    for pose in train.tolist():
        atoms = complexes.atoms(complexes.arrays["receptor"][pose])
        ligand = complexes.ligand(pose)
        step = rng.normal(size=3)
        centre = ligand.mean(0) + step / np.linalg.norm(step) * MISSED * np.cbrt(rng.random())
        volume = free_volume(np.asarray(complexes.arrays["rec_pos"][atoms], float), centre)
        rows.append((len(ligand), volume, float(complexes.arrays["weight"][pose])))
    return np.array(rows)


def fit(rows: np.ndarray) -> list[dict]:
    """Bins of equal weight by volume, each with its smoothed histogram at its mean volume.

    Neighbours of which the roomier holds smaller ligands become one bin: more room never means smaller molecules.
    """
    atoms, volume, weight = rows[np.argsort(rows[:, 1], kind="stable")].T
    place = np.minimum((np.cumsum(weight) / weight.sum() * BINS).astype(int), BINS - 1)
    sizes, bins = np.arange(5, 61), []
    for k in range(BINS):
        of = place == k
        kernel = np.exp(-((sizes[:, None] - atoms[of]) ** 2) / (2 * SPREAD**2))
        share = (kernel / kernel.sum(0) * weight[of]).sum(1)
        bins.append((float(weight[of].sum()), float(np.average(volume[of], weights=weight[of])), share / share.sum()))
        while len(bins) > 1 and bins[-1][2] @ sizes <= bins[-2][2] @ sizes:
            (u, x, p), (v, y, q) = bins.pop(-2), bins.pop()
            bins.append((u + v, (u * x + v * y) / (u + v), (u * p + v * q) / (u + v)))
    return [
        {
            "volume": round(where, 1),
            "shares": {int(n): round(float(x), 5) for n, x in zip(sizes, share, strict=True) if x >= 5e-5},
        }
        for _, where, share in bins
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    rows = measure(parser.parse_args().folder)
    table = fit(rows)
    TABLE.write_text(json.dumps({"fitted": "experiments/pocket_sizes/fit.py", "rows": table}, indent=1) + "\n")
    print(f"{len(rows)} poses, Spearman's rho of size and volume {spearmanr(rows[:, 0], rows[:, 1])[0]:.3f}")
    with open(HERE / "result.csv", "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(("volume", "mean_atoms", "sd_atoms"))
        for row in table:
            sizes, share = np.array(list(row["shares"])), np.array(list(row["shares"].values()))
            mean = float(sizes @ share / share.sum())
            sd = float(((sizes - mean) ** 2 @ share / share.sum()) ** 0.5)
            out.writerow((row["volume"], round(mean, 2), round(sd, 2)))
            print(row["volume"], round(mean, 2), round(sd, 2))


if __name__ == "__main__":
    main()
