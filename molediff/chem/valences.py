"""How many bonds an atom has room for."""

from __future__ import annotations

import torch
from rdkit import Chem
from rdkit.rdBase import BlockLogs
from torch import Tensor

from molediff.elements import Vocabulary


def valences(vocabulary: Vocabulary) -> Tensor:
    """(elements, charges) int64, the smallest usual valence of each element with each formal charge.

    An ion counts as the neutral atom with as many electrons: N+ as C (4), O- as F (1), C- as N (3).
    """
    table = Chem.GetPeriodicTable()

    def least(number: int) -> int:
        return max(0, min(table.GetValenceList(number))) if number > 0 else 0

    return torch.tensor([[least(z - charge) for charge in vocabulary.charges] for z in vocabulary.atomic_numbers])


def most_bonds(vocabulary: Vocabulary) -> Tensor:
    """(elements, charges) int64, the largest sum of bond orders that RDKit allows an atom of each class; -1 for none.

    By asking RDKit, whose rules for ions differ between versions.
    """
    return torch.tensor([[_most(z, charge) for charge in vocabulary.charges] for z in vocabulary.atomic_numbers])


def _most(number: int, charge: int) -> int:
    for bonds in range(8, -1, -1):
        mol = Chem.RWMol()
        atom = Chem.Atom(number)
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(bonds)
        mol.AddAtom(atom)
        with BlockLogs():
            if not Chem.DetectChemistryProblems(mol):
                return bonds
    return -1
