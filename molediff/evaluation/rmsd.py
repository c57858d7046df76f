"""RMSD of a pose to a reference pose of the same molecule."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import rdMolAlign
from rdkit.Chem.MolStandardize import rdMolStandardize
from rdkit.rdBase import BlockLogs

SUCCESS = 2.0  # angstrom


def symmetric_rmsd(mol: Chem.Mol, reference: Chem.Mol) -> tuple[float | None, str]:
    """Root mean square distance of heavy atoms, in place (no alignment), the least over all symmetries of the graph.

    RDKit's CalcRMS (equal to spyrmsd), between molecules with the same heavy-atom graph: elements, bond orders,
    bonds. Protonation states count as the same molecule (charges are neutralised where the plain graphs differ), and
    so do mirror images, which PoseBusters' redock checks tell apart. A molecule that is only part of the other is
    another one, although CalcRMS would take it.

    Returns:
        (angstrom, ''), or (None, 'not_the_ligand' or 'not_sanitised').
    """
    with BlockLogs():
        try:
            work = Chem.RWMol(mol)
            Chem.SanitizeMol(work)
            # all: RemoveHs keeps the hydrogen of C=NH, which draws its double bond
            plain, other = Chem.RemoveAllHs(work), Chem.RemoveAllHs(reference)
        except (ValueError, RuntimeError):
            return None, "not_sanitised"
        if not _same_size(plain, other):
            return None, "not_the_ligand"
        value = _calc(plain, other)
        if value is None:
            value = _calc(_neutral(plain), _neutral(other))
    return (value, "") if value is not None else (None, "not_the_ligand")


def _same_size(one: Chem.Mol, two: Chem.Mol) -> bool:
    formula = [sorted(atom.GetAtomicNum() for atom in mol.GetAtoms()) for mol in (one, two)]
    return formula[0] == formula[1] and one.GetNumBonds() == two.GetNumBonds()


def _calc(one: Chem.Mol, two: Chem.Mol) -> float | None:
    try:
        # copies: CalcRMS may leave marks on what it is given
        return float(rdMolAlign.CalcRMS(Chem.Mol(one), Chem.Mol(two)))
    except (ValueError, RuntimeError):
        return None


def _neutral(mol: Chem.Mol) -> Chem.Mol:
    return Chem.RemoveAllHs(rdMolStandardize.Uncharger(canonicalOrder=True).uncharge(Chem.Mol(mol)))
