"""Proposed poses of one complex, relaxed and compared with the crystal; runs in a worker of `molediff.docking.pool`."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from molediff.docking.ligands import prepare, rows_of
from molediff.docking.pdbqt_ligand import isomer
from molediff.docking.proposed import ProposedTask, heavy_ligand
from molediff.docking.refine import RefineConfig
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site

BOX = 25.0
"""Edge of the box at the centre of the ligand's heavy atoms, angstrom."""


@dataclass
class JudgeTask:
    """Relax the proposed poses of a complex and compare them with the crystal."""

    data: str
    """Folder of complexes, each with protein.pdb and ligand.sdf."""
    work: str
    """Folder of prepared receptors."""
    relax: str
    """See `molediff.docking.refine.METHODS`."""

    def start(self) -> None:
        """Nothing: every complex is opened for itself."""

    def __call__(self, job: tuple[str, int, list]) -> dict:
        """{'raw_rmsd', 'rmsd', 'scores', 'refused', 'places' (relaxed, with hydrogens)}, one entry a proposed pose.

        None where it was refused.
        """
        name, place, proposals = job
        began = time.process_time()
        crystal = crystal_of(Path(self.data), name)
        receptor = pickle.loads((Path(self.work) / f"{name}.receptor.pkl").read_bytes())
        heavy = ligand_of(crystal, place)
        whole = Chem.AddHs(heavy, addCoords=True)
        wanted = isomer(whole, whole.GetConformer().GetPositions())
        task = ProposedTask(receptor, site_of(crystal), "proposed", DockConfig(), relax=RefineConfig(self.relax))
        out: dict[str, list] = {"raw_rmsd": [], "rmsd": [], "scores": [], "refused": [], "places": []}
        for proposal in np.asarray(proposals):
            places, score, reason = task.relaxed(receptor, heavy, proposal, wanted)
            out["raw_rmsd"].append(rmsd(heavy, proposal, crystal))
            out["rmsd"].append(None if reason else rmsd(heavy, places[: heavy.GetNumAtoms()], crystal))
            out["scores"].append(None if reason else round(float(score), 3))
            out["refused"].append(reason)
            out["places"].append(None if reason else np.round(places, 4).tolist())
        return out | {"relax_s": round(time.process_time() - began, 1)}


def rmsd(heavy: Chem.Mol, places: np.ndarray, crystal: Chem.Mol) -> float | None:
    """Symmetric, heavy atoms, no superposition, angstrom; None for what is no place."""
    if not np.isfinite(places).all():
        return None
    pose = Chem.Mol(heavy)
    pose.GetConformer().SetPositions(np.ascontiguousarray(places, dtype=float))
    return round(rdMolAlign.CalcRMS(pose, Chem.Mol(crystal)), 3)


def crystal_of(data: Path, name: str) -> Chem.Mol:
    """Heavy atoms of the crystal pose."""
    return Chem.RemoveHs(Chem.MolFromMolFile(str(data / name / "ligand.sdf")))


def site_of(crystal: Chem.Mol) -> Site:
    """A box round the centre: all that the engines are told."""
    return Site(crystal.GetConformer().GetPositions().mean(0), np.full(3, BOX), "ligand")


def ligand_of(crystal: Chem.Mol, place: int) -> Chem.Mol:
    """From the SMILES: the pose goes in nowhere."""
    row = rows_of([Chem.MolToSmiles(crystal)])[0]
    ligand = prepare(row, DockConfig(seed=place + 1))
    return Chem.Mol(heavy_ligand(ligand), confId=ligand.mol.GetConformer().GetId())
