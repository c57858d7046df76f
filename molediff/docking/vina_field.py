"""Vina's intermolecular energy of one pose with its gradient written out: what relaxation asks for hundreds of times.

The terms are those of `molediff.docking.torch_vina.terms` (Trott & Olson, 2010, equations 2-8), smooth. For a single
pose a graph of derivatives costs more than the energy: written out both take less time, and a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molediff.docking.torch_vina.energy import CURL, LigandTerms, Pairs, ReceptorTerms
from molediff.docking.torch_vina.terms import CUTOFF, WEIGHTS


@dataclass(frozen=True)
class VinaField:
    """Of M receptor atoms on the H heavy atoms of a ligand."""

    heavy: np.ndarray
    """(H,) positions of the heavy atoms among the ligand's."""
    pos: np.ndarray
    """(M, 3) of the receptor atoms, angstrom, from `middle`."""
    middle: np.ndarray
    """(3,) of the receptor atoms: large coordinates would cost digits."""
    contact: np.ndarray
    """(H M,) sum of radii, angstrom."""
    hydrophobic: np.ndarray
    """(H M,) weight of the term, kcal/mol; 0 for pairs that have none."""
    hbond: np.ndarray
    """(H M,) the same."""

    @classmethod
    def of(cls, ligand: LigandTerms, receptor: ReceptorTerms, start: np.ndarray, reach: float) -> VinaField:
        """Of the receptor atoms that a pose can see while no atom of it moves farther than ``reach`` from ``start``.

        Args:
            ligand: of N atoms.
            receptor: of the protein.
            start: (N, 3) angstrom.
            reach: angstrom.
        """
        heavy, where = ligand.heavy.numpy(), receptor.pos.numpy()
        apart = _squared(start[heavy] - where.mean(0), where - where.mean(0))
        near = apart.min(0) < (CUTOFF + reach) ** 2
        pairs = Pairs.of(ligand.types[ligand.heavy][:, None], receptor.types[near][None])  # (H, M)
        middle = where[near].mean(0) if near.any() else np.zeros(3)
        contact, oily, bonded = (x.numpy().ravel() for x in (pairs.contact, pairs.hydrophobic, pairs.hbond))
        weights = WEIGHTS["hydrophobic"] * oily, WEIGHTS["hbond"] * bonded
        return cls(heavy, where[near] - middle, middle, contact, *weights)

    def __call__(self, pos: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy (kcal/mol) and gradient (N, 3) of ligand positions (N, 3)."""
        x = pos[self.heavy] - self.middle
        squared = _squared(x, self.pos)  # (H, M)
        flat = squared.ravel()
        inside = np.flatnonzero(flat < CUTOFF**2)  # of a ligand and the atoms round it, a tenth of the pairs
        d = np.sqrt(np.maximum(flat[inside], 1e-12))
        energy, slope = self._terms(d - self.contact[inside], inside)
        dense = np.zeros((2, len(flat)))
        dense[0, inside], dense[1, inside] = energy, slope / d
        each, pull = dense.reshape(2, *squared.shape)
        atoms = each.sum(1)  # (H,)
        share = CURL / (CURL + np.maximum(atoms, 0))  # no atom is worse than CURL
        pull = share[:, None] ** 2 * pull
        gradient = np.zeros_like(pos)
        gradient[self.heavy] = pull.sum(1)[:, None] * x - pull @ self.pos
        return float((share * atoms).sum()), gradient

    def _terms(self, s: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy (kcal/mol) and its derivative by the surface distance s of the pairs ``which``; both (K,)."""
        oily, bonded = self.hydrophobic[which], self.hbond[which]
        near = WEIGHTS["gauss1"] * np.exp(-((s / 0.5) ** 2))
        far = WEIGHTS["gauss2"] * np.exp(-(((s - 3) / 2) ** 2))
        overlap = WEIGHTS["repulsion"] * np.minimum(s, 0)
        energy = near + far + overlap * s + oily * np.clip(1.5 - s, 0, 1) + bonded * np.clip(-s / 0.7, 0, 1)
        slope = -8 * s * near - (s - 3) / 2 * far + 2 * overlap
        slope -= oily * ((s > 0.5) & (s < 1.5)) + bonded / 0.7 * ((s > -0.7) & (s < 0))
        return energy, slope


def _squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(H, 3), (M, 3) -> (H, M) squared distances from scalar products: no (H, M, 3) array."""
    return (x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * x @ y.T
