"""One complex with proposed poses, relaxed and judged; runs in a worker of `molediff.docking.pool`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bench import BOX, AstexTask
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from molediff.docking.ligands import Row, prepare
from molediff.docking.proposed import ProposedTask, heavy_ligand
from molediff.docking.refine import RefineConfig
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site

RELAX = {"": "vina", "-mmff": "mmff", "-raw": "none"}
"""End of a row's name -> how its poses are relaxed."""
CONFIG = DockConfig(seed=1, energy_range=100.0)


@dataclass
class ProposedAstexTask(AstexTask):
    """A job is (name, row of a library, row of the table, poses, seconds they took)."""

    def __call__(self, job: tuple[str, Row, str, list, float]) -> dict:
        """Scores and symmetric RMSD of the poses kept, best first; PoseBusters of the first; RMSD of all proposals."""
        name, asked, row, proposals, seconds = job
        crystal, receptor, site = self.complex(name)
        method = RELAX[row[len(row.split("-")[0]) :]]
        relax = None if method == "none" else RefineConfig(method)
        work = ProposedTask(receptor, site, row, CONFIG, check=False, relax=relax)
        work.start()
        found = work((asked, proposals))
        mols = [Chem.MolFromMolBlock(block, removeHs=False) for block in found["poses"]]
        out = {"reason": found["reason"], "note": found["note"], "seconds": round(found["seconds"] + seconds, 2)}
        out |= {"scores": [round(s, 3) for s in found["scores"]], "rmsd": [rmsd(m, crystal) for m in mols]}
        heavy = heavy_ligand(prepare(asked, CONFIG))
        out["rmsd_proposed"] = [rmsd(placed(heavy, pos), crystal) for pos in proposals]
        out["pb_valid"], out["pb_failed"] = self.busted(mols[0], crystal, receptor, name) if mols else (False, "")
        return out

    def complex(self, name: str):
        """(crystal ligand without hydrogens, receptor, site)."""
        crystal = Chem.RemoveAllHs(Chem.MolFromMolFile(f"{self.data}/{name}/ligand.sdf"))
        site = Site(crystal.GetConformer().GetPositions().mean(0), np.full(3, BOX), "ligand")
        return crystal, self.receptor(name), site


def rmsd(mol: Chem.Mol, crystal: Chem.Mol) -> float:
    """Symmetric, in place, heavy atoms, angstrom."""
    return round(rdMolAlign.CalcRMS(Chem.RemoveAllHs(mol), Chem.Mol(crystal)), 3)


def placed(mol: Chem.Mol, pos: list) -> Chem.Mol:
    """With these positions alone."""
    out = Chem.Mol(mol)
    out.RemoveAllConformers()
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.nan_to_num(np.asarray(pos, dtype=float), nan=1e3))
    out.AddConformer(conformer)
    return out
