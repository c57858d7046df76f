"""`edm` and `edm-geom`: bonds from distances, whatever bonds the record has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..edm import edm
from ..figures import Measure
from ..identity import inchikey
from ..record import Record
from .protocol import Context, Protocol, flags, identity, numbers, ones, share

if TYPE_CHECKING:
    import pandas as pd

FAILED = {"stable_atoms": 0, "stable": False, "valid": False, "connected": False, "smiles": ""}


def _judge(record: Record, context: Context, single_only: bool) -> dict:
    row = edm(record.z, record.pos, single_only)
    row.pop("n_atoms")
    row["bonds"] = "edm look-up"
    return row | {"inchikey": inchikey(row["smiles"])} if context.keys else row


def judge_qm9(record: Record, context: Context) -> dict:
    """See `evaluation.edm.edm`."""
    return _judge(record, context, single_only=False)


def judge_geom(record: Record, context: Context) -> dict:
    """The same with all bonds single for validity."""
    return _judge(record, context, single_only=True)


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """EDM's figures; atoms of unreadable records are unknown and are not in the atom denominator."""
    valid = flags(table, prefix + "valid")
    atoms = numbers(table, "n_atoms")
    return [
        Measure("atom_stability", "stable atoms / atoms", "share", numbers(table, prefix + "stable_atoms"), atoms),
        share("molecule_stability", "molecules of stable atoms only / attempts", table, prefix + "stable"),
        share("validity", "sanitised by RDKit, fragments and added H allowed / attempts", table, prefix + "valid"),
        Measure(
            "valid_connected",
            "valid and one fragment / attempts",
            "share",
            valid * flags(table, prefix + "connected"),
            ones(table),
        ),
        *identity(table, valid, prefix),
    ]


_SOURCE = "Hoogeboom et al. 2022, github.com/ehoogeboom/e3_diffusion_for_molecules"
EDM = Protocol(judge_qm9, FAILED, measures, _SOURCE + " (QM9)")
EDM_GEOM = Protocol(judge_geom, FAILED, measures, _SOURCE + " (GEOM-Drugs: bonds single for validity)")
