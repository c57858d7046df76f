"""QM9 as torch_geometric's class QM9 names it: an archive with gdb9.sdf in it (Ramakrishnan et al., Sci. Data 1, 2014).

Only members that are SD files are read, and nothing is unpacked to disk. The uncharacterised molecules go, and so do
those whose distances show other bonds than the file: its bonds were perceived once, here they are a second time.
"""

from __future__ import annotations

import dataclasses
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from molediff.chem import mol_from_arrays
from molediff.chem.asked import graph_as_asked
from molediff.config import UserError
from molediff.data.readers import sdf
from molediff.data.readers.reader import Reader
from molediff.data.record import Record
from molediff.data.split import uncharacterised

URL = "https://deepchemdata.s3-us-west-1.amazonaws.com/datasets/molnet_publish/qm9.zip"
"""``torch_geometric.datasets.QM9.raw_url``; 133,885 molecules."""
TITLE = re.compile(r"gdb[_ ](\d+)")
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, zlib.error)


def count(path: Path) -> int:
    """Molecules of the archive.

    Raises:
        UserError: for a file that is no archive or was cut short, and for one without molecules in SD files.
    """
    number, blocks = 0, 0
    for text in _records(path):
        number += 1
        blocks += b"V2000" in text or b"V3000" in text
    if not blocks:
        raise UserError(f"The SD files in '{path}' hold no molecules. Give QM9's archive, {URL}")
    return number


def split(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """(number from 0, text) of each record from number ``start`` on."""
    return islice(enumerate(_records(path)), start, None)


def decode(raw: tuple[int, bytes]) -> Record:
    """One molecule by its QM9 index (from the title, else its place), its bonds held against its distances."""
    record = sdf.decode(raw)
    title = TITLE.match(record.name)
    index = int(title.group(1)) if title else raw[0] + 1
    problem, detail = record.problem, record.detail
    if index in _uncharacterised():
        problem, detail = "uncharacterised", ""
    elif not problem and record.pos is not None:
        problem, detail = second_look(record)
    return dataclasses.replace(record, index=index, problem=problem, detail=detail)


def second_look(record: Record) -> tuple[str, str]:
    """('', '') or the rule and words when the distances show another graph, see `molediff.chem.asked.TOUCHING`."""
    try:
        mol = mol_from_arrays(record.z, record.charge, record.bonds, record.pos)
    except (KeyError, ValueError, RuntimeError, OverflowError):
        return "", ""  # the rules say what is wrong with it
    if len(record.z) < 2 or graph_as_asked(mol):
        return "", ""
    return "bonds_differ", "atoms closer or farther than their bonds say"


@cache
def _uncharacterised() -> frozenset[int]:
    return frozenset(uncharacterised().tolist())


def _records(path: Path) -> Iterator[bytes]:
    """Records of all SD files of an archive, its members in the order of their names."""
    try:
        if zipfile.is_zipfile(path):
            yield from _of_zip(path)
        elif tarfile.is_tarfile(path):
            yield from _of_tar(path)
        else:
            size = path.stat().st_size
            raise UserError(
                f"'{path}' ({size:,} bytes) is no zip or tar archive, or was cut short. Get it again: {URL}"
            )
    except DAMAGED as error:
        raise UserError(f"'{path}' is damaged or was cut short ({error}). Get it again: {URL}") from None


def _of_zip(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for name in _sd_files(archive.namelist(), path):
            with archive.open(name) as member:
                yield from sdf.records_of(member)


def _of_tar(path: Path) -> Iterator[bytes]:
    with tarfile.open(path) as archive:
        # links and devices are no files
        members = {member.name: member for member in archive.getmembers() if member.isfile()}
        for name in _sd_files(members, path):
            with archive.extractfile(members[name]) as member:
                yield from sdf.records_of(member)


def _sd_files(names, path: Path) -> list[str]:
    found = sorted(n for n in names if n.lower().endswith(".sdf") and not n.startswith("__MACOSX"))
    if not found:
        there = ", ".join(list(names)[:5]) or "nothing"
        raise UserError(f"'{path}' has no SD file in it (but: {there}). Give QM9's archive, {URL}")
    return found


QM9 = Reader(count, split, decode)
