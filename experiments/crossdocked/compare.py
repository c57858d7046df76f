"""Two rows in the same pockets: what the second has more than the first, with 95 % intervals over pockets.

python experiments/crossdocked/compare.py plain late+clash --n 5 --model 00a17d3e
python experiments/crossdocked/compare.py usual@steps=50,bend=1.0 usual@steps=50,bend=2.5 --n 10 --seeds 0,1
python experiments/crossdocked/compare.py usual@steps=50,bend=2.5 usual@steps=100,bend=2.5 --n 10

What is not said of both rows (model, settings, steps, how they were relaxed) is that of the last line in
results.jsonl.xz. Paired: only pockets that both rows have, with all seeds, resampled together, 10,000 times. What
cannot be scored counts as 0 or as no, as in result.csv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from table import POSES, large, lines, usual

from molediff.config import UserError

HERE = Path(__file__).resolve().parent
RESAMPLES = 10_000
FIGURES = {
    "strict-heavy, points": ("valid", np.mean, 100),
    "usual rings, points": ("usual_rings", np.mean, 100),
    "a ring of seven or more, points": ("large_rings", np.mean, 100),
    "PB-valid raw, points": ("pb_valid_raw", np.mean, 100),
    "PB-valid relaxed, points": ("pb_valid_relaxed", np.mean, 100),
    "all checks raw, points": ("all_raw", np.mean, 100),
    "all checks relaxed, points": ("all_relaxed", np.mean, 100),
    "Vina mean raw": ("vina_score_raw", np.mean, 1),
    "Vina median raw": ("vina_score_raw", np.median, 1),
    "Vina mean relaxed": ("vina_score_relaxed", np.mean, 1),
    "Vina median relaxed": ("vina_score_relaxed", np.median, 1),
    "SA (1 is easy to 10)": ("sa", np.mean, 1),
}
"""Words -> (key of a molecule, what is taken over all molecules, factor)."""


ALL = {f"all_{pose}": (f"pb_valid_{pose}", f"energy_{pose}") for pose in POSES}
"""Key -> those that must both hold; only of lines for which the energy ratio was looked at."""
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


def paired(found: list[dict], rows: list[str]) -> list[dict[str, list[dict]]]:
    """Pocket -> lines of each row, the last of each seed, in the pockets where both have the same seeds."""
    of = [{(line["pocket"], line["seed"]): line for line in found if line["row"] == row} for row in rows]
    both = sorted(set(of[0]) & set(of[1]))
    seeds = {seed for _, seed in both}
    whole = [p for p in dict.fromkeys(p for p, _ in both) if all((p, seed) in one for seed in seeds for one in of)]
    return [{pocket: [one[pocket, seed] for seed in sorted(seeds)] for pocket in whole} for one in of]


def scored_alike(found: list[dict], rows: list[str]) -> list[dict[str, list[dict]]]:
    """The same of lines that Vina scored in one way (`rings` of table.py): the way in which most pockets have both."""
    ways = dict.fromkeys(line["rings"] for line in found)
    return max(
        (paired([line for line in found if line["rings"] == way], rows) for way in ways), key=lambda of: len(of[0])
    )


def values(line: dict, key: str) -> np.ndarray:
    """(n,) of the molecules of a line."""
    if key in RINGS:
        return np.array([float(ok and RINGS[key](one)) for one, ok in zip(line["smiles"], line["valid"], strict=True)])
    if key in ALL:
        return np.array([float(all(one.get(part) is True for part in ALL[key])) for one in line["figures"]])
    found = line["valid"] if key == "valid" else [one.get(key) for one in line["figures"]]
    return np.array([0.0 if v is None or v != v else float(v) for v in found])


def difference(first: np.ndarray, second: np.ndarray, how) -> tuple[float, float, float]:
    """(second - first, and its 95 % interval) of two (pockets, n) tables."""
    found = how(second) - how(first)
    draws = np.random.default_rng(0).integers(len(first), size=(RESAMPLES, len(first)))  # of every figure the same
    resampled = [how(second[d]) - how(first[d]) for d in draws]
    return (found, *np.quantile(resampled, (0.025, 0.975)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs=2, help="names of rows, @ and a part of their settings behind them if need be")
    parser.add_argument("--n", type=int, required=True, help="molecules a pocket")
    parser.add_argument("--seeds", default="0", help="as 0,1,2 (default 0)")
    parser.add_argument("--model", default="", help="first digits of its checksum (default: that of the last line)")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl.xz")
    args = parser.parse_args()
    seeds = {int(one) for one in args.seeds.split(",")}
    known = [line for line in lines(args.results) if line["n"] == args.n and line["seed"] in seeds]
    known = [line for line in known if line["model"].startswith(args.model)]
    found = [line | {"row": row} for line in known for row in args.rows if is_of(line, row)]
    if not found:
        raise UserError(f"'{args.results}' has no row {' or '.join(args.rows)} of {args.n} molecules a pocket.")
    same = alike(args.rows)
    key = [found[-1][name] for name in same]
    found = [line for line in found if [line[name] for name in same] == key]
    of, vina = paired(found, args.rows), scored_alike(found, args.rows)
    if not of[0]:
        raise UserError(
            f"No pocket has both {args.rows[0]} and {args.rows[1]} of {', '.join(map(str, key))}, as the last line is. "
            "Say what both rows are (usual@steps=50,bend=1.0; --model), or run run.py for both."
        )
    table = []
    for words, (name, how, factor) in FIGURES.items():
        pair = vina if "vina" in name else of
        if not pair[0] or (
            name in ALL and not all(line["energy"] for one in pair for many in one.values() for line in many)
        ):
            continue
        first, second = (
            factor * np.stack([np.concatenate([values(line, name) for line in many]) for many in one.values()])
            for one in pair
        )
        more, low, high = difference(first, second, how)
        table.append({"figure": words, "pockets": len(first), args.rows[0]: how(first), args.rows[1]: how(second)})
        table[-1] |= {"more": more, "from": low, "to": high}
    print(f"{args.n} molecules a pocket, model {key[0]}")
    print(pd.DataFrame(table).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
