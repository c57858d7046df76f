"""Everything the network is told: what is known, stereochemistry, a pocket, how noisy each field is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molediff.structures.estimate import Estimate
from molediff.structures.molecules import Molecules
from molediff.structures.pocket import EncodedPocket, Pocket


@dataclass(frozen=True)
class Known:
    """Which parts of a molecule are given and stay clean from the first step."""

    pos: Tensor
    """(B, N) bool, positions that are given."""
    atom: Tensor
    """(B, N) bool, elements that are given."""
    charge: Tensor
    """(B, N) bool, formal charges that are given."""
    bond: Tensor
    """(B, N, N) bool, symmetric, bonds (also 'none') that are given."""

    @classmethod
    def nothing(cls, molecules: Molecules) -> Known:
        """De novo: nothing is known."""
        no = torch.zeros_like(molecules.mask)
        return cls(no, no, no, torch.zeros_like(molecules.bond, dtype=torch.bool))

    @classmethod
    def graph(cls, molecules: Molecules, which: Tensor | None = None) -> Known:
        """Conformers: elements, charges and bonds are known.

        Args:
            molecules: the batch.
            which: (B,) bool, the molecules for which this holds; all when None. For the others nothing is known.
        """
        yes = torch.ones(len(molecules), dtype=torch.bool, device=molecules.mask.device) if which is None else which
        atom = molecules.mask & yes[:, None]
        return cls(torch.zeros_like(atom), atom, atom, molecules.pair_mask & yes[:, None, None])

    @classmethod
    def fragments(cls, molecules: Molecules, owner: Tensor, typed: Tensor, closed: Tensor | None = None) -> Known:
        """Growing and linking: atoms are known with all they have, a bond where both its atoms are of one fragment.

        Args:
            molecules: the batch.
            owner: (B, N) int64, a number for each fragment, the same for all its atoms; -1 where an atom is new.
            typed: (B, N) bool, new atoms whose element is known: the hydrogens, so that the others are heavy.
            closed: (B, N) bool, known atoms that bond to nothing but their own fragment, so that 'none' is given to
                every other bond of theirs; none when None.
        """
        atom = (owner >= 0) & molecules.mask
        given = (owner.unsqueeze(1) == owner.unsqueeze(2)) & atom.unsqueeze(1)
        if closed is not None:
            shut = closed & atom
            given = given | shut.unsqueeze(1) | shut.unsqueeze(2)
        return cls(atom, atom | (typed & molecules.mask), atom, given & molecules.pair_mask)

    @classmethod
    def positions(cls, molecules: Molecules, which: Tensor, typed: Tensor) -> Known:
        """Retyping: positions are known.

        Args:
            molecules: the batch.
            which: (B, N) bool, the atoms for which this holds.
            typed: (B, N) bool, other atoms, whose element is known: the hydrogens.
        """
        no = torch.zeros_like(molecules.mask)
        return cls(which & molecules.mask, typed & molecules.mask, no, torch.zeros_like(molecules.pair_mask))


@dataclass(frozen=True)
class Stereo:
    """Stereochemistry of a known graph.

    A tag is stored as the order of a centre's neighbours: in the molecule as asked for, the signed volume
    (`molediff.geometry.signed_volume`) of the four, in this order, is positive. Mirroring a molecule therefore means
    swapping two of them, and the network sees tag times volume, a true scalar.
    """

    centre: Tensor
    """(B, N, 4) int64, neighbours of a tetrahedral centre in order; the centre itself stands in for an implicit
    hydrogen or lone pair; -1 in all four where atom n is no specified centre."""
    cistrans: Tensor
    """(B, N, N) int64, symmetric: 1 where two outer atoms of a double bond are cis, 2 where trans, else 0."""

    @classmethod
    def unspecified(cls, molecules: Molecules) -> Stereo:
        """No centre and no double bond is specified."""
        b, n = molecules.mask.shape
        device = molecules.mask.device
        return cls(torch.full((b, n, 4), -1, device=device), torch.zeros(b, n, n, dtype=torch.long, device=device))

    def keep(self, which: Tensor) -> Stereo:
        """Leave the tags of some molecules out.

        Args:
            which: (B,) bool, the molecules whose tags stay.
        """
        return Stereo(
            torch.where(which[:, None, None], self.centre, torch.full_like(self.centre, -1)),
            self.cistrans * which[:, None, None],
        )

    def mirrored(self) -> Stereo:
        """The tags of the mirror image: two neighbours of every centre swap; cis stays cis."""
        return Stereo(self.centre[..., [1, 0, 2, 3]], self.cistrans)

    def to(self, device) -> Stereo:
        """Move to a device."""
        return Stereo(self.centre.to(device), self.cistrans.to(device))


@dataclass(frozen=True)
class Levels:
    """How noisy each field is, as the network sees it: independent of any schedule.

    ``pos`` is sigma / alpha, the noise of x_t / alpha_t in angstrom; the others are corruption rates 1 - a in [0, 1].
    """

    pos: Tensor
    """(B,) angstrom."""
    atom: Tensor
    """(B,) rate."""
    charge: Tensor
    """(B,) rate."""
    bond: Tensor
    """(B,) rate."""


@dataclass(frozen=True)
class Condition:
    """What is given beside the noisy molecule."""

    known: Known
    stereo: Stereo
    pocket: Pocket | EncodedPocket | None = None
    """Protein atoms in the frame of the molecules (see `Pocket`); encoded, a network reads it."""
    previous: Estimate | None = None
    """What the network itself said in the step before, for networks that read it; NaN positions: it said nothing."""

    @classmethod
    def nothing(cls, molecules: Molecules) -> Condition:
        """De novo generation without a pocket."""
        return cls(Known.nothing(molecules), Stereo.unspecified(molecules))
