"""Shared by the tests of docking: a small pocket and tasks that misbehave. Not a test."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem

from molediff.docking.receptor import Receptor
from molediff.docking.site import Site

TYPES = {"O": "OA", "S": "SA"}


def demo(code: str = "1ia1") -> tuple[Path, Chem.Mol]:
    """(protein file, crystal ligand) of a complex in the wheel of posebusters."""
    import posebusters

    folder = Path(posebusters.__file__).parent / "datasets" / "pdb" / code
    ligand = Chem.MolFromMolFile(str(folder / f"{code}_ligand.sdf"))
    return folder / f"{code}_protein_one_lig_removed.pdb", ligand


def small_pocket(edge: float = 16.0, cut: float = 9.0) -> tuple[Receptor, Site, Chem.Mol]:
    """Heavy atoms and hydrogens of 1ia1 near its ligand, read without any of the rules for real proteins."""
    path, ligand = demo()
    around = ligand.GetConformer().GetPositions()
    lines, pos = [], []
    for line in path.read_text().splitlines():
        if line.startswith(("ATOM", "HETATM")):
            xyz = np.array([float(line[30:38]), float(line[38:46]), float(line[46:54])])
            if np.linalg.norm(around - xyz, axis=1).min() < cut:
                lines.append(line)
                pos.append(xyz)
    element = tuple(line[76:78].strip().capitalize() for line in lines)
    pos = np.array(pos)
    heavy = np.array([i for i, e in enumerate(element) if e != "H"])
    types = []
    for i, symbol in enumerate(element):
        parent = element[heavy[np.linalg.norm(pos[heavy] - pos[i], axis=1).argmin()]]
        types.append(("H" if parent == "C" else "HD") if symbol == "H" else TYPES.get(symbol, symbol))
    receptor = Receptor(
        pos,
        element,
        tuple(line[12:16].strip() for line in lines),
        tuple(line[17:20].strip() for line in lines),
        tuple(line[21] for line in lines),
        tuple(line[22:27].strip() for line in lines),
        np.array([line.startswith("HETATM") for line in lines]),
        np.zeros((0, 2), dtype=np.int64),
        tuple(types),
        str(path),
    )
    return receptor, Site(around.mean(0), np.full(3, edge), "ligand"), ligand


def workers() -> list[int]:
    """Process ids of the docking workers of this process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(words[1]) == os.getpid() and b"molediff.docking.worker" in command:
                found.append(int(entry.name))
    return found


@dataclass
class Odd:
    """A task whose jobs say what to do: a number is squared, 'die' ends the child, 'die once', 'spin', 'raise'."""

    folder: str
    fail: str = ""

    def start(self) -> None:
        from molediff.config import UserError

        if self.fail:
            raise UserError(self.fail)

    def __call__(self, job):
        if job == "die":
            os._exit(1)
        if job == "die once":
            marker = Path(self.folder) / "died"
            if not marker.exists():
                marker.touch()
                os._exit(1)
            return "lived"
        if job == "raise":
            raise ValueError("odd job")
        while job == "spin":
            pass
        return job * job
