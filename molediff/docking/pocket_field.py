"""The van der Waals field of a rigid pocket: UFF's 12-6 potential between every ligand and every pocket atom.

UFF (Rappe et al., J. Am. Chem. Soc. 114, 10024, 1992) has parameters for all elements, metals among them, and knows no
hydrogen bonds: atoms that attract each other there would be pushed to 3.5 A. A donor and an acceptor get a shorter and
deeper well here, and so do metals and what binds them; a polar hydrogen does not push the acceptor at all, as in AMBER.
Charges are left out. The depth matters for the wall as much as for the well: with UFF's own, 0.06 kcal/mol, hydrogen
bonds were squeezed to 2.25 A.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rdkit import Chem

from molediff.chem.residue_table import METALS
from molediff.docking.receptor import Receptor

UFF = {"H": (2.886, 0.044), "B": (4.083, 0.180), "C": (3.851, 0.105), "N": (3.660, 0.069), "O": (3.500, 0.060),
       "F": (3.364, 0.050), "Na": (2.983, 0.030), "Mg": (3.021, 0.111), "Si": (4.295, 0.402), "P": (4.147, 0.305),
       "S": (4.035, 0.274), "Cl": (3.947, 0.227), "K": (3.812, 0.035), "Ca": (3.399, 0.238), "V": (3.144, 0.016),
       "Mn": (2.961, 0.013), "Fe": (2.912, 0.013), "Co": (2.872, 0.014), "Ni": (2.834, 0.015), "Cu": (3.495, 0.005),
       "Zn": (2.763, 0.124), "Se": (4.205, 0.291), "Br": (4.189, 0.251), "Cd": (2.848, 0.228), "I": (4.500, 0.339),
       "Hg": (2.705, 0.385)}  # fmt: skip
"""Element -> optimal distance (angstrom) and depth (kcal/mol) of a pair of its atoms."""
OTHER = (3.0, 0.05)
"""For elements not listed."""
HELD_METALS = METALS & frozenset(UFF)
"""Metals that hold N, O and S in a well; those without parameters of their own are walls alone."""
POLAR = frozenset(("N", "O"))
BINDING, COORDINATING = 0.81, 0.68
"""Factors on the optimal distance of a donor with an acceptor (2.9 A), and of metals with N, O and S (2.1 A)."""
BOND, HELD = 2.0, 3.0
"""Depths of these wells, kcal/mol; the second is on the low side for its bonds."""
REACH = 1.25
"""A hydrogen of the receptor is bonded to a heavy atom within this distance, angstrom."""
SOFT = 0.6
"""Below this part of the optimal distance the potential goes on as its tangent, so that overlaps stay finite."""


@dataclass(frozen=True)
class PocketField:
    """Of M pocket atoms on N ligand atoms."""

    pos: np.ndarray
    """(M, 3) angstrom."""
    optimum: np.ndarray
    """(N, M) angstrom."""
    depth: np.ndarray
    """(N, M) kcal/mol."""

    @classmethod
    def of(cls, receptor: Receptor, chosen: np.ndarray, mol: Chem.Mol) -> PocketField:
        """Of the ``chosen`` (M_all,) bool receptor atoms on a ligand with hydrogens."""
        rows = np.nonzero(chosen)[0]
        theirs = [receptor.element[i] for i in rows]
        ours = [a.GetSymbol() for a in mol.GetAtoms()]
        x, d = (np.array([UFF.get(e, OTHER)[k] for e in ours]) for k in (0, 1))
        y, f = (np.array([UFF.get(e, OTHER)[k] for e in theirs]) for k in (0, 1))
        optimum, depth = np.sqrt(x[:, None] * y), np.sqrt(d[:, None] * f)
        given_a = np.array([a.GetAtomicNum() == 1 and any(n.GetSymbol() in POLAR for n in a.GetNeighbors())
                            for a in mol.GetAtoms()])  # fmt: skip
        given_b = np.array([receptor.types[i] == "HD" for i in rows])
        polar_a, polar_b = np.isin(ours, list(POLAR)), np.isin(theirs, list(POLAR))
        sulphur_a, sulphur_b = np.array(ours) == "S", np.array(theirs) == "S"
        metal_a, metal_b = (np.isin(x, list(HELD_METALS)) for x in (ours, theirs))
        donor_a = polar_a & np.array([any(given_a[n.GetIdx()] for n in a.GetNeighbors()) for a in mol.GetAtoms()])
        donor_b = polar_b & _bears(receptor.pos[rows], receptor.pos[rows][given_b])
        bonded = polar_a[:, None] & polar_b & (donor_a[:, None] | donor_b)
        held = (metal_a[:, None] & (polar_b | sulphur_b)) | ((polar_a | sulphur_a)[:, None] & metal_b)
        for pairs, factor, well in ((bonded, BINDING, BOND), (held, COORDINATING, HELD)):
            optimum, depth = np.where(pairs, optimum * factor, optimum), np.where(pairs, well, depth)
        free = (given_a[:, None] & (polar_b | sulphur_b)) | ((polar_a | sulphur_a)[:, None] & given_b)
        return cls(receptor.pos[rows], optimum, np.where(free, 0.0, depth))

    def __call__(self, pos: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy (kcal/mol) and gradient (N, 3) of ligand positions (N, 3)."""
        # Squared distances from scalar products, and no (N, M, 3) array: three times as fast.
        x, y = pos - self.middle, self.around
        square = (x * x).sum(1)[:, None] + self.length - 2 * x @ y.T  # (N, M)
        edge2 = np.maximum(square, self.soft)
        six = self.most / edge2
        six = six * six * six
        well = self.depth * six
        energy = well * (six - 2)
        pull = -12 * well * (six - 1) / edge2  # dE/dr / r
        near = np.nonzero(square < self.soft)  # few pairs: on with the tangent
        if near[0].size:
            edge, r = np.sqrt(edge2[near]), np.sqrt(np.maximum(square[near], 1e-12))
            slope = pull[near] * edge
            energy[near] += slope * (r - edge)
            pull[near] = slope / r
        return float(energy.sum()), pull.sum(1)[:, None] * x - pull @ y

    @cached_property
    def middle(self) -> np.ndarray:
        """(3,) of the pocket: large coordinates would cost digits."""
        return self.pos.mean(0)

    @cached_property
    def around(self) -> np.ndarray:
        """(M, 3) of the pocket, from its middle."""
        return self.pos - self.middle

    @cached_property
    def length(self) -> np.ndarray:
        """(M,) squares of these."""
        return (self.around**2).sum(1)

    @cached_property
    def most(self) -> np.ndarray:
        """(N, M) squares of the optimal distances."""
        return self.optimum**2

    @cached_property
    def soft(self) -> np.ndarray:
        """(N, M) squared distances below which the tangent begins; above 0, so that none is divided by."""
        return np.maximum(SOFT**2 * self.most, 1e-12)


def _bears(pos: np.ndarray, hydrogens: np.ndarray) -> np.ndarray:
    """(M,) bool: atoms with one of the ``hydrogens`` (K, 3) within `REACH`."""
    apart = np.linalg.norm(pos[:, None] - hydrogens[None], axis=-1)
    return (apart < REACH).any(1)
