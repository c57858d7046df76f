"""`geometry`: the arrays of each molecule, from which the distributions of the set are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..figures import Measure
from ..flat import piece
from ..record import Record, molecule
from .protocol import Context, Protocol

if TYPE_CHECKING:
    import pandas as pd


def judge(record: Record, context: Context) -> dict:
    """`piece`: a `flat.Piece`, or None. Runs for every record, in the worker, and never becomes a column."""
    return {"piece": piece(molecule(record)[0])}


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """None of its own: see `distributions.distances`."""
    return []


GEOMETRY = Protocol(judge, {"piece": None}, measures, "MiDi's statistics")
