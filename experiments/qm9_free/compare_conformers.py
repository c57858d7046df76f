"""Conformers of held-out molecules beside ETKDG and ETKDG + MMFF94 on the same; see conformers.py."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign

from molediff.chem import perceive_from_3d
from molediff.chem.asked import graph_as_asked, stereo_as_asked
from molediff.pipelines import Conformers

N = 20
"""Conformers of a molecule."""


def best_rmsd(mol: Chem.Mol, reference: Chem.Mol) -> float:
    """Smallest symmetric heavy-atom RMSD of any conformer, angstrom; infinite without conformers."""
    heavy, target = Chem.RemoveAllHs(mol), Chem.RemoveAllHs(reference)
    found = [rdMolAlign.GetBestRMS(Chem.Mol(heavy, confId=c.GetId()), Chem.Mol(target)) for c in heavy.GetConformers()]
    return min(found, default=float("inf"))


def etkdg(mol: Chem.Mol, n: int, relax: bool) -> Chem.Mol:
    """n conformers by RDKit's ETKDGv3, fixed seed; embedded with all hydrogens, returned with those of ``mol``."""
    out, parameters = Chem.AddHs(mol), AllChem.ETKDGv3()
    parameters.randomSeed = 7
    AllChem.EmbedMultipleConfs(out, n, parameters)
    if relax and out.GetNumConformers():
        AllChem.MMFFOptimizeMoleculeConfs(out)
    return out if out.GetNumAtoms() == mol.GetNumAtoms() else Chem.RemoveAllHs(out)


def row(name: str, mols: list[Chem.Mol], references: list[Chem.Mol], right: dict[str, float]) -> dict:
    """One line of the table."""
    r = np.array([best_rmsd(m, ref) for m, ref in zip(mols, references, strict=True)])
    return {
        "conformers": name,
        "molecules": len(mols),
        **{f"{key}_percent": round(100 * share, 2) for key, share in right.items()},
        "best_of_20_median": round(float(np.median(r)), 3),
        "best_of_20_p90": round(float(np.quantile(r, 0.9)), 3),
        "without_any": int(np.isinf(r).sum()),
    }


def as_asked(mols: list[Chem.Mol], n: int) -> dict[str, float]:
    """Shares of the conformers asked for that show graph and stereochemistry as asked."""
    every = [(stereo_as_asked(m, c.GetId()), graph_as_asked(m, c.GetId())) for m in mols for c in m.GetConformers()]
    both = [stereo and graph for stereo, graph in every]
    stereo, graph = np.array(every).reshape(-1, 2).sum(0)
    n_all = n * len(mols)
    return {"as_asked": sum(both) / n_all, "stereo_as_asked": stereo / n_all, "graph_as_asked": graph / n_all}


def arguments(description: str, data: str, model: str, table: Path) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=data)
    parser.add_argument("--model", default=model)
    parser.add_argument("--molecules", type=int, default=200)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--compile", action="store_true", help="torch.compile: a minute, then faster")
    parser.add_argument("--alone", action="store_true", help="the network alone, double bonds not held")
    parser.add_argument("--parts", type=Path, help="folder for finished batches")
    parser.add_argument("--table", type=Path, default=table)
    parser.add_argument("--only-rdkit", action="store_true", help="keep the model's row, make the others again")
    return parser.parse_args()


def compare(args: argparse.Namespace, held_out: list[Chem.Mol]) -> None:
    """Write the table: the model, ETKDG with and without MMFF94, and the held-out geometries themselves.

    Args:
        args: of `arguments`.
        held_out: molecules with the geometry to find, unsanitised.
    """
    references = []
    for mol in held_out:
        Chem.SanitizeMol(mol)
        references.append(perceive_from_3d(mol))
    bare = []
    for mol in references:
        copy = Chem.Mol(mol)
        copy.RemoveAllConformers()
        bare.append(copy)
    if args.only_rdkit:
        rows = pd.read_csv(args.table).to_dict("records")[:1]
    else:
        pipeline = Conformers.from_pretrained(args.model)
        if args.alone:
            pipeline = Conformers(pipeline.model, pipeline.model)
        if args.compile:
            pipeline.model.compile_network()
        source, spent = pipeline.model.source, time.process_time()
        how = f"{source.checksum[:8]}-conformers-{args.precision}-{args.steps}-{N}-{len(bare)}-{args.batch}" + (
            "-alone" if args.alone else "-sided"
        )
        parts = args.parts and args.parts / how
        out = pipeline(bare, n=N, steps=args.steps, precision=args.precision, batch=args.batch, parts=parts)
        spent = round(time.process_time() - spent, 1)
        right = {key: float(out.table[key].mean()) for key in ("as_asked", "stereo_as_asked", "graph_as_asked")}
        name = f"molediff {source.name}, {args.steps} steps{', the network alone' * args.alone}"
        rows = [row(name, out.mols, references, right) | {"checksum": source.checksum[:8], "cpu_seconds": spent}]
        print(out.table.reason.value_counts().to_string())
        pd.DataFrame(rows).to_csv(args.table, index=False)
    for relax in (False, True):
        spent = time.process_time()
        mols = [etkdg(m, N, relax) for m in bare]
        spent = {"cpu_seconds": round(time.process_time() - spent, 1)}
        name = "ETKDGv3 + MMFF94" if relax else "ETKDGv3"
        rows.append(row(name, mols, references, as_asked(mols, N)) | spent)
    rows.append(row("the held-out geometries", references, references, as_asked(references, 1)))
    table = pd.DataFrame(rows)
    table.to_csv(args.table, index=False)
    print(table.to_string(index=False))
