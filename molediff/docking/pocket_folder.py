"""The folder of a prepared pocket: receptor.pdb, receptor.pdbqt, pocket.pdb and pocket.json, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rdkit import Chem

from molediff.config import UserError
from molediff.docking.ligand_bonds import UNKNOWN
from molediff.docking.pdbqt import pdbqt_text
from molediff.docking.pocket import near_residues
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_files import pdb_text, read_receptor
from molediff.docking.site import Site
from molediff.whole_files import write_whole

REFERENCE = "reference.sdf"
VERSION = 1
"""Of the layout of pocket.json."""


def write_pocket(
    folder: str | Path,
    receptor: Receptor,
    site: Site,
    reference: Chem.Mol | None = None,
    radius: float = 8.0,
    record: Mapping | None = None,
) -> Path:
    """Write a pocket; pocket.json comes last, so that a folder with it is whole.

    Args:
        folder: made when it is not there.
        receptor, site: of the pocket.
        reference: the ligand in the protein's frame, kept as reference.sdf.
        radius: of pocket.pdb round the reference, or round the site's centre, angstrom.
        record: what else to keep, as versions and the command.

    Returns:
        The folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    near = near_residues(receptor, site if reference is None else reference, radius)
    texts = {"receptor.pdb": pdb_text(receptor), "receptor.pdbqt": pdbqt_text(receptor)}
    texts["pocket.pdb"] = pdb_text(receptor, near)
    if reference is not None:
        texts[REFERENCE] = f"{_block(reference)}$$$$\n"
    else:
        (folder / REFERENCE).unlink(missing_ok=True)
    for name, text in texts.items():
        write_whole(folder / name, text)
    log = {
        "layout": VERSION,
        "source": receptor.source,
        "atoms": len(receptor),
        "site": {"centre": site.centre.tolist(), "size": site.size.tolist(), "how": site.how},
        "radius": radius,
        "sha256": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()},
        "bond_orders": reference is None or not reference.HasProp(UNKNOWN),
        "log": list(receptor.log),
        **(record or {}),
    }
    write_whole(folder / "pocket.json", json.dumps(log, indent=1) + "\n")
    return folder


def read_pocket(folder: str | Path) -> tuple[Receptor, Site, Chem.Mol | None]:
    """What `write_pocket` wrote: receptor, site and the reference ligand, if there was one.

    Raises:
        UserError: for a folder that is no pocket, or whose files were changed since.
    """
    folder = Path(folder)
    again = "Make it with: molediff pocket --protein FILE --ligand REF.sdf --out DIR"
    try:
        record = json.loads((folder / "pocket.json").read_text())
        sums, place = record["sha256"], record["site"]
        site = Site(np.array(place["centre"], dtype=float), np.array(place["size"], dtype=float), str(place["how"]))
        source, log = str(record["source"]), tuple(record["log"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"'{folder}' is no pocket: pocket.json cannot be used ({error!r}). {again}") from error
    if record.get("layout") != VERSION:
        raise UserError(f"'{folder}' has layout {record.get('layout')}, this molediff reads {VERSION}. {again}")
    for name, digest in sums.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise UserError(f"'{path}' is missing or not as it was written. {again}")
    reference = None
    if REFERENCE in sums:
        reference = Chem.MolFromMolFile(str(folder / REFERENCE), removeHs=False, sanitize=False)
        if reference is not None:
            reference = sanitised(reference)
            if not record.get("bond_orders", True):
                reference.SetBoolProp(UNKNOWN, True)
    return read_receptor(folder / "receptor.pdb", source, log), site, reference


def sanitised(mol: Chem.Mol) -> Chem.Mol:
    """Sanitised where RDKit can; a reference that it cannot is still a place."""
    whole = Chem.Mol(mol)
    failed = Chem.SanitizeMol(whole, catchErrors=True)
    if failed:
        mol.UpdatePropertyCache(strict=False)
        return mol
    Chem.AssignStereochemistryFrom3D(whole)
    return whole


def _block(mol: Chem.Mol) -> str:
    """Kekulised, or with aromatic bonds where that cannot be."""
    try:
        return Chem.MolToMolBlock(mol)
    except Chem.KekulizeException:
        return Chem.MolToMolBlock(mol, kekulize=False)
