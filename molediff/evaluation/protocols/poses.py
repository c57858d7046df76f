"""`poses`: where a docked or generated ligand lies, against the reference pose and the protein."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolAlign
from rdkit.rdBase import BlockLogs
from scipy.spatial import cKDTree

from ..figures import Measure
from ..record import Record, molecule
from .posebusters import load_ligand, load_protein
from .protocol import Context, Protocol, flags, numbers, ones, share

if TYPE_CHECKING:
    import pandas as pd

CLASH = 0.75  # of the sum of van der Waals radii
FAILED = {"rmsd": None, "clashes": None, "no_clash": False, "within_2A": None}
WATER = {"HOH", "WAT", "DOD"}


def judge(record: Record, context: Context) -> dict:
    """Heavy-atom clashes with the protein and, with a reference pose of the same molecule, RMSD.

    `clashes`: heavy-atom pairs (ligand, protein without water) closer than 0.75 of the sum of their van der Waals
    radii (PoseBusters' and DrugFlow's threshold). `closest`: smallest distance in angstrom. `rmsd` in angstrom: heavy
    atoms, symmetry-corrected, no alignment (RDKit CalcRMS; equal to spyrmsd); None with the reason 'not_the_ligand'
    when the reference is another molecule.
    """
    mol, bonds = molecule(record)
    tree, radii = _protein(context.protein)
    table = Chem.GetPeriodicTable()
    heavy = record.z > 1
    own = np.array([table.GetRvdw(int(z)) for z in record.z[heavy]])
    row = {"bonds": bonds, "reason": "", "clashes": None, "closest": None, "no_clash": False}
    if heavy.any():
        near = tree.query_ball_point(record.pos[heavy], CLASH * 5.0)
        gaps = [
            (np.linalg.norm(tree.data[hits] - xyz, axis=1), CLASH * (radii[hits] + radius))
            for hits, xyz, radius in zip(near, record.pos[heavy], own, strict=True)
        ]
        row["clashes"] = int(sum((distance < limit).sum() for distance, limit in gaps))
        row["closest"] = float(tree.query(record.pos[heavy])[0].min())
        row["no_clash"] = row["clashes"] == 0
    return row | (_rmsd(mol, context.ligand) if context.ligand else {})


def _rmsd(mol: Chem.Mol, path: str) -> dict:
    missing = {"rmsd": None, "within_2A": None}
    crystal = load_ligand(path)
    with BlockLogs():
        try:
            work = Chem.RWMol(mol)
            Chem.SanitizeMol(work)
            value = rdMolAlign.CalcRMS(Chem.RemoveHs(work), Chem.Mol(crystal))
        except (ValueError, RuntimeError) as error:
            other = "match" in str(error) or "sub-structure" in str(error)
            return missing | {"reason": "not_the_ligand" if other else "not_sanitised"}
    return {"rmsd": float(value), "within_2A": bool(value <= 2.0)}


@lru_cache(maxsize=4)
def _protein(path: str) -> tuple[cKDTree, np.ndarray]:
    mol = load_protein(path)
    table = Chem.GetPeriodicTable()
    keep = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetAtomicNum() > 1 and atom.GetPDBResidueInfo().GetResidueName().strip() not in WATER
    ]
    radii = np.array([table.GetRvdw(mol.GetAtomWithIdx(i).GetAtomicNum()) for i in keep])
    return cKDTree(mol.GetConformer().GetPositions()[keep]), radii


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Clash-free share and, where a reference pose was given, RMSD."""
    out = [share("no_clash", "no heavy-atom pair under 0.75 of the vdW sum / attempts", table, prefix + "no_clash")]
    if prefix + "rmsd" in table and table[prefix + "rmsd"].notna().any():
        rmsd = numbers(table, prefix + "rmsd")
        known = np.isfinite(rmsd).astype(float)
        out += [
            Measure(
                "rmsd_below_2", "RMSD at most 2 A / attempts", "share", flags(table, prefix + "within_2A"), ones(table)
            ),
            Measure("rmsd_median", "median RMSD of poses of the reference molecule", "median", rmsd, known, unit="A"),
        ]
    return out


POSES = Protocol(judge, FAILED, measures, "PoseBusters' thresholds; RDKit CalcRMS", needs=("protein",))
