"""Vina's values for the tests: tests/docking/vina_values.json.

    python experiments/torch_vina/make_values.py --data astex_diverse

Each complex is cut to the receptor atoms within 6 A of the ligand; Vina scored exactly what is stored.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import run
from rdkit import Chem
from simple_receptor import simple_receptor

from molediff.docking.receptor import Receptor

CHOSEN = ("1JD0_AZM", "1PMN_984", "1XOQ_ROF")
"""A zinc site; two ligands with cyclopropyl, whose small ring Vina's count of bonds stumbles over."""
CUT = 6.0


def cut(receptor: Receptor, around: np.ndarray) -> Receptor:
    rows = np.nonzero(np.linalg.norm(receptor.pos[:, None] - around[None], axis=-1).min(1) < CUT)[0]
    pick = {f: tuple(str(getattr(receptor, f)[i]) for i in rows) for f in
            ("element", "name", "residue", "chain", "number", "types")}  # fmt: skip
    return Receptor(receptor.pos[rows], hetero=receptor.hetero[rows], bonds=np.zeros((0, 2), np.int64), **pick)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    warnings.filterwarnings("ignore")
    found = []
    for name in CHOSEN:
        folder = parser.parse_args().data / name
        mol = run.ligand_of(folder)
        receptor = cut(simple_receptor(folder / "protein.pdb"), mol.GetConformer().GetPositions())
        vina = run.oracle(receptor, mol.GetConformer().GetPositions().mean(0), 40.0, 1.0)
        poses = []
        for pose in run.poses_of(mol, 5, np.random.default_rng(1)):
            vina.set_ligand_from_string(run.ligand_pdbqt(pose))
            total, inter, *_, intra, _, _ = (float(e) for e in vina.score())
            pos = pose.GetConformer().GetPositions().round(3).tolist()
            poses.append({"pos": pos, "total": total, "inter": inter, "intra": intra})
        found.append({
            "name": name, "ligand": Chem.MolToMolBlock(mol), "types": list(receptor.types),
            "receptor": receptor.pos.round(3).tolist(), "poses": poses,
        })  # fmt: skip
    out = Path(__file__).parents[2] / "tests" / "docking" / "vina_values.json"
    out.write_text(json.dumps(found, separators=(",", ":")) + "\n")
    print(out.stat().st_size)


if __name__ == "__main__":
    main()
