"""Put a trained model into the package: weights, description, hashes of its training molecules, card.

python experiments/qm9_free/bundle.py --data data/qm9_ani2x --run runs/qm9_free

Run it again after quality.py and conformers.py: the card and `molediff models` show what their tables hold.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))
from held_out import part

from molediff.data.shards import open_shards
from molediff.evaluation import inchikey_hashes
from molediff.model import load
from molediff.model.files import CARD, DESCRIPTION, HASHES, WEIGHTS

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "molediff" / "weights" / "qm9"


def measured(checksum: str) -> dict[str, str]:
    """Figures of this very model from the tables, as short sentences."""
    found = {}
    if (HERE / "result.csv").is_file():
        table = pd.read_csv(HERE / "result.csv")
        mine = table[table.set.str.contains(checksum[:8])]
        for steps, rows in mine.groupby("steps"):
            n, seeds = int(rows.n.iloc[0]), len(rows)
            found[f"{steps} steps, {seeds} x {n:,} molecules"] = ", ".join(
                f"{label} {rows[key].mean():.{digits}f}{unit}"
                for key, label, unit, digits in (
                    ("strict_validity", "strictly valid", " %", 1),
                    ("edm_molecule_stability", "EDM molecule stability", " %", 1),
                    ("edm_valid_unique", "EDM validity x uniqueness", " %", 1),
                    ("bond_w1_held_out", "bond W1", " A", 4),
                    ("angle_w1_held_out", "angle W1", " degree", 2),
                )
            )
    if (HERE / "conformers.csv").is_file():
        row = pd.read_csv(HERE / "conformers.csv").iloc[0]
        found["conformers of 200 held-out molecules, 50 steps"] = (
            f"as asked {row.as_asked_percent} %, best of 20 heavy-atom RMSD median {row.best_of_20_median} A, "
            f"90th percentile {row.best_of_20_p90} A"
        )
    return found


CARD_TEXT = """# qm9

Free generation, conformers and growing of small organic molecules (H, C, N, O, F; 3 to 29 atoms, all hydrogens explicit).

## What it is

The network `attention` ({parameters:,} parameters) on the exploding schedule: positions Gaussian, elements, charges and
bonds categorical with a uniform base. Weights are stored as float16 ({size:.1f} MB).

- Data: {count:,} QM9 molecules with ANI-2x geometries (ETKDG, MMFF94, ANI-2x; bond lengths shifted by bond type to the
  means of B3LYP ones), the training part of EDM's split; see `datasets/qm9_ani2x.md`. These are not QM9's geometries.
- Command: `{command}`
- Training: {steps:,} steps, {seen:,} molecules seen ({epochs:.1f} passes), {hours} hours on one to two shared CPU cores
  in bfloat16. {finished} {note}
- Training molecules: `train_hashes.npy` holds hashes of their InChIKeys, for novelty.

## Measured

Percentages of all molecules asked for, raw, nothing filtered. W1 distances are against the held-out test part. The
tables with the rows of the data beside them, and the commands, are in `experiments/qm9_free/`.

{measured}

## What it cannot do

- Elements other than H, C, N, O, F; charges beyond one; molecules of more than 29 atoms (it warns, and marks them).
- Pockets, properties: it was trained on free generation, conformers, fragments and retyping only, the last two in the
  decay alone.
- Tell one enantiomer from the other where the graph is not given: free generation makes both alike.
- Say whether a molecule is stable, can be made, or is safe. Geometries are those of a neural potential.
- A share of its molecules is not valid (see above); they are in the output, marked with the reason.
"""


def main() -> None:
    """Copy and describe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/qm9_ani2x")
    parser.add_argument("--run", type=Path, default=Path("runs/qm9_free"))
    parser.add_argument("--hours", type=float, help="wall time, where the run's own clock missed a sitting")
    parser.add_argument("--note", default="", help="a sentence for the card, on what came before this run")
    args = parser.parse_args()
    TARGET.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.run / "model" / WEIGHTS, TARGET / WEIGHTS)
    if not (TARGET / HASHES).is_file():
        np.save(TARGET / HASHES, inchikey_hashes(part(open_shards(args.data), "train")))
    description = json.loads((args.run / "model" / DESCRIPTION).read_text())
    about = description["about"]
    figures = measured(description["sha256"])
    about |= {
        "summary": "free generation, conformers and growing of small organic molecules (H, C, N, O, F)",
        "measured": figures,
    }
    # As in the README of this folder, not as it stood on one machine.
    about["command"] = "molediff train experiments/qm9_free/config.yaml --finish"
    about["hours"] = args.hours or about["hours"]
    (TARGET / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
    model, count = load(TARGET), len(np.load(TARGET / HASHES))
    text = CARD_TEXT.format(
        parameters=model.parameter_count,
        size=(TARGET / WEIGHTS).stat().st_size / 1e6,
        count=sum(model.sizes.counts.values()),
        command=about["command"],
        steps=about["steps"],
        seen=about["molecules_seen"],
        epochs=about["molecules_seen"] / sum(model.sizes.counts.values()),
        hours=about["hours"],
        note=args.note,
        finished="The learning rate was decayed to its end." if about["finished"] else "The run was not finished yet.",
        measured="\n".join(f"- {k}: {v}" for k, v in figures.items()) or "Nothing yet.",
    )
    (TARGET / CARD).write_text(text)
    print(f"{TARGET.name}: {count:,} hashes, {len(figures)} measured lines, checksum {description['sha256'][:12]}")


if __name__ == "__main__":
    main()
