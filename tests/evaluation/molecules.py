"""Small molecules for the judge's tests, with hydrogens and a conformer, unsanitised and kekulised."""

from functools import cache

from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from molediff.evaluation.build import build


@cache
def _embedded(smiles: str) -> Chem.Mol:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=7)
    rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=2000)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    return mol


def embedded(smiles: str, shift: float = 0.0) -> Chem.Mol:
    """What a generator would hand over: plain atoms, kekulised bonds, one conformer (moved by `shift` angstrom)."""
    mol = _embedded(smiles)
    return build(
        [a.GetAtomicNum() for a in mol.GetAtoms()],
        mol.GetConformer().GetPositions() + shift,
        [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondTypeAsDouble()) for b in mol.GetBonds()],
        [a.GetFormalCharge() for a in mol.GetAtoms()],
    )


def heavy(smiles: str) -> Chem.Mol:
    """The same without its hydrogens."""
    mol = embedded(smiles)
    keep = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    new = {old: i for i, old in enumerate(keep)}
    return build(
        [mol.GetAtomWithIdx(i).GetAtomicNum() for i in keep],
        mol.GetConformer().GetPositions()[keep],
        [
            (new[b.GetBeginAtomIdx()], new[b.GetEndAtomIdx()], b.GetBondTypeAsDouble())
            for b in mol.GetBonds()
            if b.GetBeginAtomIdx() in new and b.GetEndAtomIdx() in new
        ],
        [mol.GetAtomWithIdx(i).GetFormalCharge() for i in keep],
    )


SMALL = ("CCO", "CC(=O)N", "c1ccccc1", "C1CC1", "CC#N", "c1cc[nH]c1", "CS", "OCC(F)F")
