"""One molecule in its pocket, judged raw and relaxed; runs in a worker of `molediff.docking.pool`."""

from __future__ import annotations

import pickle
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.docking.receptor_files import pdb_text
from molediff.docking.refine import RefineConfig, refine
from molediff.docking.site import Site
from molediff.docking.tasks import MARGIN
from molediff.docking.vina import VinaPocket
from molediff.evaluation.internal_energy import internal_energy
from molediff.evaluation.poses import pose_figures
from molediff.evaluation.strain import strains
from molediff.pipelines.in_pocket import EDGE

POSES = ("raw", "relaxed")


@dataclass(frozen=True)
class Job:
    """A molecule to judge."""

    receptor: str
    """Pickled `molediff.docking.receptor.Receptor`."""
    centre: tuple[float, float, float]
    """Of the reference ligand, angstrom."""
    size: tuple[float, float, float]
    """Of the site's box, angstrom."""
    block: str
    """Mol block with all hydrogens, in the receptor's frame; '' for what is no valid molecule."""
    strained: bool = True
    """Whether strain is computed: half of the time."""
    energy: bool = False
    """Whether PoseBusters' energy ratio is: with it all checks of its `dock`."""


@dataclass
class PoseTask:
    """Figures of a molecule as `molediff generate` computes them, and strain; the same functions, fewer processes.

    Libraries are loaded once for the whole run, maps and surroundings once for the molecules of a pocket in a row.
    """

    relax: str = "mmff+vina"
    """See `molediff.docking.refine.METHODS`."""

    def start(self) -> None:
        """Nothing is open yet."""
        self.open = ""

    def __call__(self, job: Job) -> dict:
        """Figures by name and pose, qed, sa, moved, reason, cpu (seconds by part); None where there is none."""
        clock = Clock()
        if not job.block:
            return {"reason": "no valid molecule", "cpu": {}}
        self.enter(job)
        clock("maps")
        mol = Chem.MolFromMolBlock(job.block, removeHs=False)
        done = refine(self.receptor, mol, RefineConfig(self.relax, same_isomer=False))
        clock("relax")
        poses = [mol, done.mol]
        out = {"moved": done.figures.get("moved"), "reason": done.reason}
        for pose, one in zip(POSES, poses, strict=True):
            out |= {f"{key}_{pose}": value for key, value in self.vina(one).items()}
        clock("vina")
        table = pose_figures(poses, self.protein, None, "fast", workers=0)
        for pose, row in zip(POSES, table.to_dict("records"), strict=True):
            out |= {f"{key}_{pose}": finite(row[key]) for key in ("clashes", "closest", "buried")}
            out[f"pb_valid_{pose}"] = bool(row["pb_valid"])
            checks = {k: v for k, v in row.items() if k.startswith("pb_") and k not in ("pb_valid", "pb_mode")}
            out[f"pb_failed_{pose}"] = [k[3:] for k, v in checks.items() if v is not True]
        out |= {"qed": finite(table["qed"][0]), "sa": finite(table["sa"][0])}
        clock("posebusters")
        if job.energy:
            # More than half of the time, so only of poses whose verdict it can change; None for the others.
            for pose, one in zip(POSES, poses, strict=True):
                out[f"energy_{pose}"] = internal_energy(one) is True if out[f"pb_valid_{pose}"] else None
            clock("energy")
        if job.strained:
            out |= strain_of(poses)
            clock("strain")
        return out | {"cpu": clock.seconds}

    def enter(self, job: Job) -> None:
        """The pocket of the job: receptor, maps, PDB file."""
        if self.open == job.receptor:
            return
        self.receptor = pickle.loads(Path(job.receptor).read_bytes())
        site = Site(np.array(job.centre), np.maximum(job.size, EDGE), "ligand")
        self.pocket = VinaPocket(self.receptor, replace(site, size=site.size + 2 * MARGIN))
        self.folder = tempfile.TemporaryDirectory()
        self.protein = str(Path(self.folder.name) / "protein.pdb")
        Path(self.protein).write_text(pdb_text(self.receptor))
        self.open = job.receptor

    def vina(self, mol: Chem.Mol | None) -> dict:
        """Vina's score and minimised score, and the score per heavy atom."""
        if mol is None:
            return {}
        try:
            found = self.pocket.score(mol)
        except ValueError as error:
            return {"vina_reason": str(error)}
        efficiency = -found.score / mol.GetNumHeavyAtoms()
        return {"vina_score": found.score, "vina_minimised": found.minimised, "ligand_efficiency": efficiency}


def strain_of(poses: list[Chem.Mol | None]) -> dict:
    """Of both poses against the same free conformers; of each alone where that is not possible."""
    raw, relaxed = poses
    both = Chem.Mol(raw)
    if relaxed is not None:
        both.AddConformer(relaxed.GetConformer(), assignId=True)
    with BlockLogs():
        found = [one["strain"] for one in strains(both)]
    return {f"strain_{pose}": finite(value) for pose, value in zip(POSES, found, strict=False)}


def finite(value) -> float | None:
    """A number that JSON holds, or None."""
    return None if value is None or not np.isfinite(value) else round(float(value), 4)


class Clock:
    """CPU seconds of this process by part."""

    def __init__(self):
        self.seconds: dict[str, float] = {}
        self.last = time.process_time()

    def __call__(self, part: str) -> None:
        """The time since the last call belongs to this part."""
        now = time.process_time()
        self.seconds[part] = round(now - self.last, 3)
        self.last = now
