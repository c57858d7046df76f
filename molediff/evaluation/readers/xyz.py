"""XYZ with any number of frames: element symbols or atomic numbers, angstrom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rdkit import Chem

from ..record import Record, from_arrays


def read_xyz(path: Path, max_atoms: int = 1000) -> Iterator[Record]:
    """Frames of an XYZ file: a count, a title, then one line `element x y z [...]` an atom.

    A frame whose lines do not parse is a row `unreadable_record`. After one, reading goes on at the announced end of
    the frame if an integer or nothing follows there, else at the next line that holds a single integer.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    at = index = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        count = _count(lines[at])
        if count is None:
            yield Record(index, "", path.name, problem="unreadable_record")
            at = _next_count(lines, at + 1)
        else:
            yield _frame(lines, at, count, index, path.name, max_atoms)
            at = _after(lines, at, count)
        index += 1


def _frame(lines: list[str], at: int, count: int, index: int, source: str, max_atoms: int) -> Record:
    name = lines[at + 1].strip() if at + 1 < len(lines) else ""
    if count > max_atoms:
        return Record(index, name, source, problem="too_many_atoms")
    body = lines[at + 2 : at + 2 + count]
    if len(body) < count:
        return Record(index, name, source, problem="truncated_record")
    z, pos = [], []
    for line in body:
        words = line.split()
        number = _element(words[0]) if words else -1
        try:
            pos.append([float(word) for word in words[1:4]])
        except ValueError:
            number = -1
        if number < 0 or len(pos[-1]) != 3:
            return Record(index, name, source, problem="unreadable_record")
        z.append(number)
    return from_arrays(z, pos, index, name, source, max_atoms)


def _element(word: str) -> int:
    """Atomic number of a symbol or number; 0 for an element that does not exist, -1 for what is no word for one."""
    if word.isdecimal() and len(word) < 4:
        return int(word)
    if not word.isalpha() or not word.isascii() or len(word) > 2:
        return -1
    return SYMBOLS.get(word.capitalize(), 0)


SYMBOLS = {Chem.GetPeriodicTable().GetElementSymbol(z): z for z in range(1, 119)} | {"D": 1, "T": 1}


def _count(line: str) -> int | None:
    word = line.strip()
    return int(word) if word.isdecimal() and word.isascii() and len(word) < 10 else None


def _after(lines: list[str], at: int, count: int) -> int:
    end = at + 2 + count
    while end < len(lines) and not lines[end].strip():
        end += 1
    if end >= len(lines) or _count(lines[end]) is not None:
        return end
    return _next_count(lines, at + 1)


def _next_count(lines: list[str], at: int) -> int:
    while at < len(lines) and (_count(lines[at]) is None):
        at += 1
    return at
