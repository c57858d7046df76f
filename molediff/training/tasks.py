"""Tasks of a training batch: which molecules have their graph, a part of their atoms, or their positions known.

Fragments are cut as `molediff.chem.fragments` presents one to `generate --known`: heavy atoms with the hydrogens that
sit on them, without those at attachment points; or without any, as where no attachment point is marked. Which of the
new atoms are hydrogens may be known too, so that the number of new heavy atoms is the one asked for. Where hydrogens
are implied, none can show which atoms are attachment points: there closed atoms may know that they have no other bond.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from molediff.config import UserError
from molediff.geometry import centre_on
from molediff.sampling.joined import pieces
from molediff.structures import Condition, Known, Molecules, Stereo

LINKED = 0.25
"""Share of the cuts that grow from two places."""
RIGID = 0.7
"""Share of the cuts that go through single bonds outside rings only, as a chemist's do; the others go anywhere."""
BARE = 0.5
"""Share of the cuts that know no hydrogen, as where any atom may be an attachment point."""


@dataclass(frozen=True)
class Shares:
    """Of the molecules of a batch; the rest is made from nothing."""

    conformer: float
    """Graph known."""
    fragment: float
    """Connected pieces known with their positions."""
    retype: float
    """Positions of the heavy atoms known."""
    marked: bool = False
    """Whether it is known which of the new atoms are hydrogens."""
    closed: bool = False
    """Whether atoms of a fragment may know that they bond to nothing new."""

    def check(self) -> None:
        """Raise a UserError unless each is at least 0 and they leave room for each other."""
        if min(self.conformer, self.fragment, self.retype) < 0 or self.conformer + self.fragment + self.retype > 1:
            raise UserError(
                "conformer_share, fragment_share and retype_share must be at least 0 and at most 1 together, got "
                f"{self.conformer}, {self.fragment} and {self.retype}."
            )


def positioned(
    clean: Molecules,
    stereo: Stereo,
    graph: Tensor,
    shares: Shares,
    hydrogen: int | None,
    generator: torch.Generator,
    framed: bool = False,
) -> tuple[Molecules, Condition]:
    """Give some of the molecules whose graph is not known a fragment or positions; each is centred on what is known.

    Stereo tags stay with the molecules whose graph is known: elsewhere the known positions show the hand.

    Args:
        clean: the batch.
        stereo: its tags.
        graph: (B,) bool, molecules whose graph is known.
        shares: of the whole batch.
        hydrogen: class of hydrogen atoms, None where hydrogens are implied.
        generator: of the tasks alone, so that nothing else shifts.
        framed: whether a pocket is the frame, so that nothing is centred.
    """
    condition = Condition(Known.graph(clean, graph), stereo.keep(graph))
    if not shares.fragment + shares.retype:
        return clean, condition
    device = clean.mask.device
    rest = max(1 - shares.conformer, 1e-9)
    u = torch.rand(len(clean), generator=generator).to(device)
    cut = ~graph & (u < shares.fragment / rest)
    retyped = ~graph & ~cut & (u < (shares.fragment + shares.retype) / rest)
    owner = torch.full_like(clean.atom, -1)
    if bool(cut.any()):
        owner[cut] = draw_cuts(_rows(clean, cut), hydrogen, generator)
    heavy = heavy_atoms(clean, hydrogen)
    light = ~heavy & shares.marked
    closed = draw_closed(clean, owner, generator) if shares.closed else None
    parts = Known.fragments(clean, owner, light & (owner < 0) & cut[:, None], closed)
    places = Known.positions(clean, heavy & retyped[:, None], light & retyped[:, None])
    known = merged(condition.known, parts, places)
    if not framed:
        clean = clean.replace(pos=centre_on(clean.pos, clean.mask, known.pos))
    return clean, Condition(known, condition.stereo)


def _rows(molecules: Molecules, which: Tensor) -> Molecules:
    """Some molecules, padding as it was."""
    return Molecules(**{name: value[which] for name, value in vars(molecules).items()})


def merged(*known: Known) -> Known:
    """Known in any of them."""
    fields = ("pos", "atom", "charge", "bond")
    return Known(*(torch.stack([getattr(k, f) for k in known]).any(0) for f in fields))


def heavy_atoms(molecules: Molecules, hydrogen: int | None) -> Tensor:
    """(B, N) bool."""
    return molecules.mask if hydrogen is None else molecules.mask & (molecules.atom != hydrogen)


def draw_cuts(molecules: Molecules, hydrogen: int | None, generator: torch.Generator) -> Tensor:
    """Connected pieces of random size, one or two a molecule, at least one heavy atom short of the whole.

    Args:
        molecules: clean batch.
        hydrogen: class of hydrogen atoms, or None.
        generator: of the choices.

    Returns:
        (B, N) int64: a label of the piece, -1 where an atom is not known. A molecule with fewer than two heavy atoms
        has no piece.
    """
    heavy = heavy_atoms(molecules, hydrogen)
    first = (~heavy).long().argsort(dim=1, stable=True)[:, : int(heavy.sum(1).max())]  # (B, M) heavy atoms come first
    b, m = first.shape
    device = heavy.device
    seed, order = torch.rand(2, b, m, generator=generator).to(device)
    size, linked, rigid, bare = torch.rand(4, b, generator=generator).to(device)
    there = heavy.gather(1, first)
    bond = molecules.bond.gather(1, first[:, :, None].expand(-1, -1, heavy.shape[1]))
    bond = bond.gather(2, first[:, None].expand(-1, m, -1)) * (there[:, None] & there[:, :, None])  # (B, M, M)
    count = there.sum(1)
    wanted = 1 + (size * (count - 1).clamp(min=0)).long()  # 1 .. heavy - 1
    stiff = (bond > 0) & ((bond > 1) | ~bridges(bond > 0))
    block = components(stiff & (rigid < RIGID)[:, None, None], there)
    whole = (block == block.gather(1, _best(seed, there)[:, None])).sum(1) >= count
    # Where one block is the whole molecule, cut anywhere.
    block = torch.where(whole[:, None], torch.arange(m, device=device).expand(b, m), block)
    known = _grow(bond > 0, there, block, seed, order, wanted, linked < LINKED) & (count > 1)[:, None]
    known = torch.zeros_like(heavy).scatter(1, first, known)
    return cut_at(molecules, known, hydrogen, bare < BARE)


def cut_at(molecules: Molecules, known: Tensor, hydrogen: int | None, bare: Tensor) -> Tensor:
    """The labels of `draw_cuts` for given heavy atoms, with the hydrogens that a fragment brings along.

    Args:
        molecules: clean batch.
        known: (B, N) bool, heavy atoms that are known.
        hydrogen: class of hydrogen atoms, or None.
        bare: (B,) bool, whether all hydrogens are unknown.
    """
    heavy = heavy_atoms(molecules, hydrogen)
    known = known & heavy
    bonded = molecules.bond > 0
    attached = known & (bonded & (heavy & ~known)[:, None]).any(-1)  # bonded to an unknown heavy atom
    holds = known & ~attached & ~bare[:, None]
    both = known | (molecules.mask & ~heavy & (bonded & holds[:, None]).any(-1))  # with the hydrogens that are known
    label = components(bonded & known[:, None] & known[:, :, None], known)
    at = (bonded & known[:, None]).long().argmax(-1)  # the atom that a hydrogen sits on
    return torch.where(both, torch.where(known, label, label.gather(1, at)), -1)


def draw_closed(molecules: Molecules, owner: Tensor, generator: torch.Generator) -> Tensor:
    """Known atoms said to bond to nothing new: all such atoms in a third of the cuts, none in a third, some otherwise.

    Args:
        molecules: clean batch.
        owner: (B, N) int64, labels of `draw_cuts`.
        generator: of the choices.

    Returns:
        (B, N) bool.
    """
    known = owner >= 0
    used = (molecules.bond > 0) & (molecules.mask & ~known)[:, None]  # (B, N, N) bonds to new atoms
    share, each = (torch.rand(*shape, generator=generator).to(owner.device) for shape in ((len(owner), 1), owner.shape))
    return known & ~used.any(-1) & (each < (3 * share - 1).clamp(0, 1))


def _grow(skeleton, heavy, block, seed, order, wanted, linked) -> Tensor:
    """(B, N) bool, the known heavy atoms: whole blocks, until as many as wanted are there."""
    n = heavy.shape[1]

    def of(atom: Tensor, yes: Tensor) -> Tensor:
        return (block == block.gather(1, atom[:, None])) & heavy & yes[:, None]

    def leaves_some(known: Tensor, more: Tensor) -> Tensor:
        return ((known | more).sum(1) < heavy.sum(1))[:, None]

    known = of(_best(seed, heavy), heavy.any(1))
    far = heavy & ~known & ~(skeleton & known[:, None]).any(-1)
    second = of(_best(seed, far), linked & far.any(1) & (wanted > 1))
    known = known | (second & leaves_some(known, second))
    # A block that would make the whole molecule known is left out.
    sizes = (block[:, None] == block[:, :, None]).logical_and(heavy[:, None]).sum(-1)  # (B, N) atoms of my block
    for _ in range(n):
        unknown = (heavy & ~known).sum(1, keepdim=True)
        frontier = (skeleton & known[:, None]).any(-1) & heavy & ~known & (sizes < unknown)
        known = known | of(_best(order, frontier), frontier.any(1) & (known.sum(1) < wanted))
    return known


def _best(score: Tensor, among: Tensor) -> Tensor:
    """(B,) the atom with the highest score; 0 where there is none."""
    return torch.where(among, score, -1.0).argmax(1)


def components(adjacent: Tensor, there: Tensor) -> Tensor:
    """(B, N) int64: the smallest index of an atom that one can walk to; N where there is no atom.

    Args:
        adjacent: (B, N, N) bool, symmetric.
        there: (B, N) bool.
    """
    return torch.where(there, pieces(adjacent, there), there.shape[1])


def bridges(adjacent: Tensor) -> Tensor:
    """(B, N, N) bool: bonds in no ring, those whose effective resistance is 1 (all current must go through them).

    Args:
        adjacent: (B, N, N) bool, symmetric.
    """
    a = adjacent.double()
    inverse = torch.linalg.pinv(torch.diag_embed(a.sum(-1)) - a, hermitian=True)
    own = inverse.diagonal(dim1=1, dim2=2)
    resistance = own[:, None] + own[:, :, None] - 2 * inverse
    return adjacent & (resistance > 1 - 1e-6)
