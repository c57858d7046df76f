"""How like a lead a molecule is, in its graph and in space."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from molediff.chem.fragments import Fragments
from molediff.chem.mols import mol_from_arrays


def tanimoto(lead: Fragments, smiles: Iterable[str]) -> list[float]:
    """Tanimoto similarity of Morgan fingerprints (radius 2, 2048 bits), hydrogens left out; NaN where SMILES is empty.

    Args:
        lead: a whole molecule.
        smiles: of the others.
    """
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)

    def fingerprint(mol: Chem.Mol):
        return generator.GetFingerprint(mol)

    whole = mol_from_arrays(lead.z, lead.charge, lead.bonds, None, explicit_hydrogens=False)
    Chem.SanitizeMol(whole)
    reference = fingerprint(Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveHs(whole))))
    out = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text) if text else None
        out.append(float("nan") if mol is None else DataStructs.TanimotoSimilarity(reference, fingerprint(mol)))
    return out


def superposed_rmsd(a: np.ndarray, b: np.ndarray) -> float:
    """RMSD of two sets of points after the best proper rotation (Kabsch, 1976).

    Args:
        a, b: (n, 3) angstrom, point i of the one belongs to point i of the other.
    """
    a, b = a - a.mean(0), b - b.mean(0)
    u, s, v = np.linalg.svd(a.T @ b)
    s[-1] *= np.sign(np.linalg.det(u @ v))
    square = (a**2).sum() + (b**2).sum() - 2 * s.sum()
    return float(np.sqrt(max(square, 0.0) / len(a)))
