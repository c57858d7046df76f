"""How many bonds an atom has room for."""

from __future__ import annotations

import torch
from rdkit import Chem
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
