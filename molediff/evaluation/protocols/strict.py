"""`strict`: molecules with all their hydrogens, nothing repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..figures import Measure
from ..identity import inchikey
from ..record import Record, molecule
from ..strict import strict
from .protocol import Context, Protocol, flags, identity, share

if TYPE_CHECKING:
    import pandas as pd

FAILED = {"connected": False, "valid": False, "smiles": ""}


def judge(record: Record, context: Context) -> dict:
    """See `evaluation.strict.strict`."""
    mol, bonds = molecule(record)
    row = strict(mol)
    out = {
        "connected": row["connected"],
        "valid": row["strictly_valid"],
        "smiles": row["smiles"],
        "reason": row["reason"],
        "bonds": bonds,
    }
    return out | {"inchikey": inchikey(row["smiles"])} if context.keys else out


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Strict validity, uniqueness and novelty among the strictly valid."""
    return [
        share(
            "strict_validity",
            "one fragment, sanitised unrepaired, no H added, no radical, charges as generated / attempts",
            table,
            prefix + "valid",
        ),
        share("connected", "one fragment / attempts", table, prefix + "connected"),
        *identity(table, flags(table, prefix + "valid"), prefix),
    ]


STRICT = Protocol(
    judge, FAILED, measures, "after analyze_strict of github.com/tuanle618/eqgat-diff", hydrogens="generated"
)
