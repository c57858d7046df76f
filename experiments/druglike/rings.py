"""Share of the valid molecules with a ring of more than six atoms: generated, and 1,000 held-out ones.

python experiments/druglike/rings.py out/molecules.sdf --data data/druglike_heavy
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rdkit import Chem

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import chosen
from run import with_hydrogens

from molediff.data.shards import open_shards
from molediff.data.split import geom_train


def share(mols: list) -> tuple[int, float]:
    """(valid connected molecules, per cent of them with such a ring)."""
    whole = [m for m in map(with_hydrogens, mols) if m is not None and len(Chem.GetMolFrags(m)) == 1]
    large = sum(any(len(ring) > 6 for ring in m.GetRingInfo().AtomRings()) for m in whole)
    return len(whole), round(100 * large / max(1, len(whole)), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", help="SDF of `molediff generate --model druglike`")
    parser.add_argument("--data", default="data/druglike_heavy")
    args = parser.parse_args()
    shards = open_shards(args.data)
    print("made", share(list(Chem.SDMolSupplier(args.molecules, sanitize=False, removeHs=False))))
    print("held out", share(chosen(shards, ~geom_train(shards.arrays["index"]), 1000)))


if __name__ == "__main__":
    main()
