"""Strict validity: a molecule counts only as it was generated, without any help from RDKit."""

from __future__ import annotations

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

REASONS = {
    "empty": "no atoms",
    "no_coordinates": "no 3D conformer",
    "nonfinite_coordinates": "a coordinate is NaN or infinite",
    "unknown_element": "an atom without an element (atomic number 0 or a query atom)",
    "impossible_charge": "a formal charge beyond the valence electrons of its element",
    "valence": "an atom with more bonds than RDKit's valence model allows at its charge",
    "kekulize": "aromatic bonds without a Kekule structure, or outside a ring",
    "sanitise": "RDKit refuses the molecule for another cause",
    "disconnected": "more than one fragment",
    "hydrogen_added": "RDKit would add a hydrogen to fill a valence",
    "radical": "an unpaired electron that no hydrogen would fill, or one that was declared",
}

# RDKit's clean-up rewrites charges and bonds (N(=O)=O to [N+](=O)[O-]); a strict judge may not.
NO_REPAIR = (
    Chem.SanitizeFlags.SANITIZE_ALL
    & ~Chem.SanitizeFlags.SANITIZE_CLEANUP
    & ~Chem.SanitizeFlags.SANITIZE_CLEANUP_ORGANOMETALLICS
)
_KEKULIZE = (Chem.SanitizeFlags.SANITIZE_KEKULIZE, Chem.SanitizeFlags.SANITIZE_SETAROMATICITY)


def strict(mol: Chem.Mol | None, stereo: bool = False) -> dict:
    """Judge one molecule with explicit hydrogens.

    Strictly valid = one fragment; finite 3D coordinates; sanitises with bond orders and formal charges exactly as
    given (RDKit's clean-up step is left out); no implicit hydrogen would be added; no radical electrons; no formal
    charge beyond the element's valence electrons. After `analyze_strict` of EQGAT-diff
    (github.com/tuanle618/eqgat-diff), which asks for connectedness, no implicit H, no radicals.

    Known faults: RDKit's valence model is the law (it accepts S of valence 4 and 6, P of 5, [C-]#[O+], and refuses
    pentavalent N); geometry is not judged beyond being finite, see `posebusters`; net charge is not judged.

    Args:
        mol: an RDKit molecule, unsanitised or not, with one conformer in angstrom. Not modified.
        stereo: put stereo centres and double bonds, perceived from the coordinates, into the SMILES.

    Returns:
        `connected` (bool), `strictly_valid` (bool), `reason` ('' or a key of REASONS; the first that applies in the
        order of REASONS) and `smiles` (canonical, explicit H removed, '' when it does not sanitise).
    """
    failed = {"connected": False, "strictly_valid": False, "reason": "empty", "smiles": ""}
    if mol is None or mol.GetNumAtoms() == 0:
        return failed
    failed["connected"] = len(Chem.GetMolFrags(mol)) == 1
    reason = _before_chemistry(mol)
    if reason:
        return failed | {"reason": reason}
    work = Chem.RWMol(mol)
    hidden = declared_open(work)
    for atom in work.GetAtoms():
        atom.SetNoImplicit(True)
    reason = sanitise(work)
    if reason:
        return failed | {"reason": reason}
    if not failed["connected"]:
        reason = "disconnected"
    elif hidden:
        reason = hidden
    elif any(atom.GetNumRadicalElectrons() for atom in work.GetAtoms()):
        reason = "hydrogen_added" if _would_gain_hydrogen(mol) else "radical"
    return {
        "connected": failed["connected"],
        "strictly_valid": not reason,
        "reason": reason,
        "smiles": plain_smiles(work, stereo),
    }


def sanitise(mol: Chem.Mol) -> str:
    """Sanitise in place without repair; '' or the named reason for which RDKit refused."""
    with BlockLogs():
        try:
            step = Chem.SanitizeMol(mol, sanitizeOps=NO_REPAIR, catchErrors=True)
        except (ValueError, RuntimeError):
            return "sanitise"
    if step == Chem.SanitizeFlags.SANITIZE_NONE:
        return ""
    if step == Chem.SanitizeFlags.SANITIZE_PROPERTIES:
        return "valence"
    return "kekulize" if step in _KEKULIZE else "sanitise"


def declared_open(mol: Chem.Mol) -> str:
    """'' or why the record itself is not an all-explicit closed shell: hydrogens as counts, or a declared radical."""
    if any(atom.GetNumExplicitHs() for atom in mol.GetAtoms()):
        return "hydrogen_added"
    return "radical" if any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()) else ""


def impossible_charge(number: int, charge: int) -> bool:
    """Whether a charge removes more than an element's valence electrons or overfills its octet (H: its pair)."""
    outer = Chem.GetPeriodicTable().GetNOuterElecs(number)
    room = (2 if number <= 2 else 8) - outer
    return charge > outer or -charge > max(room, 0)


def plain_smiles(mol: Chem.Mol, stereo: bool = False) -> str:
    """Canonical SMILES of a sanitised molecule with explicit H removed; without stereo unless asked for.

    Stereo is perceived from the coordinates, so that marks in the file play no part.
    """
    work = Chem.RWMol(mol)
    if stereo:
        Chem.AssignStereochemistryFrom3D(work, replaceExistingTags=True)
    for atom in work.GetAtoms():
        # with the flag on, the writer would put brackets round atoms that lost their hydrogens
        atom.SetNoImplicit(False)
    try:
        with BlockLogs():
            bare = Chem.RemoveHs(work, sanitize=False)
            return Chem.MolToSmiles(bare, isomericSmiles=stereo)
    except (ValueError, RuntimeError):
        return ""


def _before_chemistry(mol: Chem.Mol) -> str:
    if mol.GetNumConformers() == 0:
        return "no_coordinates"
    if not np.isfinite(mol.GetConformer().GetPositions()).all():
        return "nonfinite_coordinates"
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 0:
            return "unknown_element"
        if atom.GetFormalCharge() and impossible_charge(atom.GetAtomicNum(), atom.GetFormalCharge()):
            return "impossible_charge"
    return ""


def _would_gain_hydrogen(mol: Chem.Mol) -> bool:
    work = Chem.RWMol(mol)
    for atom in work.GetAtoms():
        atom.SetNoImplicit(False)
        atom.SetNumRadicalElectrons(0)
    if sanitise(work):
        return False
    # the total, since RDKit turns the implicit hydrogen of an aromatic N into an explicit count
    return any(atom.GetTotalNumHs() for atom in work.GetAtoms())
