"""Put a trained model into the package: weights, description, hashes of its training molecules, card.

python experiments/bundle/bundle.py qm9 --data data/qm9_ani2x --run runs/qm9_free
python experiments/bundle/bundle.py druglike --data data/druglike_heavy --run runs/druglike
python experiments/bundle/bundle.py pocket --data data/druglike_heavy --complexes data/complexes --run runs/pocket

The card is the file of the model's name beside this one, filled in. Run it again after the scripts that measure: the
card and `molediff models` show what the tables hold of these very weights.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import chosen

from molediff.config import from_dict, to_dict
from molediff.data.complexes import open_complexes
from molediff.data.marginals import balance, marginals
from molediff.data.shards import open_shards
from molediff.data.split import training_part
from molediff.evaluation import inchikey_hashes
from molediff.model import load
from molediff.model.files import CARD, DESCRIPTION, HASHES, WEIGHTS
from molediff.training.read import read_values
from molediff.training.settings import TrainConfig

HERE = Path(__file__).parent
WEIGHTS_FOLDER = HERE.parents[1] / "molediff" / "weights"
Columns = tuple[tuple[str, str, str, int], ...]
"""(column, label, unit, digits)."""
FREE = (("strict_validity", "strictly valid", " %", 1), ("edm_molecule_stability", "EDM molecule stability", " %", 1),
        ("edm_valid_unique", "EDM validity x uniqueness", " %", 1), ("bond_w1_held_out", "bond W1", " A", 4),
        ("angle_w1_held_out", "angle W1", " degree", 2))  # fmt: skip
HEAVY = (("connected", "connected", " %", 1), ("valid", "strict-heavy valid", " %", 1),
         ("posebusters_valid", "PoseBusters `mol` with hydrogens added (of the first {judged:.0f})", " %", 1),
         ("usual_rings", "no rare ring system", " %", 1), ("large_rings", "a ring of seven or more", " %", 1),
         ("bond_w1_held_out", "bond W1", " A", 4), ("angle_w1_held_out", "angle W1", " degree", 2))  # fmt: skip
IN_POCKET = (("connected", "connected", " %", 1), ("strict_heavy", "strict-heavy valid", " %", 1),
             ("pb_valid", "PB-valid", " %", 1), ("usual_rings", "no rare ring system", " %", 1),
             ("clashes", "clashes", "", 1),
             ("vina_median", "Vina median", " kcal/mol", 2))  # fmt: skip


def free_figures(folder: Path, columns: Columns, checksum: str) -> dict[str, str]:
    """Lines of result.csv of these weights."""
    found = {}
    if (folder / "result.csv").is_file():
        table = pd.read_csv(folder / "result.csv")
        mine = table[table.set.str.contains(checksum[:8])]
        mine = mine[mine.set.str.contains("recommended")] if mine.set.str.contains("recommended").any() else mine
        for (steps, n), rows in mine.groupby(["steps", "n"]):
            if "settings" in rows:  # what is recommended may have changed: the last counts
                rows = rows[rows.settings.astype(str) == str(rows.settings.iloc[-1])]
            judged = rows["judged"].mean() if "judged" in rows else n
            there = [(rows[key].mean(), *rest) for key, *rest in columns if key in rows and rows[key].notna().any()]
            found[f"{steps} steps, {len(rows)} x {n:,} molecules"] = ", ".join(
                f"{label.format(judged=judged)} {value:.{digits}f}{unit}" for value, label, unit, digits in there
            )
    return found


def conformer_figures(folder: Path, checksum: str) -> dict[str, str]:
    """The line of conformers.csv, when it is of these weights."""
    path = folder / "conformers.csv"
    if not path.is_file():
        return {}
    row = pd.read_csv(path).iloc[0]
    if not str(row.get("checksum", checksum[:8])).startswith(checksum[:8]):
        return {}
    return {
        f"conformers of {row.get('molecules', 200)} held-out molecules, 50 steps": (
            f"as asked {row.as_asked_percent} %, best of 20 heavy-atom RMSD median {row.best_of_20_median} A, "
            f"90th percentile {row.best_of_20_p90} A"
        )
    }


FULL = 93
"""Pockets of a row that goes into the card."""
SHOWN = "usual"
"""Rows that begin with it go into the card: what `molediff generate` does."""


def pocket_figures(folder: Path, columns: Columns, checksum: str) -> dict[str, str]:
    """Lines of result.csv of these weights under the settings that they recommend, a row and pose each."""
    found, settings = {}, ",".join(f"{key}={PLATEAU[key]}" for key in ("start", "bend", "end", "churn"))
    if (folder / "result.csv").is_file():
        table = pd.read_csv(folder / "result.csv")
        mine = table[
            (table.model.astype(str) == checksum[:8]) & (table.pockets >= FULL) & table.row.str.startswith(SHOWN)
        ]
        mine = mine[mine.settings == settings]
        for _, one in (mine[mine.rings == "closed"] if (mine.rings == "closed").any() else mine).iterrows():
            pose = one["pose"] if one["pose"] == "raw" else f"relaxed by {one['relax']}"
            row = f"{one['row']} {pose}, {one.steps} steps"
            name = f"crossdocked_test, {row}, {one.molecules} molecules in {one.pockets} pockets"
            found[name] = ", ".join(f"{label} {one[key]:.{digits}f}{unit}" for key, label, unit, digits in columns)
    return found


def order_figures(folder: Path, checksum: str) -> dict[str, str]:
    """Lines of denoising.csv of these weights: poses of a search in Vina's order and in the model's."""
    path, found = folder / "denoising.csv", {}
    if path.is_file():
        table = pd.read_csv(path)
        for _, one in table[(table.model == checksum[:8]) & (table.set == "all")].iterrows():
            found[f"astex_diverse, poses of {one['row']} in its order, {one.complexes} complexes"] = (
                f"first within 2 A {one.with_model} % (95 % {one.with_model_interval}; in Vina's order {one.vina} %)"
            )
    return found


@dataclass(frozen=True)
class Bundle:
    """What is said of a bundled model."""

    summary: str
    """A line."""
    config: str
    """Of its training."""
    figures: Callable[[str], dict[str, str]]
    """Checksum -> measured lines."""
    sampling: list[dict] = field(default_factory=list)
    """Settings that were measured to suit it, from a number of steps on; see `molediff.model.Model.recommended`.

    ``balance_atoms`` and ``balance_bonds`` are weights of `molediff.data.marginals.balance` for the two biases.
    """
    steps: dict[str, int] = field(default_factory=dict)
    """Kind of task -> steps where the user says nothing, if not 50; see `molediff.model.Model.usual_steps`."""


def of(name: str) -> Path:
    return HERE.parent / name


PLATEAU = {"start": 3.0, "bend": 2.5, "end": 0.01, "churn": 1.0, "join": True, "valence": True}
"""30 of 50 steps lie between sigma / alpha .25 and .12, where it is decided what is bound to what: with noise added
before each they are a Markov chain of molecules (`experiments/druglike`)."""
BUNDLES = {
    "qm9": Bundle(
        "free generation, conformers and growing of small organic molecules (H, C, N, O, F)",
        "experiments/qm9_free/config.yaml",
        lambda sum_: free_figures(of("qm9_free"), FREE, sum_) | conformer_figures(of("qm9_free"), sum_),
        [
            {
                "steps": 1,
                "method": "dpm++2m",
                "temperature": 0.5,
                "bend": 1.0,
                "start": 2.0,
                "end": 0.015,
                "category_noise": 0.1,
                "valence": True,
            },
            {
                "steps": 15,
                "temperature": 0.7,
                "bend": 1.0,
                "start": 2.0,
                "end": 0.02,
                "category_noise": 0.25,
                "valence": True,
            },
            {
                "steps": 35,
                "temperature": 0.9,
                "bend": 1.0,
                "start": 2.5,
                "end": 0.01,
                "category_noise": 0.7,
                "valence": True,
            },
            {"steps": 1, "kind": "fragments", "bend": 1.0, "end": 0.01, "join": True, "valence": True},
            {"steps": 1, "kind": "retype", "valence": True},
            {"steps": 1, "kind": "lead", "valence": True},
        ],
    ),
    "druglike": Bundle(
        "free generation, conformers and growing of drug-like molecules, hydrogens implied",
        "experiments/druglike/config.yaml",
        lambda sum_: free_figures(of("druglike"), HEAVY, sum_) | conformer_figures(of("druglike"), sum_),
        [
            {"steps": 1, "start": 3.0, "bend": 1.5, "end": 0.01, "churn": 1.0, "join": True, "valence": True},
            {"steps": 35, "largest_ring": 6, **PLATEAU},
            {"steps": 1, "kind": "fragments", "bend": 1.0, "end": 0.01, "churn": 1.0, "join": True, "valence": True},
            {"steps": 35, "kind": "fragments", "largest_ring": 6, **PLATEAU},
            {"steps": 1, "kind": "retype", "join": True, "valence": True},
            {"steps": 1, "kind": "lead", "join": True, "valence": True},
        ],
        {"free": 100, "fragments": 100},
    ),
    "pocket": Bundle(
        "molecules and poses in a protein pocket, hydrogens implied",
        "experiments/pocket/config.yaml",
        lambda sum_: pocket_figures(of("crossdocked"), IN_POCKET, sum_) | order_figures(of("docking_astex"), sum_),
        [
            {"steps": 35, "largest_ring": 6, **PLATEAU},
            {"steps": 1, "kind": "pocket", "bend": 1.0, "end": 0.01, "churn": 1.0, "join": True, "valence": True},
            {"steps": 35, "kind": "pocket", "largest_ring": 6, **PLATEAU},
            {
                "steps": 1,
                "kind": "fragments in a pocket",
                "bend": 1.0,
                "end": 0.01,
                "churn": 1.0,
                "join": True,
                "valence": True,
            },
            {"steps": 35, "kind": "fragments in a pocket", "largest_ring": 6, **PLATEAU},
            {"steps": 1, "kind": "retype", "join": True, "valence": True},
            {"steps": 1, "kind": "lead", "join": True, "valence": True},
        ],
        {"free": 100, "pocket": 100, "fragments in a pocket": 100},
    ),
}
"""Name -> what is said of it."""


PATHS = ("data", "out", "complexes")
"""Settings of a training that are of one machine."""


def balanced(rows: list[dict], data: str, split: str) -> list[dict]:
    """The rows with biases in place of balances."""
    if not any("balance_atoms" in row or "balance_bonds" in row for row in rows):
        return rows
    shards = open_shards(data)
    shares = marginals(shards, training_part(split, shards.arrays["index"]))
    out = []
    for row in rows:
        row = dict(row)
        for name, part in zip(("atom", "bond"), shares, strict=True):
            if weight := row.pop(f"balance_{name}s", 0):
                row[f"{name}_bias"] = balance(part, weight)
        out.append(row)
    return out


def command(config: str, settings: dict) -> str:
    """What the last sitting was begun with: the configuration, and what was set otherwise; paths left out.

    Args:
        config: file of the configuration.
        settings: of the training, as the model's description holds them.
    """
    usual = to_dict(from_dict(TrainConfig, read_values(config)))
    other = [f"{k}={v}" for k, v in settings.items() if k not in PATHS and usual[k] != v]
    return " ".join([f"molediff train {config} --finish", *(["--set", *other] if other else [])])


def training_hashes(data: str, split: str, complexes: str) -> np.ndarray:
    """Of the free molecules of a split, and of the ligands of the complexes trained on."""
    sets = [(shards := open_shards(data), training_part(split, shards.arrays["index"]))]
    if complexes:
        opened = open_complexes(complexes)
        sets.append((opened.shards, opened.split()[0]))
    found = []
    for shards, positions in sets:
        which = np.zeros(len(shards), bool)
        which[positions] = True
        found.append(inchikey_hashes(chosen(shards, which)))
    return np.unique(np.concatenate(found))


def main() -> None:
    """Copy and describe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=BUNDLES)
    parser.add_argument("--data", required=True)
    parser.add_argument("--complexes", default="")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--hours", type=float, help="wall time, where the run's own clock missed a sitting")
    parser.add_argument("--note", default="", help="a sentence for the card, on what came before this run")
    args = parser.parse_args()
    target, bundle = WEIGHTS_FOLDER / args.name, BUNDLES[args.name]
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.run / "model" / WEIGHTS, target / WEIGHTS)
    description = json.loads((args.run / "model" / DESCRIPTION).read_text())
    about = description["about"]
    if not (target / HASHES).is_file():
        np.save(target / HASHES, training_hashes(args.data, about["training"]["split"], args.complexes))
    figures = bundle.figures(description["sha256"])
    sampling = balanced(bundle.sampling, args.data, about["training"]["split"])
    about |= {"summary": bundle.summary, "measured": figures, "sampling": sampling, "usual_steps": bundle.steps}
    # As in the README of the experiment, not as it stood on one machine.
    about["command"] = command(bundle.config, about["training"])
    about["training"] |= {k: Path(v).name for k, v in about["training"].items() if k in ("complexes", "initial")}
    about["hours"] = args.hours or about["hours"]
    (target / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
    model, count = load(target), len(np.load(target / HASHES))
    text = (
        (HERE / f"{args.name}.md")
        .read_text()
        .format(
            parameters=model.parameter_count,
            size=(target / WEIGHTS).stat().st_size / 1e6,
            count=sum(model.sizes.counts.values()),
            command=about["command"],
            steps=about["steps"],
            seen=about["molecules_seen"],
            epochs=about["molecules_seen"] / sum(model.sizes.counts.values()),
            hours=about["hours"],
            note=args.note,
            finished="The learning rate was decayed to its end."
            if about["finished"]
            else "The run was not finished yet.",
            measured="\n".join(f"- {k}: {v}" for k, v in figures.items()) or "Nothing yet.",
        )
    )
    (target / CARD).write_text(text)
    print(f"{target.name}: {count:,} hashes, {len(figures)} measured lines, checksum {description['sha256'][:12]}")


if __name__ == "__main__":
    main()
