"""Hydrogens that are implied, made explicit."""

from __future__ import annotations

from rdkit import Chem
from rdkit.rdBase import BlockLogs

FLAGS = Chem.SanitizeFlags
NO_REPAIR = FLAGS.SANITIZE_ALL & ~FLAGS.SANITIZE_CLEANUP & ~FLAGS.SANITIZE_CLEANUP_ORGANOMETALLICS
"""Everything but RDKit's clean-up, which rewrites charges and bonds."""


def with_hydrogens(mol: Chem.Mol | None) -> Chem.Mol | None:
    """A sanitised copy with RDKit's hydrogens, placed by RDKit from the geometry of their neighbours.

    Args:
        mol: heavy atoms with one conformer, unsanitised or not; nothing of it is repaired.

    Returns:
        The molecule, or None where its valences cannot be.
    """
    if mol is None or not mol.GetNumAtoms():
        return None
    copy = Chem.RWMol(mol)
    with BlockLogs():
        try:
            Chem.SanitizeMol(copy, sanitizeOps=NO_REPAIR)
            return Chem.AddHs(copy, addCoords=True)
        except (ValueError, RuntimeError):
            return None
