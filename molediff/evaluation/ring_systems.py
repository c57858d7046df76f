"""Ring systems of a molecule, what is left when chains and substituents go, and which of them are rare."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

import rdkit
from rdkit import Chem

TABLE = Path(__file__).with_name("ring_systems.json.gz")
"""Ring systems of drug-like molecules, made by `experiments/druglike/ring_systems.py`."""


def rare(mol: Chem.Mol) -> list[str]:
    """The ring systems of a sanitised molecule that are not in `TABLE`, see `ring_systems`.

    A generator that has not understood rings makes many: fused and bridged ones that look right atom by atom. Real ones
    are there too (in about 2 of 100 drug-like molecules): a match is a question to a chemist, not a finding.
    """
    return [one for one in ring_systems(mol) if one not in usual()]


@cache
def usual() -> frozenset[str]:
    """The systems of `TABLE`, as this version of RDKit writes them."""
    content = json.loads(gzip.decompress(TABLE.read_bytes()))
    if content["rdkit"] == rdkit.__version__:
        return frozenset(content["systems"])
    return frozenset(Chem.CanonSmiles(one) for one in content["systems"])


def ring_systems(mol: Chem.Mol) -> list[str]:
    """Canonical SMILES of each ring system, without stereochemistry; a system that is there twice is named twice.

    Rings that share an atom belong together. Atoms with a double bond to the ring stay (a lactam is not an amine);
    what else was there is a hydrogen, as in Ertl, J. Chem. Inf. Model. 61 (2021), 5223.

    Args:
        mol: sanitised.
    """
    return [_written(mol, atoms) for atoms in _joined(mol.GetRingInfo().AtomRings())]


def _joined(rings) -> list[set[int]]:
    """Atoms of each system."""
    systems: list[set[int]] = []
    for ring in map(set, rings):
        touching = [one for one in systems if one & ring]
        systems = [one for one in systems if not one & ring] + [ring.union(*touching)]
    return systems


def _written(mol: Chem.Mol, ring: set[int]) -> str:
    """SMILES of the system; of the bare atoms where it cannot stand alone, which is a name that no table has."""
    try:
        return Chem.MolToSmiles(_alone(mol, ring))
    except Chem.MolSanitizeException:
        return Chem.MolFragmentToSmiles(mol, sorted(ring), isomericSmiles=False)


def _alone(mol: Chem.Mol, ring: set[int]) -> Chem.Mol:
    """The system as a molecule of its own."""
    kept = set(ring)
    for k in ring:
        bonds = mol.GetAtomWithIdx(k).GetBonds()
        kept |= {b.GetOtherAtomIdx(k) for b in bonds if b.GetBondType() == Chem.BondType.DOUBLE}
    work, place = Chem.RWMol(), {}
    for k in sorted(kept):
        atom = Chem.Atom(mol.GetAtomWithIdx(k))
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        atom.SetIsAromatic(atom.GetIsAromatic() and k in ring)
        place[k] = work.AddAtom(atom)
    for bond in mol.GetBonds():
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        inside = [k for k in ends if k in kept]
        if len(inside) == 2 and (bond.IsInRing() or not ring.issuperset(ends)):
            work.AddBond(place[ends[0]], place[ends[1]], bond.GetBondType())
            work.GetBondWithIdx(work.GetNumBonds() - 1).SetIsAromatic(bond.GetIsAromatic())
        elif len(inside) == 1:
            for _ in range(int(bond.GetBondTypeAsDouble())):
                work.AddBond(place[inside[0]], work.AddAtom(Chem.Atom(1)), Chem.BondType.SINGLE)
    Chem.SanitizeMol(work)
    return Chem.RemoveHs(work)
