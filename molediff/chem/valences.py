"""How many bonds an atom has room for."""

from __future__ import annotations

import torch
from rdkit import Chem
from rdkit.rdBase import BlockLogs
from torch import Tensor

from molediff.elements import Vocabulary

MOST = 8
"""No atom has more bonds."""
SUMS = MOST + 1
"""Largest sum of bond orders in tables: beyond, every bond more is as wrong as the last."""

TOO_MANY = 2
"""What a bond too many counts where hydrogens are atoms; one too few counts 1."""


def valences(vocabulary: Vocabulary) -> Tensor:
    """(elements, charges) int64, the smallest usual valence of each element with each formal charge.

    An ion counts as the neutral atom with as many electrons: N+ as C (4), O- as F (1), C- as N (3).
    """
    table = Chem.GetPeriodicTable()

    def least(number: int) -> int:
        return max(0, min(table.GetValenceList(number))) if number > 0 else 0

    return torch.tensor([[least(z - charge) for charge in vocabulary.charges] for z in vocabulary.atomic_numbers])


def most_bonds(vocabulary: Vocabulary) -> Tensor:
    """(elements, charges) int64, the largest sum of bond orders that RDKit allows an atom of each class; or -1."""
    numbers, charges = vocabulary.atomic_numbers, vocabulary.charges
    return torch.tensor([[max(_sums(z, q, closed=False), default=-1) for q in charges] for z in numbers])


def amiss(vocabulary: Vocabulary, explicit: bool) -> Tensor:
    """(elements, charges, `SUMS` + 1) int64, by how many bonds an atom of each class is wrong at each sum of orders.

    By asking RDKit, whose rules for ions differ between versions. Where hydrogens are atoms there can be too few bonds
    as well as too many, and one too many counts twice: it is taken away even where that leaves its other atom with one
    too few, which later steps can give back.

    Args:
        vocabulary: of the model.
        explicit: whether hydrogens are atoms.
    """

    def row(number: int, charge: int) -> list[int]:
        allowed, sums = _sums(number, charge, closed=explicit), range(SUMS + 1)
        if not allowed:  # wrong whatever its bonds are
            return [SUMS + n for n in sums]
        if not explicit:
            return [max(0, n - max(allowed)) for n in sums]
        return [min(TOO_MANY * (n - a) if n > a else a - n for a in allowed) for n in sums]

    return torch.tensor([[row(z, charge) for charge in vocabulary.charges] for z in vocabulary.atomic_numbers])


def _sums(number: int, charge: int, closed: bool) -> list[int]:
    """Sums of bond orders that RDKit allows; ``closed``: without an electron unpaired."""
    if number == 1:  # RDKit would let an ion of hydrogen have up to eight
        return [] if charge else [1] if closed else [0, 1]
    found = []
    for bonds in range(MOST + 1):
        mol = Chem.RWMol()
        atom = Chem.Atom(number)
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(bonds)
        mol.AddAtom(atom)
        with BlockLogs():
            if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
                continue
        if not (closed and mol.GetAtomWithIdx(0).GetNumRadicalElectrons()):
            found.append(bonds)
    return found
