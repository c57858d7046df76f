"""The table of ring systems that `chemistry` calls usual: those of the molecules that `druglike` was trained on.

python experiments/druglike/ring_systems.py --data data/druglike_heavy    # a minute

Prints how many held-out molecules have no system that is not in the table.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from pathlib import Path

import rdkit
from rdkit import Chem

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import chosen

from molediff.data.shards import open_shards
from molediff.data.split import geom_train
from molediff.evaluation.ring_systems import TABLE, rare, ring_systems, usual


def flat(mols: list) -> list[Chem.Mol]:
    """As they are read from their SMILES."""
    return [Chem.MolFromSmiles(Chem.MolToSmiles(mol, isomericSmiles=False)) for mol in mols]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/druglike_heavy")
    args = parser.parse_args()
    shards = open_shards(args.data)
    train = geom_train(shards.arrays["index"])
    trained = flat(chosen(shards, train))
    found = Counter(one for mol in trained for one in set(ring_systems(mol)))
    content = {"source": f"{len(trained)} molecules of the training part of druglike", "rdkit": rdkit.__version__}
    content["systems"] = sorted(found)
    TABLE.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))
    usual.cache_clear()
    print(len(found), "systems,", sum(n == 1 for n in found.values()), "of them in one molecule")
    held = flat(chosen(shards, ~train))
    print(
        f"{100 * sum(not rare(mol) for mol in held) / len(held):.1f} % of {len(held)} held-out molecules have no other"
    )


if __name__ == "__main__":
    main()
