"""Two rows in the same pockets: what the second has more than the first, with 95 % intervals over pockets.

python experiments/crossdocked/compare.py plain late+clash --n 5

Of the last model in results.jsonl; paired: only pockets that both rows have, resampled together, 10,000 times. What
cannot be scored counts as 0 or as no, as in result.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from run import lines

from molediff.config import UserError

HERE = Path(__file__).resolve().parent
RESAMPLES = 10_000
FIGURES = {
    "strict-heavy, points": ("valid", np.mean, 100),
    "PB-valid raw, points": ("pb_valid_raw", np.mean, 100),
    "PB-valid relaxed, points": ("pb_valid_relaxed", np.mean, 100),
    "Vina mean raw": ("vina_score_raw", np.mean, 1),
    "Vina median raw": ("vina_score_raw", np.median, 1),
    "Vina mean relaxed": ("vina_score_relaxed", np.mean, 1),
    "Vina median relaxed": ("vina_score_relaxed", np.median, 1),
}
"""Words -> (key of a molecule, what is taken over all molecules, factor)."""


SAME = "model", "settings", "steps", "relax"
"""What the lines of both rows must have alike."""


def alike_scored(found: list[dict], rows: list[str]) -> tuple[list[dict[str, dict]], bool]:
    """(pocket -> line of each row, whether Vina scored both in one way, see `rings` in run.py).

    Of the ways in which both rows have most pockets the last; where there is none, the last lines of each.
    """
    best: tuple[int, list[dict[str, dict]]] = 0, []
    for rings in dict.fromkeys(line["rings"] for line in found):
        of = [{ln["pocket"]: ln for ln in found if (ln["row"], ln["rings"]) == (row, rings)} for row in rows]
        both = len(set(of[0]) & set(of[1]))
        if both and both >= best[0]:
            best = both, of
    if best[0]:
        return best[1], True
    return [{ln["pocket"]: ln for ln in found if ln["row"] == row} for row in rows], False


def values(line: dict, key: str) -> np.ndarray:
    """(n,) of the molecules of a pocket."""
    found = line["valid"] if key == "valid" else [one.get(key) for one in line["figures"]]
    return np.array([0.0 if v is None or v != v else float(v) for v in found])


def difference(first: np.ndarray, second: np.ndarray, how, rng: np.random.Generator) -> tuple[float, float, float]:
    """(second - first, and its 95 % interval) of two (pockets, n) tables."""
    found = how(second) - how(first)
    draws = rng.integers(len(first), size=(RESAMPLES, len(first)))
    resampled = [how(second[d]) - how(first[d]) for d in draws]
    return (found, *np.quantile(resampled, (0.025, 0.975)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs=2, help="names of rows")
    parser.add_argument("--n", type=int, required=True, help="molecules a pocket")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    args = parser.parse_args()
    found = [line for line in lines(args.results) if line["n"] == args.n and line["row"] in args.rows]
    if not found:
        raise UserError(f"'{args.results}' has no row {' or '.join(args.rows)} of {args.n} molecules a pocket.")
    key = [found[-1][name] for name in SAME]
    found = [line for line in found if [line[name] for name in SAME] == key]
    of, alike = alike_scored(found, args.rows)
    shared = sorted(set(of[0]) & set(of[1]))
    if not shared:
        raise UserError(f"No pocket has both {args.rows[0]} and {args.rows[1]} of model {key[0]}. Run run.py for both.")
    rng, table = np.random.default_rng(0), []
    for words, (name, how, factor) in FIGURES.items():
        if "vina" in name and not alike:
            continue
        first, second = (factor * np.stack([values(rows[p], name) for p in shared]) for rows in of)
        more, low, high = difference(first, second, how, rng)
        table.append({"figure": words, args.rows[0]: how(first), args.rows[1]: how(second), "more": more})
        table[-1] |= {"from": low, "to": high}
    if not alike:
        print("Vina's figures of the two are not of one kind (`rings`) and are left out.")
    print(f"{len(shared)} pockets, {args.n} molecules each, model {key[0]}")
    print(pd.DataFrame(table).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
