"""Quality of the drug-like model: rows of result.csv, one a (steps, seed), and the rows of the data themselves.

python experiments/druglike/run.py --data data/druglike_heavy --precision bf16 --compile --batch 96

Hydrogens are implied: validity is strict-heavy, PoseBusters sees the molecules with RDKit's hydrogens added (of the
first --posebusters attempts, failures included). Goes on where it was.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
from held_out import chosen
from quality import arguments, fill

from molediff.data.shards import open_shards
from molediff.data.split import geom_train
from molediff.evaluation import distances, evaluate, statistics_of

SOME = 1000
"""Attempts that PoseBusters and MMFF94 look at."""


def judged(mols: list, held: dict, hashes: np.ndarray | None) -> dict:
    """One row of figures, percentages over attempts."""
    report = evaluate(mols, ("strict-heavy",), train_hashes=hashes, workers=0, bootstrap=0, hydrogens="implied")
    busted = evaluate([with_hydrogens(m) for m in mols[:SOME]], ("posebusters-mol",), workers=2, bootstrap=0)
    ours = distances(statistics_of(mols), held)
    strains = np.array([strain(m) for m in mols[:SOME]])
    connected = np.mean([m is not None and len(Chem.GetMolFrags(m)) == 1 for m in mols])
    row = {"n": len(mols), "connected": round(100 * float(connected), 3)}
    row |= {key: round(value["value"], 3) for key, value in first(report).items()}
    row |= {f"posebusters_{k}": round(v["value"], 3) for k, v in first(busted).items()}
    row |= {"bond_w1_held_out": round(ours["bond_w1"], 5), "angle_w1_held_out": round(ours["angle_w1"], 4)}
    return row | {
        "strain_median": round(float(np.median(strains[np.isfinite(strains)])), 2),
        "strain_without": int((~np.isfinite(strains)).sum()),
    }


def first(report) -> dict:
    """Figures of the only protocol."""
    return next(iter(report.summary["protocols"].values()))["figures"]


def with_hydrogens(mol: Chem.Mol | None) -> Chem.Mol | None:
    """RDKit's hydrogens, with coordinates; None where the molecule cannot be sanitised."""
    if mol is None:
        return None
    try:
        copy = Chem.Mol(mol)
        Chem.SanitizeMol(copy)
        return Chem.AddHs(copy, addCoords=True)
    except (Chem.MolSanitizeException, ValueError):
        return None


def strain(mol: Chem.Mol | None) -> float:
    """MMFF94 energy above the nearest minimum, hydrogens relaxed first, kcal/mol; NaN where MMFF94 has no types."""
    full = with_hydrogens(mol)
    if full is None or not rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
        return float("nan")
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(full)
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(full, properties)
    for atom in full.GetAtoms():
        if atom.GetAtomicNum() > 1:
            field.MMFFAddPositionConstraint(atom.GetIdx(), 0.0, 1e5)
    field.Minimize(maxIts=500)
    free = rdForceFieldHelpers.MMFFGetMoleculeForceField(full, properties)
    before = free.CalcEnergy()
    free.Minimize(maxIts=1000)
    return before - free.CalcEnergy()


def main() -> None:
    """Fill the table."""
    here = Path(__file__).parent
    args = arguments(__doc__, "data/druglike_heavy", "druglike", here / "result.csv")
    shards = open_shards(args.data)
    train = geom_train(shards.arrays["index"])
    held = statistics_of(chosen(shards, ~train))
    data = {"test": chosen(shards, ~train), "train": chosen(shards, train, args.n)}
    fill(args, data, lambda mols, hashes: judged(mols, held, hashes))


if __name__ == "__main__":
    main()
