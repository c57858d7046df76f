"""`chemistry`: properties of what sanitises unrepaired."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from ..figures import Measure
from ..record import Record, molecule
from ..ring_systems import rare
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
    "rare_rings": ("ring systems that no drug-like molecule of the training set has", ""),
}
FAILED = dict.fromkeys(UNITS) | {"scaffold": ""}


@cache
def properties() -> dict[str, Callable[[Chem.Mol], float]]:
    """By the names of UNITS, each a function of a sanitised molecule whose hydrogens are implied."""
    # slow to import, and most runs ask for validity only
    from rdkit.Chem import QED, Crippen, Descriptors, Lipinski, rdMolDescriptors
    from rdkit.Contrib.SA_Score import sascorer

    def violations(mol: Chem.Mol) -> int:
        donors, acceptors = Lipinski.NumHDonors(mol), Lipinski.NumHAcceptors(mol)
        return (Descriptors.MolWt(mol) > 500) + (Crippen.MolLogP(mol) > 5) + (donors > 5) + (acceptors > 10)

    return {
        "qed": QED.qed,
        "sa": lambda mol: float(sascorer.calculateScore(mol)),
        "logp": Crippen.MolLogP,
        "weight": Descriptors.MolWt,
        "tpsa": rdMolDescriptors.CalcTPSA,
        "donors": Lipinski.NumHDonors,
        "acceptors": Lipinski.NumHAcceptors,
        "rotatable": rdMolDescriptors.CalcNumRotatableBonds,
        "rings": rdMolDescriptors.CalcNumRings,
        "aromatic_rings": rdMolDescriptors.CalcNumAromaticRings,
        "sp3": rdMolDescriptors.CalcFractionCSP3,
        "lipinski_violations": violations,
        "rare_rings": lambda mol: len(rare(mol)),
    }


def described(mol: Chem.Mol) -> tuple[Chem.Mol | None, str]:
    """The largest fragment, sanitised without repair, its hydrogens implied; None where that cannot be, and a reason.

    The reason is also there where fragments were left out.
    """
    work = Chem.RWMol(mol)
    reason = sanitise(work)
    smiles = "" if reason else plain_smiles(work)
    if not smiles:
        return None, reason or "sanitise"
    parts = smiles.split(".")
    bare = Chem.MolFromSmiles(max(parts, key=len))
    if bare is None:
        return None, "sanitise"
    return bare, "largest fragment only" if len(parts) > 1 else ""


def chemistry(mol: Chem.Mol) -> dict:
    """Properties of UNITS and the Bemis-Murcko `scaffold` of a molecule that sanitises without repair.

    A disconnected molecule is described by its largest fragment, and `reason` says so.
    """
    from rdkit.Chem.Scaffolds import MurckoScaffold

    bare, reason = described(mol)
    if bare is None:
        return FAILED | {"reason": reason}
    row = {name: value(bare) for name, value in properties().items()}
    row["scaffold"] = Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(bare))
    return row | {"reason": reason}


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
    rings = numbers(table, prefix + "rare_rings")
    none = (rings == 0).astype(float)  # NaN, what does not sanitise, is not
    meaning = "no ring system that is rare among drug-like molecules / attempts"
    out.append(Measure("usual_rings", meaning, "share", none, ones(table)))
    scaffolds = strings(table, prefix + "scaffold")
    has = (scaffolds != "").astype(float)
    out.append(Measure("scaffolds", "different Murcko scaffolds / attempts", "unique", has, ones(table), scaffolds))
    return out


CHEMISTRY = Protocol(judge, FAILED, measures, "RDKit and its Contrib SA_Score")
