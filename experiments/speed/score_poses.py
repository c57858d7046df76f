"""Seconds to score and minimise 100 poses in one pocket, maps and the workers' start included.

    python experiments/speed/score_poses.py --protein protein.pdb --ligand ligand.sdf [--workers 2]

The poses are the ligand's conformers put at its place. Prints wall seconds, and CPU seconds of all processes, which a
busy machine does not stretch as much.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protein", required=True)
    parser.add_argument("--ligand", required=True)
    parser.add_argument("--poses", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--engine", default="vina", help="vina or torch")
    args = parser.parse_args()
    from molediff.docking.ligands import rows_of
    from molediff.docking.prepare import prepare_receptor
    from molediff.docking.site import Site
    from molediff.pipelines.score import Score

    crystal = Chem.MolFromMolFile(args.ligand)
    mol = Chem.AddHs(crystal, addCoords=True)
    AllChem.EmbedMultipleConfs(mol, args.poses, randomSeed=7)
    whole = Chem.AddHs(crystal, addCoords=True)
    poses = []
    for conformer in mol.GetConformers():
        one = Chem.Mol(mol, confId=conformer.GetId())
        rdMolAlign.AlignMol(one, whole)
        poses.append(one)
    site = Site(crystal.GetConformer().GetPositions().mean(0), np.full(3, 25.0), "ligand")
    receptor = prepare_receptor(args.protein, ligand=crystal)
    began, cpu = time.perf_counter(), used()
    found = Score("fast", args.engine)._vina(receptor, site, rows_of(poses), args.workers, None)
    scored = [f["minimised"] for f in found if f["minimised"] is not None]
    about = f"workers {args.workers}, atoms of the receptor {len(receptor)}"
    print(f"{args.engine}: poses {len(found)}, scored {len(scored)}, {about}")
    print(f"wall {time.perf_counter() - began:.2f} s, CPU {used() - cpu:.2f} s")


def used() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
