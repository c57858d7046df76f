"""Pieces come together as far as a bond is long, whole and nowhere else; what is known and what is one piece stays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from molediff.chem.valences import most_bonds, valences
from molediff.elements import Vocabulary
from molediff.geometry import random_rotations
from molediff.noise import Process, ProcessConfig, Times
from molediff.sampling.forbidden import NEVER
from molediff.sampling.joined import ABOVE, BELOW, GIVEN, LENGTH, joined, landings, pieces, together
from molediff.structures import Condition, Estimate, Known, Molecules

VOCABULARY = Vocabulary(("C", "N", "O", "S"), (0, -1, 1))
PROCESS = Process.build(ProcessConfig(), (4, 3, 4))


def graph(seed: int, n: int, pad: int, density: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, N, N) bonds and (1, N) mask of a random graph, with padding behind it."""
    draw = np.random.default_rng(seed)
    upper = np.triu(draw.random((n, n)) < density / n, 1)
    bonded = torch.zeros(1, n + pad, n + pad, dtype=torch.bool)
    bonded[0, :n, :n] = torch.from_numpy(upper | upper.T)
    mask = torch.zeros(1, n + pad, dtype=torch.bool)
    mask[0, :n] = True
    return bonded, mask


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(0, 4), st.floats(0, 3))
@settings(max_examples=60, deadline=None)
def test_pieces_are_the_connected_components(seed, n, pad, density):
    bonded, mask = graph(seed, n, pad, density)
    label = pieces(bonded, mask)[0]
    count, expected = connected_components(bonded[0, :n, :n].numpy())
    assert len(set(label[:n].tolist())) == count
    for k in range(count):
        own = np.flatnonzero(expected == k)
        assert set(label[own].tolist()) == {int(own.min())}
    assert label[n:].tolist() == list(range(n, n + pad))


def two_pieces(gap: float = 3.1) -> tuple[Molecules, torch.Tensor]:
    """Four and two carbons in a row with a gap between, and their bonds; one atom of padding."""
    x = [0.0, 1.5, 3.0, 4.5, 4.5 + gap, 6.0 + gap]
    pos = torch.zeros(1, 7, 3, dtype=torch.float64)
    pos[0, :6, 0] = torch.tensor(x, dtype=torch.float64)
    pos[0, 1::2, 1] = 0.6
    bond = torch.zeros(1, 7, 7, dtype=torch.long)
    for i, j in ((0, 1), (1, 2), (2, 3), (4, 5)):
        bond[0, i, j] = bond[0, j, i] = 1
    mask = torch.arange(7)[None] < 6
    zero = torch.zeros(1, 7, dtype=torch.long)
    return Molecules(pos, zero, zero, bond, mask), bond


def says(molecules: Molecules, closed: tuple[int, ...] = ()):
    """A denoiser that says these molecules."""
    bond = 50.0 * torch.nn.functional.one_hot(molecules.bond, 4).double()
    for atom in closed:
        bond[:, atom, :, 1:] = bond[:, :, atom, 1:] = NEVER
    atom = 50.0 * torch.nn.functional.one_hot(molecules.atom, 4).double()
    charge = 50.0 * torch.nn.functional.one_hot(molecules.charge, 3).double()

    def denoise(noisy, times, condition):
        return Estimate(molecules.pos, atom, charge, bond)

    return denoise


def moved(molecules: Molecules, sigma: float = 0.2, known: Known | None = None, closed=(), anchored: bool = False):
    """What `joined` makes of a denoiser's word: (1, N, 3) moves."""
    known = known or Known.nothing(molecules)
    condition = dataclasses.replace(Condition.nothing(molecules), known=known)
    if anchored:
        condition = dataclasses.replace(condition, pocket=object())
    rho = torch.tensor([sigma / PROCESS.config.scale], dtype=torch.float64)
    times = Times.same(PROCESS.schedule.time_of(rho))
    wrapped = joined(says(molecules, closed), PROCESS, valences(VOCABULARY), most_bonds(VOCABULARY))
    return wrapped(molecules, times, condition).pos - molecules.pos


def nearest(pos: torch.Tensor) -> float:
    """Between the two pieces of `two_pieces`."""
    return torch.cdist(pos[0, :4], pos[0, 4:6]).min().item()


@pytest.mark.parametrize("gap", [1.6, 3.1, 8.0])
def test_two_pieces_become_neighbours(gap):
    molecules, _ = two_pieces(gap)
    move = moved(molecules, anchored=True)
    assert nearest(molecules.pos + move) == pytest.approx(LENGTH, abs=1e-6)
    assert move[0, :4].abs().max() == 0 and move[0, 6].abs().max() == 0  # the larger piece and the padding
    assert (move[0, 4] - move[0, 5]).abs().max() < 1e-12  # the smaller one as a whole


def test_without_an_anchor_the_centre_of_mass_stays():
    molecules, _ = two_pieces()
    move = moved(molecules)
    assert move.sum(1).abs().max() < 1e-12 and move[0, 6].abs().max() == 0
    assert nearest(molecules.pos + move) == pytest.approx(LENGTH, abs=1e-6)


@pytest.mark.parametrize("sigma", [0.9 * ABOVE, 1.1 * BELOW])
def test_only_between_two_levels_of_noise(sigma):
    assert moved(two_pieces()[0], sigma).abs().max() == 0


@pytest.mark.parametrize(("sigma", "moves"), [(1.1 * GIVEN, False), (0.9 * GIVEN, True), (0.9 * ABOVE, False)])
def test_it_begins_earlier_where_positions_are_given(sigma, moves):
    molecules, _ = two_pieces()
    where = torch.arange(7)[None] < 4
    known = Known.positions(molecules, where, torch.zeros_like(where))
    assert bool(moved(molecules, sigma, known).abs().max() > 1) is moves
    assert moved(molecules, 0.9 * GIVEN).abs().max() == 0


def test_one_piece_is_left_alone():
    molecules, bond = two_pieces()
    bond[0, 3, 4] = bond[0, 4, 3] = 1
    assert moved(molecules.replace(bond=bond)).abs().max() == 0


def test_atoms_without_room_are_not_bonded_to():
    """The facing atom is a full one: the next nearest is taken. Where nobody has room, nothing moves."""
    molecules, _ = two_pieces()
    atom = molecules.atom.clone()
    atom[0, 3] = 2  # oxygen at the end, which has one bond and room for one more
    bond = molecules.bond.clone()
    bond[0, 2, 3] = bond[0, 3, 2] = 2  # and now none
    full = molecules.replace(atom=atom, bond=bond)
    after = full.pos + moved(full, anchored=True)
    assert torch.cdist(after[0, 2:3], after[0, 4:6]).min().item() == pytest.approx(LENGTH, abs=1e-6)
    assert moved(molecules, closed=range(4), anchored=True).abs().max() == 0
    assert moved(molecules, closed=(3,), anchored=True)[0, 4:6].abs().max() > 1


@pytest.mark.parametrize("given", [False, True])
def test_a_known_sulphur_with_two_bonds_may_have_more(given):
    """A sulfone cut off at its sulphur: what usually has room is asked of new atoms only."""
    molecules, bond = two_pieces()
    atom = molecules.atom.clone()
    atom[0, 3] = 3
    bond[0, 2, 3] = bond[0, 3, 2] = 2
    molecules = molecules.replace(atom=atom, bond=bond)
    known = dataclasses.replace(Known.nothing(molecules), atom=molecules.mask & given)
    after = molecules.pos + moved(molecules, known=known, anchored=True)
    to_sulphur = torch.cdist(after[0, 3:4], after[0, 4:6]).min().item()
    assert (to_sulphur == pytest.approx(LENGTH, abs=1e-6)) is given and nearest(after) < 2.2


def test_known_positions_stay_and_others_come_to_them():
    molecules, _ = two_pieces()
    where = torch.zeros(1, 7, dtype=torch.bool)
    where[0, 4:6] = True
    known = Known.positions(molecules, where, torch.zeros_like(where))
    move = moved(molecules, known=known)
    assert move[0, 4:6].abs().max() == 0 and move[0, :4].abs().min(0).values[0] > 1
    assert nearest(molecules.pos + move) == pytest.approx(LENGTH, abs=1e-6)


def from_behind() -> tuple[Molecules, Known]:
    """`two_pieces` with the row of four given and the two others beside its middle, behind the open end."""
    molecules, _ = two_pieces()
    pos = molecules.pos.clone()
    pos[0, 4], pos[0, 5] = torch.tensor([2.5, 3.0, 0.0]), torch.tensor([2.5, 4.5, 0.0])
    where = torch.arange(7)[None] < 4
    molecules = molecules.replace(pos=pos)
    return molecules, Known.positions(molecules, where, torch.zeros_like(where))


def moves(pos, label, may, mask, bonded, known):
    """Of `together`, to where `landings` says."""
    return together(pos, landings(pos, bonded, known), label, may, mask, known)


def test_at_a_given_position_pieces_come_to_the_side_that_is_free():
    molecules, some = from_behind()
    bonded, mask = molecules.bond > 0, molecules.mask
    may = torch.zeros_like(bonded)
    may[0, 3, 4:6] = may[0, 4:6, 3] = True
    after = {}
    for stays in (False, True):
        move = moves(molecules.pos, pieces(bonded, mask), may, mask, bonded, some.pos & stays)
        assert move[0, :4].abs().max() == 0
        after[stays] = (molecules.pos + move)[0]
        assert (after[stays][3] - after[stays][4]).norm().item() == pytest.approx(LENGTH, abs=1e-6)
    on_line, beside = ((after[stays][4] - after[stays][2]).norm().item() for stays in (False, True))
    assert on_line < 1.9 and beside > 2.2  # from the neighbour of the open end


@given(st.integers(0, 10_000), st.integers(2, 12), st.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_landings_are_a_bond_away_and_on_the_line_where_nothing_is_given(seed, n, density):
    bonded, _ = graph(seed, n, 0, density)
    pos = 2 * torch.randn(1, n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    nothing, apart = torch.zeros(1, n, dtype=torch.bool), ~bonded[0] & ~torch.eye(n, dtype=torch.bool)
    on_line, freer = landings(pos, bonded, nothing), landings(pos, bonded, ~nothing)
    for places in (on_line, freer):
        far = (places - pos[:, None]).norm(dim=-1)[0]
        torch.testing.assert_close(far[apart], torch.full_like(far[apart], LENGTH))
    towards = pos[:, :, None] - pos[:, None]
    along = torch.linalg.cross(towards, on_line - pos[:, None]).norm(dim=-1)[0]
    assert along.max() < 1e-9
    to_own = (freer[0, :, :, None] - pos[0]).norm(dim=-1)  # (i, j, k) from where i would be at j to k
    line = (on_line[0, :, :, None] - pos[0]).norm(dim=-1)
    one = bonded[0].sum(0) == 1  # atoms with one bond: never nearer to the neighbour than on the line
    nearer = (to_own < line - 1e-9) & bonded[0] & one[:, None]
    assert not bool((nearer & apart[:, :, None]).any())


@pytest.mark.parametrize("given", [False, True])
def test_it_turns_with_the_molecule_and_molecules_do_not_see_each_other(given):
    molecules, some = from_behind()
    rotation = random_rotations(1, torch.Generator().manual_seed(0), torch.float64)
    bonded, mask = molecules.bond > 0, molecules.mask
    label, may, known = pieces(bonded, mask), molecules.pair_mask, some.pos & given
    one = moves(molecules.pos, label, may, mask, bonded, known)
    assert one.abs().max() > 0.5
    torch.testing.assert_close(moves(molecules.pos @ rotation + 3, label, may, mask, bonded, known), one @ rotation)
    twice = [torch.cat([x, x.flip(0)]) for x in (molecules.pos, label, may, mask, bonded, known)]
    twice[0] = torch.cat([molecules.pos, 2 * molecules.pos])
    torch.testing.assert_close(moves(*twice)[:1], one)


def test_room_is_what_is_usual():
    room = valences(Vocabulary(("H", "C", "N", "O", "P", "S", "Cl"), (0, -1, 1)))
    assert room[:, 0].tolist() == [1, 4, 3, 2, 3, 2, 1]
    assert room[2].tolist() == [3, 2, 4] and room[3].tolist() == [2, 1, 3] and room[0].tolist() == [1, 0, 0]
