"""Lists of SMILES (.smi, .csv; also .gz and .xz): a conformer by ETKDG and MMFF94 for each line.

The seed of a molecule is its number in the list, so that neither the number of workers nor an interruption changes
its coordinates.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from molediff.chem import arrays_from_mol
from molediff.chem.embed import EmbedError, embed, read_smiles
from molediff.config import UserError
from molediff.data.readers.reader import Reader
from molediff.data.readers.text import lines
from molediff.data.record import Record, words

Row = tuple[int, int, str]
"""Number of the molecule from 0, its line from 1, its SMILES."""
Rows = Callable[[Path], Iterator[Row]]
SEED = 20_240_229
"""Seed of molecule 0; the next have the numbers after it."""


def list_rows(path: Path) -> Iterator[Row]:
    """One SMILES a line, whatever follows a blank is a title; blank lines, # comments and a header are no molecules."""
    number = 0
    for place, text in enumerate(lines(path), 1):
        words = text.split(maxsplit=1)
        if not words or words[0].startswith("#") or (place == 1 and words[0].lower().rstrip(",") == "smiles"):
            continue
        yield number, place, words[0]
        number += 1


def table_rows(path: Path) -> Iterator[Row]:
    """The column ``smiles`` of a table with a header.

    Raises:
        UserError: without such a column.
    """
    text = lines(path)
    header = next(text, "")
    separator = max(",;\t", key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    column = smiles_column(names, path)
    reader, number = csv.reader(text, delimiter=separator), 0
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            yield number, reader.line_num + 1, row[column].strip() if column < len(row) else ""
            number += 1
    except csv.Error as error:
        raise UserError(f"'{path}', line {reader.line_num + 1}: {error}. A table with commas is needed.") from None


def smiles_column(names: list[str], path: Path) -> int:
    """Which column holds the SMILES: the one of that name in any case, or the only one with it in its name.

    Raises:
        UserError: for none, or several.
    """
    exact = [k for k, name in enumerate(names) if name.lower() == "smiles"]
    found = exact or [k for k, name in enumerate(names) if "smiles" in name.lower()]
    if len(found) == 1:
        return found[0]
    there = ", ".join(f"'{name}'" for name in names) or "none"
    many = "no column" if not found else f"{len(found)} columns"
    raise UserError(
        f"'{path}' has {many} named 'smiles'; its first line names: {there}. Give one column the name 'smiles'."
    )


def decode(raw: Row) -> Record:
    """Embed one SMILES. Without a minimum of MMFF94 the record has coordinates beside its problem."""
    number, line, text = raw
    try:
        mol, problem = embed(read_smiles(text), (SEED + number) % 2**31)
        z, charge, bonds, pos = arrays_from_mol(mol)
    except EmbedError as why:
        return Record(number, text, problem=why.rule, detail=why.detail, line=line)
    except UserError as error:
        return Record(number, text, problem="bond_type", detail=str(error), line=line)
    except (ValueError, RuntimeError) as error:
        return Record(number, text, problem="not_embedded", detail=words(error), line=line)
    radicals = any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    return Record(number, text, z, charge, bonds, pos, radicals, problem, "MMFF94" if problem else "", line)


def count(rows: Rows, path: Path) -> int:
    """Molecules of a file.

    Raises:
        UserError: when there are none.
    """
    number = sum(1 for _ in rows(path))
    if not number:
        raise UserError(f"'{path}' holds no molecules. A SMILES a line is needed, or a column named 'smiles'.")
    return number


def split(rows: Rows, path: Path, start: int) -> Iterator[Row]:
    """Rows from number ``start`` on."""
    return islice(rows(path), start, None)


def _reader(rows: Rows) -> Reader:
    return Reader(partial(count, rows), partial(split, rows), decode, slow=True)


LIST, TABLE = _reader(list_rows), _reader(table_rows)
