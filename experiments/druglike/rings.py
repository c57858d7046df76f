"""Share of the valid molecules with a ring of more than six atoms, and what molecules are made of.

Of generated ones, and of 1,000 held-out ones; composition: per cent of all atoms, and of all bonds, valid or not.

python experiments/druglike/rings.py out/molecules.sdf --data data/druglike_heavy
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
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


def composition(mols: list) -> dict[str, float]:
    """Per cent of C, N, O, S among atoms, of double bonds among bonds."""
    atoms = Counter(atom.GetSymbol() for m in mols if m is not None for atom in m.GetAtoms())
    bonds = Counter(bond.GetBondType() for m in mols if m is not None for bond in m.GetBonds())
    found = {e: round(100 * atoms[e] / max(1, atoms.total()), 1) for e in ("C", "N", "O", "S")}
    return found | {"=": round(100 * bonds[Chem.BondType.DOUBLE] / max(1, bonds.total()), 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", help="SDF of `molediff generate --model druglike`")
    parser.add_argument("--data", default="data/druglike_heavy")
    args = parser.parse_args()
    shards = open_shards(args.data)
    made = list(Chem.SDMolSupplier(args.molecules, sanitize=False, removeHs=False))
    held = chosen(shards, ~geom_train(shards.arrays["index"]), 1000)
    for name, mols in (("made", made), ("held out", held)):
        print(name, share(mols), composition(mols))


if __name__ == "__main__":
    main()
