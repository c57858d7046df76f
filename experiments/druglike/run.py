"""Quality of the drug-like model: rows of result.csv, one a (steps, seed), and the rows of the data themselves.

python experiments/druglike/run.py --data data/druglike_heavy --precision bf16 --compile --n 1000 --steps 50 --seeds 0

Hydrogens are implied: validity is strict-heavy; PoseBusters and MMFF94 see the molecules with RDKit's hydrogens added,
of the first --judged attempts alone, failures included. Goes on where it was.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import chosen
from quality import arguments, fill

from molediff.chem.hydrogens import with_hydrogens
from molediff.data.shards import open_shards
from molediff.data.split import geom_train
from molediff.evaluation import distances, evaluate, statistics_of
from molediff.evaluation.protocols.chemistry import described
from molediff.evaluation.ring_systems import rare

HEAVY = "connected", "uniqueness", "novelty_per_unique", "training_copies"
"""Figures of strict-heavy that are kept beside its validity."""


def judged(mols: list, held: dict, hashes: np.ndarray | None, some: int) -> dict:
    """One row of figures, percentages over attempts; PoseBusters and MMFF94 look at the first ``some``."""
    heavy = figures(evaluate(mols, ("strict-heavy",), train_hashes=hashes, workers=0, bootstrap=0, hydrogens="implied"))
    full = [with_hydrogens(m) for m in mols[:some]]
    busted = figures(evaluate(full, ("posebusters-mol",), workers=len(os.sched_getaffinity(0)), bootstrap=0))
    ours = distances(statistics_of(mols), held)
    strains = np.array([strain(m) for m in full])
    finite = strains[np.isfinite(strains)]
    row = {"n": len(mols), "valid": heavy.pop("strict_heavy_validity")}
    row |= {key: heavy[key] for key in HEAVY if key in heavy}
    row |= rings(mols)
    row |= {"bond_w1_held_out": round(ours["bond_w1"], 5), "angle_w1_held_out": round(ours["angle_w1"], 4)}
    row |= {"judged": len(full), "posebusters_valid": busted.pop("pass")}
    row |= {f"posebusters_{key}": value for key, value in busted.items()}
    return row | {
        "strain_median": round(float(np.median(finite)), 2),
        "strain_p90": round(float(np.quantile(finite, 0.9)), 2),
        "strain_without": int((~np.isfinite(strains)).sum()),
    }


def rings(mols: list) -> dict[str, float]:
    """Per cent of all asked for that sanitise and have no rare ring system, and that have a ring of seven or more."""
    bare = [described(mol)[0] if mol is not None else None for mol in mols]
    whole = [mol for mol in bare if mol is not None]
    large = [mol for mol in whole if max(map(len, mol.GetRingInfo().AtomRings()), default=0) > 6]
    share = {"usual_rings": sum(not rare(mol) for mol in whole), "large_rings": len(large)}
    return {key: round(100 * n / len(mols), 2) for key, n in share.items()}


def figures(report) -> dict[str, float]:
    """Of the only protocol."""
    return {k: round(v["value"], 3) for k, v in next(iter(report.summary["protocols"].values()))["figures"].items()}


def strain(full: Chem.Mol | None) -> float:
    """MMFF94 energy above the nearest minimum, hydrogens relaxed first, kcal/mol; NaN where MMFF94 has no types."""
    if full is None or not rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
        return float("nan")
    relaxed = Chem.Mol(full)
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(relaxed)
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(relaxed, properties)
    for atom in relaxed.GetAtoms():
        if atom.GetAtomicNum() > 1:
            field.AddFixedPoint(atom.GetIdx())
    field.Minimize(maxIts=500)
    free = rdForceFieldHelpers.MMFFGetMoleculeForceField(relaxed, properties)
    before = free.CalcEnergy()
    free.Minimize(maxIts=1000)
    return before - free.CalcEnergy()


def main() -> None:
    """Fill the table."""
    parser = arguments(__doc__, "data/druglike_heavy", "druglike", Path(__file__).parent / "result.csv")
    parser.add_argument("--judged", type=int, default=1000, help="attempts that PoseBusters and MMFF94 look at")
    args = parser.parse_args()
    shards = open_shards(args.data)
    train = geom_train(shards.arrays["index"])
    test = chosen(shards, ~train)
    held = statistics_of(test)
    order = np.random.default_rng(0).permutation(len(test))  # its first molecules lie close together in the source
    data = {"test": [test[i] for i in order], "train": chosen(shards, train, len(test))}
    fill(args, data, lambda mols, hashes: judged(mols, held, hashes, args.judged))


if __name__ == "__main__":
    main()
