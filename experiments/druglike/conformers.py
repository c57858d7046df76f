"""Conformers of 200 held-out drug-like molecules beside ETKDG and ETKDG + MMFF94 on the same 200.

python experiments/druglike/conformers.py --data data/druglike_heavy --model druglike --precision bf16 --compile

ETKDG embeds with all hydrogens; what is judged is the heavy atoms, of all alike.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from compare_conformers import arguments, compare
from held_out import chosen

from molediff.data.shards import open_shards
from molediff.data.split import geom_train


def main() -> None:
    """Write conformers.csv."""
    args = arguments(__doc__, "data/druglike_heavy", "druglike", Path(__file__).parent / "conformers.csv")
    shards = open_shards(args.data)
    compare(args, chosen(shards, ~geom_train(shards.arrays["index"]), args.molecules))


if __name__ == "__main__":
    main()
