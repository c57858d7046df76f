"""What an engine says of a pose where it is, and what every engine asks of a box first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from rdkit import Chem

from molediff.config import UserError
from molediff.docking.ligand import Docked, Ligand
from molediff.docking.receptor import Receptor
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site

REACH = 12.0
"""Receptor atoms farther than this from the box are left out of the maps, angstrom; Vina's cut-off is 8."""


@dataclass(frozen=True)
class PoseScore:
    """Figures of one pose, kcal/mol."""

    score: float
    """Of the pose as it is, with the explicit receptor."""
    minimised: float
    """After a local optimisation in the maps."""
    places: np.ndarray
    """(N, 3) positions after it, angstrom, all atoms of the ligand."""
    inter: float = float("nan")
    """Ligand with receptor, of the pose as it is, before the torsional divisor."""


class ScoringPocket(Protocol):
    """One receptor and one box; what costs time is computed once."""

    def scores(self, mols: Sequence[Chem.Mol]) -> list[PoseScore | str]:
        """Of every pose where it is, hydrogens explicit, one conformer each; for one that cannot be scored, why."""

    def dock(self, ligand: Ligand, config: DockConfig) -> Docked:
        """A search from the ligand's conformers."""


def outside(site: Site, mol: Chem.Mol, conformer: int = -1) -> float:
    """How far the heavy atom that lies farthest out is outside the box, angstrom; 0 for a pose within."""
    heavy = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > 1]
    apart = np.abs(mol.GetConformer(conformer).GetPositions()[heavy] - site.centre) - site.size / 2
    return float(np.maximum(apart, 0.0).max(initial=0.0))


def refused(site: Site, mol: Chem.Mol, conformer: int = -1) -> str:
    """Why a pose is not scored in this box; '' where it is."""
    out = outside(site, mol, conformer)
    return f"lies {out:.1f} A outside the box" if out > 0 else ""


def near_box(receptor: Receptor, site: Site) -> np.ndarray:
    """Indices of the atoms with an AutoDock type that lie within `REACH` of the box.

    Raises:
        UserError: where there is none.
    """
    apart = np.abs(receptor.pos - site.centre) - site.size / 2
    found = np.flatnonzero((apart <= REACH).all(axis=1) & np.array([bool(t) for t in receptor.types], dtype=bool))
    if not len(found):
        raise UserError(
            f"No atom of the receptor lies within {REACH:.0f} A of the box at "
            f"{', '.join(f'{x:.1f}' for x in site.centre)}. Give a box on the protein, or --detect."
        )
    return found
