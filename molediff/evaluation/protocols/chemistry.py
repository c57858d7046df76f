"""`chemistry`: properties of what sanitises unrepaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from ..figures import Measure
from ..record import Record, molecule
from ..strict import plain_smiles, sanitise
from .protocol import Context, Protocol, numbers, ones, strings

if TYPE_CHECKING:
    import pandas as pd

UNITS = {
    "qed": ("QED, 0 to 1 (Bickerton et al. 2012)", ""),
    "sa": ("synthetic accessibility, 1 easy to 10 (Ertl and Schuffenhauer 2009)", ""),
    "logp": ("Crippen logP", ""),
    "weight": ("molecular weight", "Da"),
    "tpsa": ("topological polar surface area", "A^2"),
    "donors": ("hydrogen-bond donors (Lipinski)", ""),
    "acceptors": ("hydrogen-bond acceptors (Lipinski)", ""),
    "rotatable": ("rotatable bonds, strict", ""),
    "rings": ("rings (SSSR)", ""),
    "aromatic_rings": ("aromatic rings", ""),
    "sp3": ("share of sp3 carbons, 0 to 1", ""),
    "lipinski_violations": ("violations of the rule of five, 0 to 4", ""),
}
FAILED = dict.fromkeys(UNITS) | {"scaffold": ""}


def chemistry(mol: Chem.Mol) -> dict:
    """Properties of UNITS and the Bemis-Murcko `scaffold` of a molecule that sanitises without repair.

    A disconnected molecule is described by its largest fragment, and `reason` says so.
    """
    # slow to import, and most runs ask for validity only
    from rdkit.Chem import QED, Crippen, Descriptors, Lipinski, rdMolDescriptors
    from rdkit.Chem.Scaffolds import MurckoScaffold
    from rdkit.Contrib.SA_Score import sascorer

    work = Chem.RWMol(mol)
    reason = sanitise(work)
    smiles = "" if reason else plain_smiles(work)
    if not smiles:
        return FAILED | {"reason": reason or "sanitise"}
    parts = smiles.split(".")
    bare = Chem.MolFromSmiles(max(parts, key=len))
    if bare is None:
        return FAILED | {"reason": "sanitise"}
    row = {
        "qed": QED.qed(bare),
        "sa": float(sascorer.calculateScore(bare)),
        "logp": Crippen.MolLogP(bare),
        "weight": Descriptors.MolWt(bare),
        "tpsa": rdMolDescriptors.CalcTPSA(bare),
        "donors": Lipinski.NumHDonors(bare),
        "acceptors": Lipinski.NumHAcceptors(bare),
        "rotatable": rdMolDescriptors.CalcNumRotatableBonds(bare),
        "rings": rdMolDescriptors.CalcNumRings(bare),
        "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings(bare),
        "sp3": rdMolDescriptors.CalcFractionCSP3(bare),
    }
    broken = (row["weight"] > 500, row["logp"] > 5, row["donors"] > 5, row["acceptors"] > 10)
    row["lipinski_violations"] = int(sum(broken))
    row["scaffold"] = Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(bare))
    return row | {"reason": "largest fragment only" if len(parts) > 1 else ""}


def judge(record: Record, context: Context) -> dict:
    """See `chemistry`."""
    mol, bonds = molecule(record)
    with BlockLogs():
        return chemistry(mol) | {"bonds": bonds}


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Means over the molecules that sanitise; n says how many."""
    out = []
    for name, (meaning, unit) in UNITS.items():
        values = numbers(table, prefix + name)
        known = np.isfinite(values).astype(float)
        out.append(Measure(name, f"mean {meaning}, over molecules that sanitise", "mean", values, known, unit=unit))
    scaffolds = strings(table, prefix + "scaffold")
    has = (scaffolds != "").astype(float)
    out.append(Measure("scaffolds", "different Murcko scaffolds / attempts", "unique", has, ones(table), scaffolds))
    return out


CHEMISTRY = Protocol(judge, FAILED, measures, "RDKit and its Contrib SA_Score")
