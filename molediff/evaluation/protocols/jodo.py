"""`jodo`: validity, completeness, and uniqueness and novelty over all attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdkit import Chem

from ..figures import Measure
from ..identity import inchikey
from ..record import Record, molecule
from .midi import largest_smiles
from .protocol import Context, Protocol, flags, identity, share

if TYPE_CHECKING:
    import pandas as pd

FAILED = {"valid": False, "complete": False, "smiles": ""}


def judge(record: Record, context: Context) -> dict:
    """JODO's columns (Huang et al. 2023, github.com/GRAPH-0/JODO) from the given bonds, or EDM's look-up.

    `valid`: RDKit sanitises (with its repairs); `complete`: valid and one fragment. Known faults: JODO adds 1.5 to an
    integer, which truncates; bonds here are kekulised by RDKit instead, so its stability columns are those of `midi`.
    """
    mol, bonds = molecule(record)
    smiles = largest_smiles(mol)
    complete = bool(smiles) and len(Chem.GetMolFrags(mol)) == 1
    reason = "" if complete else ("disconnected" if smiles else "not_sanitised")
    row = {"valid": bool(smiles), "complete": complete, "smiles": smiles, "reason": reason, "bonds": bonds}
    return row | {"inchikey": inchikey(smiles)} if context.keys else row


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """All denominators are attempts, also of uniqueness and novelty, so U <= V always."""
    return [
        share("validity", "sanitised by RDKit / attempts", table, prefix + "valid"),
        share("complete", "valid and one fragment / attempts", table, prefix + "complete"),
        *identity(table, flags(table, prefix + "valid"), prefix, over_all=True),
    ]


JODO = Protocol(judge, FAILED, measures, "Huang et al. 2023, github.com/GRAPH-0/JODO")
