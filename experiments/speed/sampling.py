"""CPU seconds to sample a molecule with the bundled models, and with `pocket` in the pocket of the demo.

    OMP_NUM_THREADS=1 python experiments/speed/sampling.py [--n 20] [--steps 50]

One thread; sampling alone, without hydrogens, poses or figures. A line a model.
"""

from __future__ import annotations

import argparse
import time

import torch
from rdkit import Chem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20, help="molecules (default 20)")
    parser.add_argument("--steps", type=int, default=50)
    args = parser.parse_args()
    torch.set_num_threads(1)
    from molediff.docking.demo import DEMO, demo_complexes
    from molediff.docking.prepare import prepare_receptor
    from molediff.docking.sites import site_of_ligand
    from molediff.model import load
    from molediff.pipelines import Generate
    from molediff.pipelines.frame import Frame, cut_pocket
    from molediff.pipelines.guided import PULL, guided
    from molediff.pipelines.tasks import Task
    from molediff.sampling import GuidanceConfig

    protein, path = demo_complexes()[DEMO]
    ligand = Chem.MolFromMolFile(str(path))
    receptor = prepare_receptor(protein, ligand=ligand)
    model = load("pocket")
    frame = Frame.of(model, cut_pocket(receptor, site_of_ligand(receptor, ligand, DEMO), ligand)[0])
    denoise = guided(model, receptor, frame, GuidanceConfig(pull=PULL))
    runs = {name: (Generate(load(name)), {}) for name in ("qm9", "druglike")}
    runs["pocket, 25 atoms"] = (Generate(model, denoise), {"task": Task(frame), "atoms": "25"})
    for name, (generate, more) in runs.items():
        generate(n=2, steps=2, **more)
        began = time.process_time()
        made = generate(n=args.n, steps=args.steps, **more)
        seconds = (time.process_time() - began) / args.n
        atoms = made.table.atoms.mean()
        print(
            f"{name}: {seconds:.3f} s a molecule, {atoms:.1f} atoms, connected {made.table.connected.sum()}", flush=True
        )


if __name__ == "__main__":
    main()
