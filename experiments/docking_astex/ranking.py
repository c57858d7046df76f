"""Is the rule of molediff.docking.rank better than Vina's order at the first pose? Weights fitted without the complex.

    python experiments/docking_astex/ranking.py --data astex_diverse                      # reads poses.csv, of poses.py
    python experiments/docking_astex/ranking.py --data astex_diverse --row torch8-seed1

Complexes fall into clusters (single linkage: ligands with a Tanimoto similarity of Morgan fingerprints of 0.5 or more,
or proteins that share a fifth of their words of five residues). For each cluster the weights are those of a fixed grid
with the most successes on all others; of equal ones the nearest to Vina's order, which is the grid's first point. The
denoising errors are those of denoising.jsonl (denoising.py), of the model that comes last there. A complex without
poses fails in every order. Intervals: 95 %, bootstrap over clusters. Writes ranking.csv.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from proposed import lines  # noqa: E402

from molediff.config import UserError  # noqa: E402
from molediff.docking.rank import RANKS, RankRule, values  # noqa: E402

GRID = {
    "denoising_weight": (0.0, 0.3, 0.5, 1.0, 2.0, 3.0),
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
    names = sorted(r["complex"] for r in lines(HERE / "results.jsonl") if r["row"] == args.row)
    poses = with_errors(read_poses(args.row), args.row)
    cluster = clusters(args.data, names)
    rules = [RankRule(**dict(zip(GRID, point, strict=True))) for point in itertools.product(*GRID.values())]
    # Vina's order first, then rules of few terms; strain that is free says nothing without a weight.
    rules = [r for r in rules if r.strain_weight or r.strain_free == GRID["strain_free"][0]]
    rules.sort(key=terms)
    good = np.array([first(poses, rule, names) for rule in rules])  # (rules, complexes)
    alone = np.array([terms(r) == (r.denoising_weight > 0) for r in rules])
    base = first(poses, RANKS["vina"], names)
    any_good = poses.groupby("row")["rmsd"].min().reindex(names, fill_value=np.inf).to_numpy() <= 2.0
    fitted, chosen = held_out(good, cluster)
    rows = {
        "Vina's order": base,
        "rule, guessed weights": first(poses, RANKS["rule"], names),
        "score and denoising error, weight 1": first(poses, RANKS["model"], names),
        "score and denoising error, weight fitted on the other clusters": held_out(good[alone], cluster)[0],
        "rule with the error, weights fitted on the other clusters": fitted,
        "rule without the error, weights fitted on the other clusters": held_out(
            good[[r.denoising_weight == 0 for r in rules]], cluster
        )[0],
        "best weights of the grid, same complexes (not to be trusted)": good[int(good.sum(1).argmax())],
        "any of the poses": any_good.astype(float),
    }
    table = pd.DataFrame(
        {"order": key, "complexes": len(names), "clusters": len(np.unique(cluster))}
        | {"rmsd2_top1": round(100 * found.mean(), 1), "interval": interval(found, cluster)}
        | {"diff": round(100 * (found - base).mean(), 1), "diff_interval": interval(found - base, cluster)}
        for key, found in rows.items()
    )
    keep(table, args.row)
    print(table.to_string(index=False))
    print("weights chosen:", {str(rules[k]): chosen.count(k) for k in sorted(set(chosen))})
    ones = pd.DataFrame(
        {"good": poses["rmsd"] <= 2, "valid": poses["pb_valid"].astype(bool)}
        | {key: poses[key] for key in ("strain", "cluster", "denoising_error")}
    )
    means = {"valid": "mean", "strain": "median", "cluster": "mean", "denoising_error": "mean"}
    print(ones.groupby("good").agg(means).round(3).to_string())


def terms(rule: RankRule) -> int:
    """How many figures beside the score a rule looks at."""
    return sum(w > 0 for w in (rule.strain_weight, rule.invalid, rule.cluster_weight, rule.denoising_weight))


def read_poses(row: str) -> pd.DataFrame:
    """A line a pose; column row is the complex."""
    path = HERE / "poses.csv"
    if not path.is_file():
        raise UserError("There is no poses.csv. Run poses.py first.")
    poses = pd.read_csv(path)
    poses = poses[poses["row"] == row].drop(columns="row").rename(columns={"complex": "row"})
    if poses.empty:
        raise UserError(f"poses.csv has no pose of '{row}'. Run poses.py with --rows {row}.")
    return poses


def with_errors(poses: pd.DataFrame, row: str) -> pd.DataFrame:
    """With the column denoising_error, of every pose."""
    of = {}
    for line in lines(HERE / "denoising.jsonl"):
        if line["row"] == row:
            of |= {(line["complex"], k + 1): error for k, error in enumerate(line["errors"])}
    errors = [of.get(key) for key in zip(poses["row"], poses["pose"], strict=True)]
    if None in errors:
        raise UserError(f"denoising.jsonl lacks {errors.count(None)} poses of '{row}'. Run denoising.py --rows {row}.")
    return poses.assign(denoising_error=errors)


def held_out(good: np.ndarray, cluster: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """(N,) success of every complex under the rule that is best on the other clusters, and the rules chosen.

    Args:
        good: (rules, N) success of every rule; of equally good ones the first is taken.
        cluster: (N,) number of each complex's cluster.
    """
    found, chosen = np.zeros(len(cluster)), []
    for c in np.unique(cluster):
        out = cluster == c
        best = int(good[:, ~out].sum(1).argmax())
        found[out] = good[best, out]
        chosen.append(best)
    return found, chosen


def keep(table: pd.DataFrame, row: str) -> None:
    """Put the table into ranking.csv, in place of an earlier one of the row."""
    path = HERE / "ranking.csv"
    table.insert(0, "row", row)
    if path.is_file():
        there = pd.read_csv(path)
        table = pd.concat([there[there["row"] != row], table])
    table.to_csv(path, index=False)


def first(poses: pd.DataFrame, rule: RankRule, names: list[str]) -> np.ndarray:
    """(N,) 1 where the pose of rank 1 is right (RMSD <= 2 A), 0 where it is not or there is none."""
    ordered = poses.assign(value=values(poses, rule)).sort_values(["row", "value", "pose"], kind="stable")
    best = ordered.groupby("row")["rmsd"].first()
    return (best.reindex(names, fill_value=np.inf) <= 2.0).to_numpy(float)


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
