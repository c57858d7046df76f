"""Conformers of 200 held-out molecules beside ETKDG and ETKDG + MMFF94 on the same 200.

python experiments/qm9_free/conformers.py --data data/qm9_ani2x --model qm9
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign

sys.path.insert(0, str(Path(__file__).parent))
from held_out import part

from molediff.chem import perceive_from_3d
from molediff.chem.asked import graph_as_asked, stereo_as_asked
from molediff.data.shards import open_shards
from molediff.pipelines import Conformers


def best_rmsd(mol: Chem.Mol, reference: Chem.Mol) -> float:
    """Smallest symmetric heavy-atom RMSD of any conformer, angstrom; infinite without conformers."""
    heavy, target = Chem.RemoveHs(mol), Chem.RemoveHs(reference)
    found = [rdMolAlign.GetBestRMS(Chem.Mol(heavy, confId=c.GetId()), Chem.Mol(target)) for c in heavy.GetConformers()]
    return min(found, default=float("inf"))


def etkdg(mol: Chem.Mol, n: int, relax: bool) -> Chem.Mol:
    """n conformers by RDKit's ETKDGv3, with a fixed seed."""
    out, parameters = Chem.Mol(mol), AllChem.ETKDGv3()
    parameters.randomSeed = 7
    AllChem.EmbedMultipleConfs(out, n, parameters)
    if relax and out.GetNumConformers():
        AllChem.MMFFOptimizeMoleculeConfs(out)
    return out


def row(name: str, mols: list[Chem.Mol], references: list[Chem.Mol], right: float) -> dict:
    """One line of the table."""
    r = np.array([best_rmsd(m, ref) for m, ref in zip(mols, references, strict=True)])
    return {
        "conformers": name,
        "molecules": len(mols),
        "as_asked_percent": round(100 * right, 2),
        "best_of_20_median": round(float(np.median(r)), 3),
        "best_of_20_p90": round(float(np.quantile(r, 0.9)), 3),
        "without_any": int(np.isinf(r).sum()),
    }


def as_asked(mols: list[Chem.Mol], n: int) -> float:
    """Share of the conformers asked for that show graph and stereochemistry as asked."""
    good = sum(stereo_as_asked(m, c.GetId()) and graph_as_asked(m, c.GetId()) for m in mols for c in m.GetConformers())
    return good / (n * len(mols))


def main() -> None:
    """Write conformers.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/qm9_ani2x")
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--molecules", type=int, default=200)
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--only-rdkit", action="store_true", help="keep the model's row, make the others again")
    args = parser.parse_args()
    references = []
    for mol in part(open_shards(args.data), "test", args.molecules):
        Chem.SanitizeMol(mol)
        references.append(perceive_from_3d(mol))
    bare = []
    for mol in references:
        copy = Chem.Mol(mol)
        copy.RemoveAllConformers()
        bare.append(copy)
    path = Path(__file__).parent / "conformers.csv"
    if args.only_rdkit:
        rows = pd.read_csv(path).to_dict("records")[:1]
    else:
        pipeline = Conformers.from_pretrained(args.model)
        out = pipeline(bare, n=args.n, steps=args.steps, precision=args.precision)
        right = float(out.table.as_asked.mean())
        rows = [row(f"molediff {args.model}, {args.steps} steps", out.mols, references, right)]
        print(out.table.reason.value_counts().to_string())
    for relax in (False, True):
        mols = [etkdg(m, args.n, relax) for m in bare]
        rows.append(row("ETKDGv3 + MMFF94" if relax else "ETKDGv3", mols, references, as_asked(mols, args.n)))
    table = pd.DataFrame(rows)
    table.to_csv(path, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
