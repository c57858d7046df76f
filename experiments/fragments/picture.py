"""docs/grown.png: a fragment and molecules that grew from it.

python experiments/fragments/picture.py --smiles "*c1ccoc1" --atoms 3-4

The first valid molecules that differ are drawn, of as many as were asked for; the legend of the fragment says how many
were valid.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rdkit import Chem
from rdkit.Chem import AllChem

from molediff.config import UserError
from molediff.pipelines import Generate
from molediff.pipelines.tasks import Grow
from molediff.report.grown import KNOWN, draw_grown


def fragment_3d(smiles: str) -> Chem.Mol:
    """Hydrogens, dummy atoms and a conformer by ETKDGv3 and MMFF94 of the fragment with hydrogens for dummy atoms."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    capped = Chem.RWMol(mol)
    for atom in capped.GetAtoms():
        if atom.GetAtomicNum() == 0:
            atom.SetAtomicNum(1)
    Chem.SanitizeMol(capped)
    settings = AllChem.ETKDGv3()
    settings.randomSeed = 7
    if AllChem.EmbedMolecule(capped, settings) < 0 or AllChem.MMFFOptimizeMolecule(capped) < 0:
        raise UserError(f"No conformer of '{smiles}'. Give another --smiles.")
    mol.AddConformer(capped.GetConformer())
    return mol


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smiles", default="*c1ccoc1", help="fragment; * where it grows")
    parser.add_argument("--atoms", default="3-4", help="new heavy atoms")
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--n", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--out", type=Path, default=Path("docs/grown.png"))
    args = parser.parse_args()
    fragment = fragment_3d(args.smiles)
    pipeline = Generate.from_pretrained(args.model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fragment.sdf"
        path.write_text(Chem.MolToMolBlock(fragment) + "$$$$\n")
        task = Grow.read(path, pipeline.model)
    out = pipeline(args.n, args.seed, args.steps, atoms=args.atoms, task=task, precision=args.precision)
    good = out.table[out.table.unique & out.table.attached_ok & out.table.known_exact]
    shown = good.index[:8].tolist()
    mols = [Chem.Mol(out.mols[i]) for i in shown]
    for mol in mols:
        Chem.SanitizeMol(mol)
    for atom in fragment.GetAtoms():
        if atom.GetAtomicNum() > 1:
            atom.SetBoolProp(KNOWN, True)
    valid = int(out.table[out.validity].sum())
    print(out.table.to_string())
    legends = ["the fragment", *(f"{i}" for i in shown)]
    draw_grown(fragment, mols, task.count, legends, args.out)
    print(f"{args.out}: {len(mols)} of {len(good)} different, attached and valid; {valid} of {args.n} valid")


if __name__ == "__main__":
    main()
