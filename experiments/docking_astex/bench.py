"""One complex, docked and judged; runs in a worker of `molediff.docking.pool`."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from molediff.docking.engines import engine
from molediff.docking.ligands import prepare, rows_of
from molediff.docking.prepare import prepare_receptor
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_files import pdb_text
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.tasks import sound

PREPARATION = "molediff"
"""Which preparation of the receptor a line of results.jsonl comes from."""
BOX = 25.0
"""Edge of the box at the centre of the ligand's heavy atoms, angstrom."""


@dataclass
class AstexTask:
    """A job is (name of the complex, its place in the sorted set, engine, DockConfig)."""

    data: str
    """Folder of complexes, each with protein.pdb and ligand.sdf."""
    work: str
    """Folder for prepared receptors and poses."""
    check: bool = True
    """Whether PoseBusters looks at the first pose."""

    def start(self) -> None:
        """Nothing: every complex has maps of its own."""

    def __call__(self, job: tuple[str, int, str, str, DockConfig]) -> dict:
        """Figures of the poses found, best first: scores, symmetric RMSD; PoseBusters `redock` of the first."""
        name, place, row, engine_name, config = job
        crystal = Chem.RemoveAllHs(Chem.MolFromMolFile(f"{self.data}/{name}/ligand.sdf"))
        receptor = self.receptor(name)
        site = Site(crystal.GetConformer().GetPositions().mean(0), np.full(3, BOX), "ligand")
        asked = replace(rows_of([Chem.MolToSmiles(crystal)])[0], row=place)  # seeds depend on the complex's place
        ligand = prepare(asked, config)
        began = time.process_time()
        docked = sound(engine(engine_name)(receptor, site, ligand, config))
        out = {"receptor": PREPARATION, "reason": ligand.reason or docked.reason, "seconds": round(docked.seconds, 2)}
        out |= {"whole_seconds": round(time.process_time() - began, 2), "scores": [], "rmsd": [], "pb_valid": False}
        if docked.poses is None:
            return out
        poses = Chem.RemoveAllHs(docked.poses)  # also of C=NH, which RemoveHs leaves
        singles = [Chem.Mol(poses, confId=c.GetId()) for c in poses.GetConformers()]
        out["scores"] = [round(s, 3) for s in docked.scores]
        out["rmsd"] = [round(rdMolAlign.CalcRMS(p, Chem.Mol(crystal)), 3) for p in singles]
        best = Chem.Mol(docked.poses, confId=docked.poses.GetConformers()[0].GetId())
        if self.check:
            out["pb_valid"], out["pb_failed"] = self.busted(best, crystal, receptor, name)
        writer = Chem.SDWriter(str(Path(self.work) / f"{row}-{name}.sdf"))
        for c in docked.poses.GetConformers():
            writer.write(docked.poses, confId=c.GetId())
        writer.close()
        return out

    def receptor(self, name: str) -> Receptor:
        """Prepared once, then from the work folder."""
        path = Path(self.work) / f"{name}.receptor.pkl"
        if not path.is_file():
            crystal = Chem.MolFromMolFile(f"{self.data}/{name}/ligand.sdf")
            path.write_bytes(pickle.dumps(prepare_receptor(f"{self.data}/{name}/protein.pdb", ligand=crystal)))
        return pickle.loads(path.read_bytes())

    def busted(self, mol: Chem.Mol, crystal: Chem.Mol, receptor: Receptor, name: str) -> tuple[bool, str]:
        """All checks of PoseBusters' `redock` but the RMSD."""
        from posebusters import PoseBusters

        path = Path(self.work) / f"{name}.pdb"
        path.write_text(pdb_text(receptor))
        protein = Chem.MolFromPDBFile(str(path), sanitize=False, removeHs=False, proximityBonding=False)
        row = PoseBusters(config="redock", max_workers=0).bust([mol], crystal, protein).iloc[0]
        # What PoseBusters could not compute is no pass.
        failed = [str(k) for k, v in row.items() if not str(k).startswith("rmsd") and (pd.isna(v) or not bool(v))]
        return not failed, ", ".join(failed)
