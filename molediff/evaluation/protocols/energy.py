"""`energy`: MMFF94 strain of the generated geometry; GFN2-xTB in `xtb`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers, rdMolAlign
from rdkit.rdBase import BlockLogs

from ..figures import Measure
from ..record import Record, molecule
from ..strict import sanitise
from ..topology import ends, same_topology
from .protocol import Context, Protocol, numbers, share

if TYPE_CHECKING:
    import pandas as pd

STEPS = 5000
FAILED = {"converged": False, "strain": None, "rmsd": None, "same_topology": False}


def mmff(mol: Chem.Mol) -> dict:
    """MMFF94 strain and relaxation RMSD.

    `strain` = E(as generated) - E(relaxed to the nearest minimum), kcal/mol. Hydrogens that the record lacks are added
    and relaxed first, with the generated atoms fixed. `rmsd`: heavy atoms, angstrom, after the best superposition of
    atom to same atom. Only converged relaxations (RDKit's default force tolerance, 5000 steps) have figures.

    `same_topology`: whether the relaxed geometry, read by distances alone, has the molecule's bonds and no others
    (`topology.same_topology`). MMFF94 cannot break a bond, so False means atoms that stay stretched or entangled.

    Known fault: strain to the nearest minimum is not strain to the best conformer; never mix the two.

    Returns:
        `converged`, `strain`, `rmsd`, `same_topology`, `reason` ('' or disconnected, a reason of `strict`,
        no_mmff_parameters, not_converged, nonfinite_energy).
    """
    work = Chem.RWMol(mol)
    reason = sanitise(work)
    if not reason and len(Chem.GetMolFrags(work)) > 1:
        reason = "disconnected"
    if reason:
        return FAILED | {"reason": reason}
    whole = Chem.AddHs(work, addCoords=True)
    added = range(work.GetNumAtoms(), whole.GetNumAtoms())
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(whole)
    if properties is None:
        return FAILED | {"reason": "no_mmff_parameters"}
    if len(added):
        fixed = rdForceFieldHelpers.MMFFGetMoleculeForceField(whole, properties)
        for i in range(work.GetNumAtoms()):
            fixed.AddFixedPoint(i)
        fixed.Initialize()
        fixed.Minimize(maxIts=STEPS)
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(whole, properties)
    if field is None:
        return FAILED | {"reason": "no_mmff_parameters"}
    field.Initialize()
    before, start = field.CalcEnergy(), Chem.Mol(whole)
    if not np.isfinite(before):
        return FAILED | {"reason": "nonfinite_energy"}
    if field.Minimize(maxIts=STEPS):
        return FAILED | {"reason": "not_converged"}
    heavy = [(a.GetIdx(), a.GetIdx()) for a in whole.GetAtoms() if a.GetAtomicNum() > 1]
    rmsd = rdMolAlign.AlignMol(whole, start, atomMap=heavy) if len(heavy) > 1 else 0.0
    z = np.array([atom.GetAtomicNum() for atom in whole.GetAtoms()])
    same = same_topology(z, whole.GetConformer().GetPositions(), ends(whole))
    strain = before - field.CalcEnergy()
    return {"converged": True, "strain": strain, "rmsd": rmsd, "same_topology": same, "reason": ""}


def judge(record: Record, context: Context) -> dict:
    """See `mmff`."""
    mol, bonds = molecule(record)
    with BlockLogs():
        return mmff(mol) | {"bonds": bonds}


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Medians and means over converged relaxations, and the share that converged."""
    converged = (table[prefix + "converged"] == True).to_numpy().astype(float)  # noqa: E712
    strain, rmsd = numbers(table, prefix + "strain"), numbers(table, prefix + "rmsd")
    return [
        share("converged", "relaxation converged / attempts", table, prefix + "converged"),
        share(
            "same_topology",
            "relaxed geometry has the generated bonds, by distances, and no others / attempts",
            table,
            prefix + "same_topology",
        ),
        Measure("strain_median", "median strain, converged only", "median", strain, converged, unit="kcal/mol"),
        Measure("strain_mean", "mean strain, converged only", "mean", strain, converged, unit="kcal/mol"),
        Measure(
            "rmsd_median", "median relaxation RMSD of heavy atoms, converged only", "median", rmsd, converged, unit="A"
        ),
    ]


ENERGY = Protocol(judge, FAILED, measures, "MMFF94 as in RDKit (Tosco et al. 2014)")
