"""From a file of a protein to a `Receptor`: every change follows a named rule and leaves a line in its log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rdkit import Chem

from molediff.chem.proteins import ProteinResidue, read_protein
from molediff.config import UserError
from molediff.docking import protein_rules as rules
from molediff.docking.autodock import LIKE, autodock_types
from molediff.docking.hydrogens import dock_extra, with_hydrogens
from molediff.docking.receptor import Receptor


def prepare_receptor(
    path: str | Path,
    *,
    ligand: Chem.Mol | None = None,
    ph: float = 7.4,
    keep_waters: bool = False,
    chains: Sequence[str] = (),
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> Receptor:
    """A protein, cleaned by rule, with hydrogens.

    Args:
        path: PDB, mmCIF or PDBQT, plain or .gz.
        ligand: reference with a conformer in the protein's frame; small molecules that overlap it are taken out.
        ph: decides the charges of amino acids.
        keep_waters: waters are dropped unless asked for.
        chains: those to use; all when empty.
        keep: additives of crystallisation to keep, by residue name, as 'SO4'.
        drop: residues to take out, by residue name.

    Raises:
        UserError: for a file that cannot be used, and when biotite or hydride are missing.
    """
    if not 0 <= ph <= 14:
        raise UserError(f"A pH of {ph} is none. Allowed: 0 to 14; --ph 7.4 is blood's.")
    dock_extra()
    residues, log = read_protein(path)
    try:
        residues = clean(residues, log, ligand, ph, keep_waters, chains, keep, drop)
    except UserError as error:
        raise UserError(f"'{path}': {error}") from error
    return _receptor(residues, ph, str(path), log)


def clean(
    residues: list[ProteinResidue],
    log: list[str],
    ligand: Chem.Mol | np.ndarray | None = None,
    ph: float = 7.4,
    keep_waters: bool = False,
    chains: Sequence[str] = (),
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> list[ProteinResidue]:
    """All rules in their order; see `prepare_receptor`. Heavy atoms come out.

    The ligand may also be the positions of heavy atoms, (n, 3) angstrom.

    Raises:
        UserError: when nothing is left that can be docked to.
    """
    residues = rules.chains(residues, chains, log)
    residues = rules.alternatives(residues, log)
    residues = rules.names(residues, log)
    residues = rules.hydrogens(residues, log)
    residues = rules.nonsense(residues, log)
    residues = rules.unwanted(residues, keep, drop, log)
    residues = rules.waters(residues, keep_waters, log)
    residues = rules.native_ligand(residues, ligand if isinstance(ligand, np.ndarray) else heavy_atoms(ligand), log)
    residues = rules.incomplete(residues, log)
    residues = rules.others(residues, log)
    return rules.protonation(residues, ph, log)


def heavy_atoms(mol: Chem.Mol | None) -> np.ndarray | None:
    """(n, 3) angstrom, of the first conformer; None without a molecule.

    Raises:
        UserError: for a molecule without a 3D conformer.
    """
    if mol is None:
        return None
    if not mol.GetNumConformers() or not (mol.GetConformer().Is3D() or mol.GetConformer().GetPositions()[:, 2].any()):
        raise UserError("The reference ligand has no 3D coordinates. Give its pose in the protein, as an SDF file.")
    heavy = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    return mol.GetConformer().GetPositions()[heavy]


def _receptor(residues: list[ProteinResidue], ph: float, source: str, log: list[str]) -> Receptor:
    array = with_hydrogens(residues, ph, log)
    residues = rules.short_names(residues, log)
    # of files: three decimals, so that what is written is read back the same
    pos = np.round(array.coord.astype(np.float64), 3)
    element = tuple(symbol.capitalize() for symbol in array.element.tolist())
    bonds = np.sort(array.bonds.as_array()[:, :2].astype(np.int64), axis=1)
    bonds = bonds[np.lexsort((bonds[:, 1], bonds[:, 0]))]
    owner = [residues[k] for k in array.res_id.tolist()]
    types = autodock_types(element, bonds, pos)
    for symbol, kind in sorted(set(zip(element, types, strict=True))):
        if symbol in LIKE or (kind == "Mg" and symbol != "Mg"):
            log.append(f"type: {symbol}: Vina has none, treated as {kind}")
        elif not kind:
            log.append(f"type: {symbol}: Vina has none, left out of the PDBQT")
    added = sum(e == "H" for e in element)
    log.append(f"hydrogens: {added} added for pH {ph:g} by hydride")
    return Receptor(
        pos=pos,
        element=element,
        name=tuple(name[:4] for name in array.atom_name.tolist()),
        residue=tuple(r.name for r in owner),
        chain=tuple(r.chain for r in owner),
        number=tuple(r.number for r in owner),
        hetero=np.array(array.hetero, dtype=bool),
        bonds=bonds,
        types=types,
        source=source,
        log=tuple(log),
    )
