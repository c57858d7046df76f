"""Vina's intermolecular energy and a clash term of molecules that are still being made: no RDKit, batched, on tensors.

Types are read from elements and bonds as the network estimates them, hydrogens implied by valence; the rules are those
of `molediff.docking.torch_vina.typing`, short of aromaticity (`tests/docking` states how many types agree). Good enough
to push atoms; scores that are reported come from the bench.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molediff.docking.receptor import Receptor
from molediff.docking.torch_vina import terms
from molediff.docking.torch_vina.energy import Pairs
from molediff.docking.torch_vina.typing import TYPES, receptor_types
from molediff.elements import Vocabulary

VALENCE = {"B": 3, "C": 4, "N": 3, "O": 2, "F": 1, "Si": 4, "P": 3, "S": 2, "Cl": 1, "Br": 1, "I": 1}
"""Bonds of a neutral atom; a charge adds one to nitrogen and takes one from oxygen and sulphur."""
PLAIN = {"S": "S_P", "P": "P_P", "F": "F_H", "Cl": "Cl_H", "Br": "Br_H", "I": "I_H", "Si": "Si", "B": "C_P"}
REACH = 12.0
"""Receptor atoms farther than this, and Vina's cutoff, from the origin are left out, angstrom."""


@dataclass(frozen=True)
class PocketEnergy:
    """(atom classes, charges, bonds, positions) of a batch -> kcal/mol in one rigid receptor."""

    pos: Tensor
    """(M, 3) receptor atoms that Vina scores, in the frame of the molecules, angstrom."""
    types: Tensor
    """(M,) long."""
    vocabulary: Vocabulary
    """Of the molecules' classes."""
    clash: float = 0.0
    """Weight of the clash term beside Vina's, kcal/mol/A^2."""
    close: float = 0.8
    """Two atoms clash when nearer than this part of the sum of their Vina radii."""

    @classmethod
    def of(
        cls, receptor: Receptor, origin, vocabulary: Vocabulary, reach: float = REACH, clash: float = 0.0
    ) -> PocketEnergy:
        """In the frame whose origin is ``origin`` (3,) of the receptor's frame, angstrom."""
        types = receptor_types(receptor)
        pos = torch.tensor(receptor.pos, dtype=torch.float32) - torch.as_tensor(origin, dtype=torch.float32)
        kept = (types >= 0) & (pos.norm(dim=-1) <= reach + terms.CUTOFF)
        return cls(pos[kept], types[kept], vocabulary, clash)

    def __call__(self, pos: Tensor, atom: Tensor, charge: Tensor, bond: Tensor, mask: Tensor) -> Tensor:
        """(B,) kcal/mol, not divided by rotors.

        Args:
            pos: (B, N, 3) angstrom, in the frame of the receptor atoms.
            atom, charge: (B, N) classes.
            bond: (B, N, N) orders.
            mask: (B, N) bool.
        """
        types = soft_types(atom, charge, bond, mask, self.vocabulary)
        d2 = (pos.unsqueeze(2) - self.pos.to(pos)).square().sum(-1)  # (B, N, M)
        scored = mask & (types >= 0)
        pairs = Pairs.of(types.clamp(min=0).unsqueeze(-1), self.types.to(types.device), pos.dtype)
        energy = pairs.energy(d2)
        if self.clash:
            overlap = (self.close * pairs.contact - (d2 + 1e-9).sqrt()).clamp(min=0)
            energy = energy + self.clash * overlap.square()
        return (energy * scored.unsqueeze(-1)).sum((1, 2))


def soft_types(atom: Tensor, charge: Tensor, bond: Tensor, mask: Tensor, vocabulary: Vocabulary) -> Tensor:
    """(B, N) long, Vina types from elements, charges and bonds; -1 for hydrogens and padding.

    Args:
        atom, charge: (B, N) classes.
        bond: (B, N, N) orders, kekulised.
        mask: (B, N) bool.
        vocabulary: of the classes.
    """
    names = vocabulary.elements

    def per_element(table: dict[str, int], otherwise: int = 0) -> Tensor:
        return torch.tensor([table.get(e, otherwise) for e in names], device=atom.device)[atom]

    def named(*wanted: str) -> Tensor:
        return per_element(dict.fromkeys(wanted, 1)).bool() & mask

    q = torch.tensor(vocabulary.charges, device=atom.device)[charge]
    # An estimate says something of an atom and itself too; it means nothing.
    itself = torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)
    order = bond * (mask.unsqueeze(1) & mask.unsqueeze(2) & ~itself)
    bonded = order > 0
    hydrogen, carbon, nitrogen, oxygen = (named(e) for e in ("H", "C", "N", "O"))
    usual = per_element(VALENCE) + torch.where(nitrogen, q, torch.where(oxygen | named("S"), q.clamp(max=0), -q.abs()))
    implied = (usual - order.sum(-1)).clamp(min=0)  # hydrogens that are not atoms
    hydrogens = implied + (bonded & hydrogen.unsqueeze(1)).sum(-1)
    hetero = (bonded & (mask & ~carbon & ~hydrogen).unsqueeze(1)).any(-1)
    # A nitrogen with three neighbours beside an unsaturated atom gives its pair away; so does a cation.
    unsaturated = (order > 1).any(-1)
    conjugated = (bonded & unsaturated.unsqueeze(1)).any(-1) & (bonded.sum(-1) + implied == 3) & ~unsaturated
    accepts = oxygen | (nitrogen & ~conjugated & (q <= 0))
    donates = (hydrogens > 0) & (nitrogen | oxygen)
    index = {t: k for k, t in enumerate(TYPES)}
    out = per_element({e: index[t] for e, t in PLAIN.items()}, -1)
    out = torch.where(carbon, torch.where(hetero, index["C_P"], index["C_H"]), out)
    for element, which in (("N", nitrogen), ("O", oxygen)):
        kinds = torch.tensor([index[f"{element}_{k}"] for k in ("P", "D", "A", "DA")], device=atom.device)
        out = torch.where(which, kinds[donates.long() + 2 * accepts.long()], out)
    return torch.where(mask & ~hydrogen, out, -1)
