"""A reference ligand from a file: its pose in the protein's frame."""

from __future__ import annotations

import sys
from pathlib import Path

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.config import UserError
from molediff.docking.ligand_bonds import UNKNOWN, with_bond_orders
from molediff.docking.pocket_folder import sanitised
from molediff.docking.prepare import heavy_atoms

READERS = {
    ".sdf": lambda p: next(iter(Chem.SDMolSupplier(p, sanitize=False, removeHs=False)), None),
    ".mol": lambda p: Chem.MolFromMolFile(p, sanitize=False, removeHs=False),
    ".mol2": lambda p: Chem.MolFromMol2File(p, sanitize=False, removeHs=False),
    ".pdb": lambda p: Chem.MolFromPDBFile(p, sanitize=False, removeHs=False),
}


def read_reference(path: str | Path) -> Chem.Mol:
    """The first molecule of a file, with its conformer; unsanitised where RDKit cannot.

    Bond orders of a PDB file: see `molediff.docking.ligand_bonds`. Where they are not known, stderr says that the
    ligand is used as a place alone.

    Args:
        path: .sdf, .mol, .mol2 or .pdb.

    Raises:
        UserError: for a file that cannot be read, or a molecule without 3D coordinates.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"'{path}' is no ligand file that can be read. Allowed: {', '.join(READERS)}.")
    if not path.is_file():
        raise UserError(f"The reference ligand '{path}' does not exist. Give its pose in the protein: --ligand REF.sdf")
    try:
        with BlockLogs():
            mol = reader(str(path))
    except (OSError, RuntimeError) as error:
        raise UserError(f"The reference ligand '{path}' cannot be read ({error}).") from error
    if mol is None or not mol.GetNumAtoms():
        raise UserError(f"'{path}' holds no molecule that RDKit can read. Give its pose in the protein as an SD file.")
    try:
        heavy_atoms(mol)
    except UserError as error:
        raise UserError(f"'{path}': {error}") from error
    if path.suffix.lower() == ".pdb":
        mol = with_bond_orders(mol)
        if mol.HasProp(UNKNOWN):
            print(
                f"Warning: '{path}' does not say the ligand's bond orders, and its name is not in the dictionary of "
                "components: it says where the site is, nothing is compared with it. An SD file says more.",
                file=sys.stderr,
            )
    return sanitised(mol)
