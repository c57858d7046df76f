"""`strict-heavy`: molecules whose hydrogens are implied; never in one column with `strict`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from ..figures import Measure
from ..identity import inchikey
from ..record import Record, molecule
from ..strict import impossible_charge, plain_smiles, sanitise
from .protocol import Context, Protocol, flags, identity, share

if TYPE_CHECKING:
    import pandas as pd

FAILED = {"connected": False, "valid": False, "smiles": ""}


def strict_heavy(mol: Chem.Mol) -> dict:
    """Judge a molecule of heavy atoms whose hydrogens RDKit implies.

    Valid = one fragment; finite coordinates; sanitises without repair, so with charges as generated and no valence
    exceeded; no declared radical; the SMILES is unchanged by adding and removing hydrogens.

    Known fault: a missing atom or bond is always "filled" by hydrogens, so the figure is an upper bound of what
    `strict` would say, and the two must not be compared.

    Returns:
        `connected`, `valid` (bool), `smiles`, `reason` ('' or nonfinite_coordinates, impossible_charge, valence,
        kekulize, sanitise, disconnected, radical, smiles_changed).
    """
    row = {"connected": len(Chem.GetMolFrags(mol)) == 1, "valid": False, "smiles": ""}
    if mol.GetNumConformers() == 0 or not np.isfinite(mol.GetConformer().GetPositions()).all():
        return row | {"reason": "nonfinite_coordinates"}
    if any(impossible_charge(a.GetAtomicNum(), a.GetFormalCharge()) for a in mol.GetAtoms() if a.GetFormalCharge()):
        return row | {"reason": "impossible_charge"}
    radical = any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    work = Chem.RWMol(mol)
    for atom in work.GetAtoms():
        atom.SetNoImplicit(False)
    reason = sanitise(work)
    if reason:
        return row | {"reason": reason}
    row["smiles"] = plain_smiles(work)
    if not row["connected"]:
        reason = "disconnected"
    elif radical:
        reason = "radical"
    elif _with_hydrogens(work) != row["smiles"]:
        reason = "smiles_changed"
    return row | {"valid": not reason, "reason": reason}


def _with_hydrogens(mol: Chem.Mol) -> str:
    with BlockLogs():
        try:
            return plain_smiles(Chem.AddHs(mol))
        except (ValueError, RuntimeError):
            return ""


def judge(record: Record, context: Context) -> dict:
    """See `strict_heavy`. Bonds looked up from distances are unreliable without hydrogens; the row says so."""
    mol, bonds = molecule(record)
    row = strict_heavy(mol) | {"bonds": bonds}
    return row | {"inchikey": inchikey(row["smiles"])} if context.keys else row


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Validity of heavy-atom molecules, hydrogens implied."""
    return [
        share(
            "strict_heavy_validity",
            "hydrogens implied: one fragment, sanitised unrepaired, SMILES unchanged by AddHs / attempts",
            table,
            prefix + "valid",
        ),
        share("connected", "one fragment / attempts", table, prefix + "connected"),
        *identity(table, flags(table, prefix + "valid"), prefix),
    ]


STRICT_HEAVY = Protocol(judge, FAILED, measures, "molediff (heavy atoms only)", hydrogens="implied")
