"""Is the rule of molediff.docking.rank better than Vina's order at the first pose? Weights fitted without the complex.

    python experiments/docking_astex/ranking.py --data astex_diverse                      # reads poses.csv, of poses.py
    python experiments/docking_astex/ranking.py --data astex_diverse --row torch8-seed1

Complexes fall into clusters (single linkage: ligands with a Tanimoto similarity of Morgan fingerprints of 0.5 or more,
or proteins that share a fifth of their words of five residues). For each cluster the weights are those of a fixed grid
with the most successes on all others; of equal ones the nearest to Vina's order, which is the grid's first point.
Intervals: 95 %, bootstrap over clusters. Writes ranking.csv.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molediff.docking.rank import RANKS, RankRule, values

HERE = Path(__file__).resolve().parent
GRID = {
    "strain_weight": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2),
    "strain_free": (10.0, 5.0, 0.0),
    "invalid": (0.0, 3.0, 100.0),
    "cluster_weight": (0.0, 0.1, 0.3, 0.6, 1.0),
}
ALIKE, SHARED, WORD = 0.5, 0.2, 5
RESAMPLES = 10_000
LETTERS = "ALA A ARG R ASN N ASP D CYS C GLN Q GLU E GLY G HIS H ILE I LEU L LYS K MET M PHE F PRO P SER S THR T TRP W"
LETTERS += " TYR Y VAL V"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the complexes")
    parser.add_argument("--row", default="vina8-seed1")
    args = parser.parse_args()
    poses = pd.read_csv(HERE / "poses.csv")
    poses = poses[poses["row"] == args.row].drop(columns="row").rename(columns={"complex": "row"})
    names = sorted(poses["row"].unique())
    cluster = clusters(args.data, names)
    rules = [RankRule(**dict(zip(GRID, point, strict=True))) for point in itertools.product(*GRID.values())]
    rules.sort(key=lambda r: (r.strain_weight > 0) + (r.invalid > 0) + (r.cluster_weight > 0))  # Vina's order first
    good = np.array([first(poses, rule).loc[names, "good"] for rule in rules], dtype=float)
    held_out, chosen = np.zeros(len(names)), []
    for c in np.unique(cluster):
        out = cluster == c
        best = int(good[:, ~out].sum(1).argmax())  # the first of equal ones
        held_out[out] = good[best, out]
        chosen.append(best)
    vina, guessed = (first(poses, RANKS[key]) for key in ("vina", "rule"))
    base = vina.loc[names, "good"].to_numpy(float)
    most = int(good.sum(1).argmax())
    nine = poses.groupby("row")["rmsd"].min().loc[names].to_numpy() <= 2.0
    rows = {
        "Vina's order": base,
        "rule, guessed weights": guessed.loc[names, "good"].to_numpy(float),
        "rule, weights fitted on the other clusters": held_out,
        "rule, best weights of the grid, same complexes (not to be trusted)": good[most],
        "any of nine": nine.astype(float),
    }
    table = pd.DataFrame(
        {"order": key, "complexes": len(names), "clusters": len(np.unique(cluster))}
        | {"rmsd2_top1": round(100 * found.mean(), 1), "interval": interval(found, cluster)}
        | {"diff": round(100 * (found - base).mean(), 1), "diff_interval": interval(found - base, cluster)}
        for key, found in rows.items()
    )
    table.insert(0, "row", args.row)
    path = HERE / "ranking.csv"
    if path.is_file():
        kept = pd.read_csv(path)
        table = pd.concat([kept[kept["row"] != args.row], table])
    table.to_csv(path, index=False)
    print(table.to_string(index=False))
    print("weights chosen:", {str(rules[k]): chosen.count(k) for k in sorted(set(chosen))})
    ones = pd.DataFrame(
        {"good": poses["rmsd"] <= 2, "valid": poses["pb_valid"].astype(bool), **poses[["strain", "cluster"]]}
    )
    print(ones.groupby("good").agg({"valid": "mean", "strain": "median", "cluster": "mean"}).round(3).to_string())


def first(poses: pd.DataFrame, rule: RankRule) -> pd.DataFrame:
    """The pose of rank 1 of every complex, with `good` (RMSD <= 2 A)."""
    ordered = poses.assign(value=values(poses, rule)).sort_values(["row", "value", "pose"], kind="stable")
    best = ordered.groupby("row").first()
    return best.assign(good=best["rmsd"] <= 2.0)


def clusters(data: Path, names: list[str]) -> np.ndarray:
    """(N,) number of each complex's cluster."""
    maker = rdFingerprintGenerator.GetMorganGenerator(2, fpSize=2048)
    prints = [maker.GetFingerprint(Chem.MolFromMolFile(str(data / n / "ligand.sdf"))) for n in names]
    words = [words_of(data / n / "protein.pdb") for n in names]
    number = np.arange(len(names))
    for i, j in itertools.combinations(range(len(names)), 2):
        shared = len(words[i] & words[j]) / max(1, min(len(words[i]), len(words[j])))
        if shared >= SHARED or DataStructs.TanimotoSimilarity(prints[i], prints[j]) >= ALIKE:
            number[number == number[j]] = number[i]
    return number


def words_of(path: Path) -> set[str]:
    """Runs of `WORD` residues that follow one another in the file by number."""
    letter = dict(zip(LETTERS.split()[::2], LETTERS.split()[1::2], strict=True))
    chain: list[tuple[str, int, str]] = []
    for line in path.read_text().splitlines():
        if line.startswith("ATOM") and line[12:16].strip() == "CA" and line[16] in " A":
            chain.append((line[21], int(line[22:26]), letter.get(line[17:20], "X")))
    found = set()
    for k in range(len(chain) - WORD + 1):
        run = chain[k : k + WORD]
        if run[-1][0] == run[0][0] and run[-1][1] - run[0][1] == WORD - 1:
            found.add("".join(r[2] for r in run))
    return found


def interval(found: np.ndarray, cluster: np.ndarray) -> str:
    """95 % bootstrap interval of the mean over clusters, percent."""
    sums = np.array([[found[cluster == c].sum(), (cluster == c).sum()] for c in np.unique(cluster)])
    draws = np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))
    total = sums[draws].sum(1)
    low, high = np.percentile(total[:, 0] / total[:, 1], [2.5, 97.5])
    return f"{100 * low:.1f} to {100 * high:.1f}"


if __name__ == "__main__":
    main()
