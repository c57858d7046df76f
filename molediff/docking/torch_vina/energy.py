"""Vina's energy of a batch of poses in a rigid receptor, differentiable in Cartesian coordinates.

    E = sum over ligand-receptor pairs within 8 A   (inter)
      + sum over the ligand's own pairs within 8 A  (intra)
    score = (E - intra of the reference pose) / (1 + 0.05846 rotors)

Vina 1.2.7 itself reads both sums from a table in steps of 1/32 A^2 of the squared distance; ``table=True`` does the
same, so that a score is Vina's to rounding. Without it the functions are smooth up to the 8 A cut-off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor

from molediff.docking.receptor import Receptor
from molediff.docking.torch_vina import terms
from molediff.docking.torch_vina.tree import Tree, torsion_tree
from molediff.docking.torch_vina.typing import ACCEPTOR, DONOR, HYDROPHOBIC, RADII, ligand_types, receptor_types

STEPS = 32
"""Entries of Vina's table per A^2."""
CURL = 1000.0
"""Vina replaces a positive energy e by e CURL / (CURL + e): per ligand atom between molecules, per pair within."""
CHUNK = 4_000_000
"""Pairs of atoms held at once."""
SLOPE = 1e6
"""Penalty of a ligand atom outside the box, kcal/mol/A."""


@dataclass(frozen=True)
class Pairs:
    """What two sets of atoms make of each other; all shapes broadcast."""

    contact: Tensor
    """Sum of radii, angstrom."""
    hydrophobic: Tensor
    """0 or 1."""
    hbond: Tensor
    """0 or 1."""

    @classmethod
    def of(cls, a: Tensor, b: Tensor, dtype=torch.float64) -> Pairs:
        """From types that broadcast; -1 (not scored) must not be among them."""
        radius = torch.tensor(RADII, dtype=dtype, device=a.device)
        oily, donor, acceptor = (
            torch.tensor(x, dtype=dtype, device=a.device) for x in (HYDROPHOBIC, DONOR, ACCEPTOR)
        )  # fmt: skip
        bond = torch.maximum(donor[a] * acceptor[b], acceptor[a] * donor[b])
        return cls(radius[a] + radius[b], oily[a] * oily[b], bond)

    def energy(self, squared: Tensor, table: bool = False) -> Tensor:
        """Energy of each pair, kcal/mol.

        Args:
            squared: squared distance, A^2.
            table: as Vina's table of steps has it; no gradient.
        """
        inside = squared < terms.CUTOFF**2
        if not table:
            d = torch.where(inside, squared, 1.0).clamp(min=1e-12).sqrt()
            return torch.where(inside, self._at(d), 0.0)
        step = (squared.clamp(max=terms.CUTOFF**2) * STEPS).floor()
        ends = [(step + k) / STEPS for k in (0, 1)]
        two = [torch.where(r2 < terms.CUTOFF**2, self._at(r2.sqrt()), 0.0) for r2 in ends]
        return torch.where(inside, (two[0] + two[1]) / 2, 0.0)

    def _at(self, d: Tensor) -> Tensor:
        return terms.pair_energy(d - self.contact, self.hydrophobic, self.hbond)


def curl(energy: Tensor) -> Tensor:
    """e `CURL` / (`CURL` + e) for e > 0: no pair or atom is worse than `CURL`."""
    return torch.where(energy > 0, energy * CURL / (CURL + energy.clamp(min=0)), energy)


@dataclass(frozen=True)
class LigandTerms:
    """What the energy needs to know of a ligand of N atoms."""

    tree: Tree
    types: Tensor
    """(N,) long, -1 for hydrogens."""
    heavy: Tensor
    """(H,) long, atoms that are scored."""
    pairs: Tensor
    """(K, 2) long, atoms."""

    @classmethod
    def of(cls, mol: Chem.Mol) -> LigandTerms:
        """From a molecule with explicit hydrogens.

        Raises:
            UserError: for an element Vina has no parameters for.
        """
        tree, types = torsion_tree(mol), ligand_types(mol)
        return cls(tree, types, (types >= 0).nonzero()[:, 0], torch.tensor(tree.pairs).reshape(-1, 2).long())

    @property
    def divisor(self) -> float:
        """1 + 0.05846 rotors"""
        return 1 + terms.TORSION_WEIGHT * self.tree.rotors

    def to(self, device) -> LigandTerms:
        """On another device."""
        return LigandTerms(self.tree, *(x.to(device) for x in (self.types, self.heavy, self.pairs)))


@dataclass(frozen=True)
class ReceptorTerms:
    """What the energy needs to know of a receptor: M scored atoms."""

    pos: Tensor
    """(M, 3) float64, angstrom."""
    types: Tensor
    """(M,) long."""

    @classmethod
    def of(cls, receptor: Receptor) -> ReceptorTerms:
        """All heavy atoms of known type."""
        types = receptor_types(receptor)
        kept = types >= 0
        return cls(torch.as_tensor(np.asarray(receptor.pos), dtype=torch.float64)[kept], types[kept])

    def near(self, low: Tensor, high: Tensor, margin: float = terms.CUTOFF) -> ReceptorTerms:
        """The atoms within ``margin`` of a box (two corners, (3,))."""
        gap = (low - self.pos).clamp(min=0) + (self.pos - high).clamp(min=0)  # (M, 3)
        kept = gap.pow(2).sum(-1) < margin**2
        return ReceptorTerms(self.pos[kept], self.types[kept])

    def to(self, device) -> ReceptorTerms:
        """On another device."""
        return ReceptorTerms(self.pos.to(device), self.types.to(device))


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(P, N, 3) and (M, 3) -> (P, N, M), exact differences."""
    return (a[..., 0, None] - b[:, 0]) ** 2 + (a[..., 1, None] - b[:, 1]) ** 2 + (a[..., 2, None] - b[:, 2]) ** 2


def intermolecular(
    pos: Tensor,
    ligand: LigandTerms,
    receptor: ReceptorTerms,
    box: tuple[Tensor, Tensor] | None = None,
    table: bool = False,
) -> Tensor:
    """Energy between ligand and receptor.

    Args:
        pos: (P, N, 3) angstrom, hydrogens among the atoms.
        ligand: of the N atoms.
        receptor: M atoms.
        box: two corners (3,); an atom outside is scored where it would enter and pays `SLOPE` an angstrom, as in Vina.
        table: Vina's table instead of the smooth terms.

    Returns:
        (P,) kcal/mol.
    """
    at = pos[:, ligand.heavy]  # (P, H, 3)
    penalty = at.new_zeros(len(at))
    if box is not None:
        low, high = (x.to(at) for x in box)
        inside = at.detach().clamp(low, high)
        penalty = SLOPE * (at - inside).abs().sum((1, 2))
        at = torch.where((at < low) | (at > high), inside, at)
    if not at.numel():
        return penalty
    near = receptor.near(at.detach().amin((0, 1)).to(receptor.pos), at.detach().amax((0, 1)).to(receptor.pos))
    where = near.pos.to(at)
    pairs = Pairs.of(ligand.types[ligand.heavy][:, None], near.types[None], at.dtype)  # (H, M')
    step = max(1, CHUNK // max(1, pairs.contact.numel()))
    found = [curl(pairs.energy(squared_distances(part, where), table).sum(-1)).sum(-1) for part in at.split(step)]
    return torch.cat(found) + penalty


def intramolecular(pos: Tensor, ligand: LigandTerms, table: bool = False) -> Tensor:
    """Energy within the ligand.

    Args:
        pos: (P, N, 3) angstrom.
        ligand: of the N atoms.
        table: Vina's table instead of the smooth terms.

    Returns:
        (P,) kcal/mol.
    """
    i, j = ligand.pairs.unbind(1)
    pairs = Pairs.of(ligand.types[i], ligand.types[j], pos.dtype)  # (K,)
    return curl(pairs.energy((pos[:, i] - pos[:, j]).pow(2).sum(-1), table)).sum(-1)


@dataclass(frozen=True)
class Scores:
    """Of P poses, kcal/mol."""

    inter: Tensor
    """(P,)"""
    intra: Tensor
    """(P,)"""
    total: Tensor
    """(P,) Vina's score."""


def score(
    pos: Tensor,
    ligand: LigandTerms,
    receptor: ReceptorTerms,
    box: tuple[Tensor, Tensor] | None = None,
    table: bool = True,
    reference: Tensor | float | None = None,
) -> Scores:
    """Vina's score of poses.

    Args:
        pos: (P, N, 3) angstrom.
        ligand: of the N atoms.
        receptor: of the protein.
        box: two corners (3,), see `intermolecular`.
        table: as Vina reads its table (no gradient), or smooth.
        reference: internal energy that is taken off: of the best pose in a docking run; None takes each pose's own, as
            ``vina --score_only`` does.
    """
    inter = intermolecular(pos, ligand, receptor, box, table)
    intra = intramolecular(pos, ligand, table)
    unbound = intra if reference is None else reference
    return Scores(inter, intra, (inter + intra - unbound) / ligand.divisor)
