"""One molecule docked by Vina where the reference lies; runs in a worker of `molediff.docking.pool`."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem

from molediff.docking.engines import engine
from molediff.docking.ligands import prepare, rows_of
from molediff.docking.settings import DockConfig
from molediff.docking.sites import site_of_ligand

CONFIG = DockConfig(seed=1, poses=1)
REFERENCE = "reference"
"""Of the ligands that came with the pockets, in place of a folder."""


@dataclass(frozen=True)
class Ask:
    """A molecule to dock."""

    made: str
    """Folder of its row, or `REFERENCE`."""
    pocket: str
    number: int
    smiles: str
    """'' for what is not valid."""
    receptor: str
    """Pickled `molediff.docking.receptor.Receptor`."""
    reference: str
    """File of the ligand that the box is laid round."""


@dataclass
class VinaTask:
    """A molecule -> {'score' (kcal/mol, None where there is none), 'reason', 'cpu' (seconds)}."""

    def start(self) -> None:
        """Load Vina."""
        self.dock = engine("vina")

    def __call__(self, asked: Ask) -> dict:
        began = time.process_time()
        if not asked.smiles:
            return {"score": None, "reason": "not valid", "cpu": 0.0}
        receptor = pickle.loads(Path(asked.receptor).read_bytes())
        site = site_of_ligand(receptor, Chem.MolFromMolFile(asked.reference), asked.pocket)
        ligand = prepare(rows_of([asked.smiles])[0], CONFIG)
        reason, score = ligand.reason, None
        if ligand.mol is not None:
            found = self.dock(receptor, site, ligand, CONFIG)
            reason = found.reason
            score = round(found.scores[0], 3) if found.poses is not None else None
        return {"score": score, "reason": reason, "cpu": round(time.process_time() - began, 2)}
