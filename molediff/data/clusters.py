"""Clusters of similar receptors, from an index: a CSV file with the columns set, id and cluster."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from molediff.config import UserError, nearest

COLUMNS = ("set", "id", "cluster")
Index = dict[tuple[str, str], int]
"""(set, id) -> cluster."""


def read_index(path: Path | str) -> Index:
    """The clusters of an index. Labels that are no whole numbers are numbered in the order in which they appear.

    Raises:
        UserError: for a file that is missing, lacks a column, has no rows, or gives a complex two clusters.
    """
    path = Path(path)
    labels: dict[tuple[str, str], str] = {}
    for line, row in _rows(path, COLUMNS, "--index"):
        key, label = (row["set"], row["id"]), row["cluster"].strip()
        if not label:
            raise UserError(f"'{path}' line {line}: '{'/'.join(key)}' has no cluster. Every row needs one.")
        if labels.setdefault(key, label) != label:
            raise UserError(f"'{path}' line {line}: '{'/'.join(key)}' has the clusters {labels[key]} and {label}.")
    if not labels:
        raise UserError(f"'{path}' has no rows. Give an index with the columns {', '.join(COLUMNS)}.")
    if all(label.isdecimal() and int(label) < 2**31 for label in labels.values()):
        return {key: int(label) for key, label in labels.items()}
    numbers = {label: k for k, label in enumerate(dict.fromkeys(labels.values()))}
    return {key: numbers[label] for key, label in labels.items()}


def clusters_of(given: str, index: Index) -> frozenset[int]:
    """Clusters that occur in a set of the index, or among the complexes that a file lists.

    Args:
        given: name of a set, or a CSV file with the columns set and id.
        index: all clusters.

    Raises:
        UserError: for an unknown set, and a complex that is not in the index.
    """
    sets = sorted({name for name, _ in index})
    if given in sets:
        return frozenset(cluster for (name, _), cluster in index.items() if name == given)
    path = Path(given)
    if not path.is_file():
        raise UserError(
            f"--leave-out-clusters-of '{given}' is no set of the index and no file. Sets: {', '.join(sets)}; a file is "
            f"a CSV with the columns set and id.{nearest(given, sets)}"
        )
    found = set()
    for line, row in _rows(path, COLUMNS[:2], "--leave-out-clusters-of"):
        key = (row["set"], row["id"])
        if key not in index:
            raise UserError(f"'{path}' line {line}: '{'/'.join(key)}' is not in the index, so its cluster is unknown.")
        found.add(index[key])
    return frozenset(found)


def _rows(path: Path, columns: tuple[str, ...], what: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) of a CSV file that has these columns."""
    if not path.is_file():
        raise UserError(f"No file '{path}', given as {what}. It is a CSV with the columns {', '.join(columns)}.")
    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        try:
            there = reader.fieldnames or []
            missing = [name for name in columns if name not in there]
            if missing:
                raise UserError(
                    f"'{path}' has no column '{missing[0]}' (its first line: {', '.join(there)[:100] or 'empty'}). "
                    f"{what} is a CSV with the columns {', '.join(columns)}."
                )
            for row in reader:
                yield reader.line_num, {name: row[name] or "" for name in columns}
        except csv.Error as error:
            raise UserError(f"'{path}' is no CSV file ({error}).") from None
