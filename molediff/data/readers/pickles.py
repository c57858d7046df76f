"""GEOM-Drugs as it is published: pickles of RDKit molecules, read without running what a pickle asks for.

Two layouts: a folder of files, one a molecule, each a dict with ``conformers`` (GEOM's ``rdkit_folder/drugs``: Axelrod
and Gomez-Bombarelli, Sci. Data 9, 185, 2022), and one file with a list of (SMILES, conformers) (MiDi's split: Vignac et
al., 2023). Of each molecule one conformer is taken: that of the lowest energy, or the first where none is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.chem import arrays_from_mol
from molediff.config import UserError
from molediff.data.readers.plain_pickle import PickledMol, load_plain
from molediff.data.readers.reader import Reader
from molediff.data.record import Record, words

ENDS = (".pickle", ".pkl")
HELD_OUT = 1_000_000
"""Number of the first molecule of a file whose name begins with 'test', see `molediff.data.split.geom_train`."""

Raw = tuple[int, str, bytes | None, str]
"""Number, SMILES, RDKit's binary of one conformer, problem."""


def count(path: Path) -> int:
    """Molecules of a folder (a file each), or of a file.

    Raises:
        UserError: for none, and for a file that is damaged, refused or holds something else.
    """
    number = len(_files(path)) if path.is_dir() else sum(1 for _ in _rows(path))
    if not number:
        raise UserError(f"'{path}' holds no molecules. Pickles of RDKit molecules are needed, as GEOM publishes them.")
    return number


def split(path: Path, start: int) -> Iterator[Raw]:
    """Molecules from number ``start`` on."""
    return islice(_rows(path), start, None) if path.is_file() else _from_folder(path, start)


def decode(raw: Raw) -> Record:
    """RDKit's binary to arrays."""
    number, name, content, problem = raw
    if problem or content is None:
        return Record(number, name, problem="unreadable", detail=problem or "no conformer")
    with BlockLogs():
        try:
            mol = Chem.Mol(content)
            radicals = any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
            return Record(number, name, *arrays_from_mol(mol), radicals)
        except UserError as error:
            return Record(number, name, problem="bond_type", detail=str(error))
        except (ValueError, RuntimeError) as error:
            return Record(number, name, problem="unreadable", detail=words(error))


def _files(folder: Path) -> list[Path]:
    """Pickles of a folder; of GEOM's whole ``rdkit_folder`` those in ``drugs``."""
    inner = folder / "drugs"
    return sorted(p for p in (inner if inner.is_dir() else folder).iterdir() if p.name.endswith(ENDS))


def _from_folder(folder: Path, start: int) -> Iterator[Raw]:
    for number, path in enumerate(_files(folder)[start:], start):
        try:
            held = load_plain(path)
        except EOFError as error:
            # one broken file of 300,000 is one molecule lost; one that asks to run code ends the run
            yield number, path.name, None, str(error)
            continue
        name, conformers = _dict(held) if isinstance(held, dict) else (path.name, [])
        yield number, name, _lowest(conformers), "" if conformers else "no conformers in the file"


def _rows(path: Path) -> Iterator[Raw]:
    try:
        held = load_plain(path)
    except EOFError as error:
        raise UserError(f"'{path}' is damaged or was cut short ({error}). Copy it again.") from None
    if isinstance(held, dict):
        held = [_dict(held)]
    first = HELD_OUT if path.name.lower().startswith("test") else 0
    if not isinstance(held, list):
        raise UserError(f"'{path}' holds a {type(held).__name__}; a dict or a list of molecules is needed, as in GEOM.")
    for number, item in enumerate(held, first):
        if isinstance(item, tuple | list) and len(item) == 2 and isinstance(item[1], list | tuple):
            yield number, str(item[0]), _lowest(item[1]), ""
        else:
            yield number, "", None, f"a {type(item).__name__} where (SMILES, conformers) is needed"


def _dict(held: dict) -> tuple[str, Any]:
    conformers = held.get("conformers")
    return str(held.get("smiles", "")), conformers if isinstance(conformers, list | tuple) else []


def _lowest(conformers: Any) -> bytes | None:
    """The binary of the conformer of the lowest energy."""
    found = []
    for place, item in enumerate(conformers):
        mol, energy = item, 0.0
        if isinstance(item, dict):
            mol, energy = item.get("rd_mol"), item.get("totalenergy", 0.0)
        if isinstance(mol, PickledMol):
            found.append((energy if isinstance(energy, float | int) else 0.0, place, mol.content))
    return min(found)[2] if found else None


PICKLES = Reader(count, split, decode)
