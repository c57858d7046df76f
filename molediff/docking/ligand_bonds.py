"""Bond orders of a ligand from a PDB file, which says what is bonded but seldom how."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import AllChem
from rdkit.rdBase import BlockLogs

UNKNOWN = "bond_orders_unknown"
"""Property of a molecule whose bonds are all single for want of knowing better."""


def with_bond_orders(mol: Chem.Mol) -> Chem.Mol:
    """The ligand with the bond orders and charges of its name in the chemical component dictionary inside biotite.

    Args:
        mol: of a PDB file, unsanitised, with a conformer.

    Returns:
        As it is where it has a bond that is not single (CONECT records that are given twice); else its heavy atoms with
        the dictionary's bonds; else, where the dictionary does not know the name or has another graph, as it is, marked
        as `UNKNOWN`.
    """
    if any(bond.GetBondType() != Chem.BondType.SINGLE for bond in mol.GetBonds()):
        return mol
    found = _of_dictionary(mol)
    if found is None:
        mol.SetBoolProp(UNKNOWN, True)
    return mol if found is None else found


def as_molecule(reference: Chem.Mol | None) -> Chem.Mol | None:
    """A reference that figures may be taken of; None for one of which only the place is known."""
    return None if reference is None or reference.HasProp(UNKNOWN) else reference


def _of_dictionary(mol: Chem.Mol) -> Chem.Mol | None:
    try:
        from biotite.interface.rdkit import to_mol
        from biotite.structure import info
    except ImportError:  # molediff[dock] is not installed; where it is needed, preparing the protein says so
        return None
    about = mol.GetAtomWithIdx(0).GetPDBResidueInfo()
    with BlockLogs():
        try:
            template = Chem.RemoveHs(to_mol(info.residue(about.GetResidueName().strip())))
            return AllChem.AssignBondOrdersFromTemplate(template, Chem.RemoveHs(mol, sanitize=False))
        except (AttributeError, KeyError, ValueError, RuntimeError):  # no name, unknown, another graph
            return None
