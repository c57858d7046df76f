"""Vina's scoring function in torch: batched, differentiable, with a docker of its own.

`score` scores poses as Vina 1.2.7 does; `intermolecular` and `intramolecular` can guide, refine and rank; `dock_torch`
docks.
"""

from molediff.docking.torch_vina.energy import (
    LigandTerms,
    ReceptorTerms,
    Scores,
    intermolecular,
    intramolecular,
    score,
)
from molediff.docking.torch_vina.multistart import dock_torch
from molediff.docking.torch_vina.pocket import TorchPocket, pocket_of
from molediff.docking.torch_vina.search import SearchSettings
from molediff.docking.torch_vina.torsions import Placement, Torsions

__all__ = [
    "LigandTerms",
    "Placement",
    "ReceptorTerms",
    "Scores",
    "SearchSettings",
    "TorchPocket",
    "Torsions",
    "dock_torch",
    "intermolecular",
    "intramolecular",
    "pocket_of",
    "score",
]
