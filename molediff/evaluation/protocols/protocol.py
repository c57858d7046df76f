"""What a protocol is: a judge of one record, a row for what could not be judged, and the measures of a set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..figures import Measure
from ..record import Record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Context:
    """What every judge of a run may need besides the record.

    Attributes:
        protein: path of a PDB file, or ''.
        ligand: path of an SDF with the reference pose, or ''.
        keys: compute InChIKeys (novelty is wanted).
    """

    protein: str = ""
    ligand: str = ""
    keys: bool = False


@dataclass(frozen=True)
class Protocol:
    """One published way to judge.

    Attributes:
        judge: (record, context) -> flat dict of one row; a pure function.
        failed: the row of a record that was not judged (unreadable, timed out, crashed).
        measures: (table, prefix) -> measures; the table's columns are prefix + key of the row.
        source: one line, paper or repository.
        hydrogens: 'generated', 'implied' or 'either': which records it may judge.
        needs: attributes of `Context` it cannot do without.
    """

    judge: Callable[[Record, Context], dict]
    failed: dict
    measures: Callable[[pd.DataFrame, str], list[Measure]]
    source: str
    hydrogens: str = "either"
    needs: tuple[str, ...] = ()


def ones(table: pd.DataFrame) -> np.ndarray:
    """(N,) ones: every attempt counts in the denominator."""
    return np.ones(len(table))


def flags(table: pd.DataFrame, column: str) -> np.ndarray:
    """(N,) 0 or 1 from a column of bools; what is missing is 0."""
    return (table[column] == True).to_numpy().astype(float)  # noqa: E712  (None and NaN are not True)


def numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """(N,) floats from a column; what is missing is NaN."""
    return np.array(table[column].tolist(), dtype=float)


def strings(table: pd.DataFrame, column: str) -> np.ndarray:
    """(N,) str from a column; what is missing is ''."""
    return table[column].fillna("").to_numpy(dtype=object)


def share(key: str, definition: str, table: pd.DataFrame, column: str) -> Measure:
    """Percentage of attempts for which a column is True."""
    return Measure(key, definition, "share", flags(table, column), ones(table))


def identity(table: pd.DataFrame, valid: np.ndarray, prefix: str, over_all: bool = False) -> list[Measure]:
    """Uniqueness, V x U and, where `prefix + in_training` exists, novelty of the valid rows by SMILES.

    Args:
        table: of the run.
        valid: (N,) 0 or 1.
        prefix: of the columns `smiles` and `in_training`.
        over_all: uniqueness and novelty over attempts (JODO) instead of over valid.
    """
    keys, every = strings(table, prefix + "smiles"), ones(table)
    over = every if over_all else valid
    word = "attempts" if over_all else "valid"
    out = [
        Measure("uniqueness", f"different SMILES / {word}; depends on n", "unique", valid, over, keys),
        Measure("valid_unique", "different valid SMILES / attempts (V x U)", "unique", valid, every, keys),
    ]
    if prefix + "in_training" in table:
        novel = valid * (1 - flags(table, prefix + "in_training"))
        distinct = np.zeros(len(table))
        distinct[list({key: i for i, key in reversed(list(enumerate(keys))) if valid[i]}.values())] = 1
        out += [
            Measure(
                "novelty_per_unique",
                "unique not in training (InChIKey) / unique valid",
                "share",
                novel * distinct,
                distinct,
            ),
            Measure("novelty", f"not in training (InChIKey) / {word}", "share", novel, over),
            Measure(
                "valid_unique_novel", "different valid SMILES not in training / attempts", "unique", novel, every, keys
            ),
            Measure("training_copies", "valid and in training / attempts", "share", valid - novel, every),
        ]
    return out
