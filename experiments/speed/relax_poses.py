"""CPU seconds to relax a pose in its pocket: the four complexes of posebusters' wheel, their ligands rattled.

    python experiments/speed/relax_poses.py [--poses 10] [--method mmff+vina]

Of each complex so many poses with 0.15 A of noise on every coordinate, relaxed as `molediff generate` relaxes its own.
Prints a line a complex: atoms of the ligand, CPU seconds a pose, and means of Vina's score and of the movement after
over those that did not fail, by which two versions can be compared.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from rdkit import Chem

NOISE = 0.15
"""Angstrom, on every coordinate."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--poses", type=int, default=10, help="of each complex (default 10)")
    parser.add_argument("--method", default="mmff+vina", help="of molediff refine")
    args = parser.parse_args()
    from molediff.docking.demo import demo_complexes
    from molediff.docking.prepare import prepare_receptor
    from molediff.docking.refine import RefineConfig, refine

    config = RefineConfig(args.method, same_isomer=False)
    for name, (protein, path) in demo_complexes().items():
        ligand = Chem.AddHs(Chem.MolFromMolFile(str(path)), addCoords=True)
        receptor = prepare_receptor(protein, ligand=ligand)
        pos, rng, found = ligand.GetConformer().GetPositions(), np.random.default_rng(0), []
        refine(receptor, ligand, config)  # what is made once for a receptor
        began = time.process_time()
        for _ in range(args.poses):
            mol = Chem.Mol(ligand)
            mol.GetConformer().SetPositions(pos + rng.normal(scale=NOISE, size=pos.shape))
            found.append(refine(receptor, mol, config))
        seconds = (time.process_time() - began) / args.poses
        vina, moved = (np.mean([one.figures[key] for one in found if one.mol]) for key in ("vina_relaxed", "moved"))
        failed = sum(one.mol is None for one in found)
        print(
            f"{name}: {ligand.GetNumAtoms()} atoms, {seconds:.3f} s a pose, Vina {vina:.3f}, moved {moved:.3f} A, "
            f"{failed} failed",
            flush=True,
        )


if __name__ == "__main__":
    main()
