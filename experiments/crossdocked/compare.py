"""Two rows in the same pockets: what the second has more than the first, with 95 % intervals over pockets.

python experiments/crossdocked/compare.py plain late+clash --n 5
python experiments/crossdocked/compare.py usual@bend=1.0 usual@bend=2.5 --n 10    # one row, two settings
python experiments/crossdocked/compare.py usual@steps=50,bend=2.5 usual@steps=100,bend=2.5 --n 10

Of the last model in results.jsonl.xz; paired: only pockets that both rows have, resampled together, 10,000 times. What
cannot be scored counts as 0 or as no, as in result.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from table import large, lines, usual

from molediff.config import UserError

HERE = Path(__file__).resolve().parent
RESAMPLES = 10_000
FIGURES = {
    "strict-heavy, points": ("valid", np.mean, 100),
    "usual rings, points": ("usual_rings", np.mean, 100),
    "a ring of seven or more, points": ("large_rings", np.mean, 100),
    "PB-valid raw, points": ("pb_valid_raw", np.mean, 100),
    "PB-valid relaxed, points": ("pb_valid_relaxed", np.mean, 100),
    "Vina mean raw": ("vina_score_raw", np.mean, 1),
    "Vina median raw": ("vina_score_raw", np.median, 1),
    "Vina mean relaxed": ("vina_score_relaxed", np.mean, 1),
    "Vina median relaxed": ("vina_score_relaxed", np.median, 1),
    "SA (1 is easy to 10)": ("sa", np.mean, 1),
}
"""Words -> (key of a molecule, what is taken over all molecules, factor)."""


RINGS = {"usual_rings": usual, "large_rings": large}
"""Key -> whether a valid molecule is so, by its SMILES."""
SAME = "model", "settings", "steps", "relax"
"""What the lines of both rows must have alike."""


def is_of(line: dict, row: str) -> bool:
    """Whether a line belongs to a row as it was asked for: 'usual', 'usual@bend=2.5' or 'usual@steps=100,bend=2.5'."""
    name, _, parts = row.partition("@")
    return line["row"] == name and set(filter(None, parts.split(","))) <= set(described(line))


def described(line: dict) -> list[str]:
    """['steps=50', 'bend=2.5', ...]"""
    return [f"steps={line['steps']}", *line["settings"].split(",")]


def alike(rows: list[str]) -> list[str]:
    """Of `SAME`: what is not said of the rows."""
    said = [part for row in rows for part in row.partition("@")[2].split(",") if part]
    free = {"steps" if part.startswith("steps=") else "settings" for part in said}
    return [name for name in SAME if name not in free]


def paired(found: list[dict], rows: list[str]) -> list[dict[str, dict]]:
    """Pocket -> line of each row, the last of each, in the pockets that both have."""
    of = [{line["pocket"]: line for line in found if line["row"] == row} for row in rows]
    return [{pocket: one[pocket] for pocket in sorted(set(of[0]) & set(of[1]))} for one in of]


def scored_alike(found: list[dict], rows: list[str]) -> list[dict[str, dict]]:
    """The same of lines that Vina scored in one way (`rings` of run.py): the way in which most pockets have both."""
    ways = dict.fromkeys(line["rings"] for line in found)
    return max(
        (paired([line for line in found if line["rings"] == way], rows) for way in ways), key=lambda of: len(of[0])
    )


def values(line: dict, key: str) -> np.ndarray:
    """(n,) of the molecules of a pocket."""
    if key in RINGS:
        return np.array([float(ok and RINGS[key](one)) for one, ok in zip(line["smiles"], line["valid"], strict=True)])
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
    parser.add_argument("rows", nargs=2, help="names of rows, @ and a part of their settings behind them if need be")
    parser.add_argument("--n", type=int, required=True, help="molecules a pocket")
    parser.add_argument("--seed", type=int, default=0, help="of the molecules (default 0)")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl.xz")
    args = parser.parse_args()
    known = [line for line in lines(args.results) if line["n"] == args.n and line["seed"] == args.seed]
    found = [line | {"row": row} for line in known for row in args.rows if is_of(line, row)]
    if not found:
        raise UserError(f"'{args.results}' has no row {' or '.join(args.rows)} of {args.n} molecules a pocket.")
    same = alike(args.rows)
    key = [found[-1][name] for name in same]
    found = [line for line in found if [line[name] for name in same] == key]
    of, vina = paired(found, args.rows), scored_alike(found, args.rows)
    if not of[0]:
        raise UserError(f"No pocket has both {args.rows[0]} and {args.rows[1]} of model {key[0]}. Run run.py for both.")
    rng, table = np.random.default_rng(0), []
    for words, (name, how, factor) in FIGURES.items():
        pair = vina if "vina" in name else of
        if not pair[0]:
            continue
        first, second = (factor * np.stack([values(line, name) for line in one.values()]) for one in pair)
        more, low, high = difference(first, second, how, rng)
        table.append({"figure": words, "pockets": len(first), args.rows[0]: how(first), args.rows[1]: how(second)})
        table[-1] |= {"more": more, "from": low, "to": high}
    print(f"{args.n} molecules a pocket, model {key[0]}")
    print(pd.DataFrame(table).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
