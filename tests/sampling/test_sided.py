"""The sides of double bonds that were asked for: they turn until they have them, and nothing else moves."""

import pytest
import torch

from molediff.geometry import random_rotations
from molediff.noise import Process, ProcessConfig, Times
from molediff.sampling.sided import BELOW, LEAST, STEP, sided, turn
from molediff.structures import Condition, Estimate, Known, Molecules, Stereo

CIS, TRANS = 1, 2
SHAPES = {
    CIS: [[-0.75, 1.3, 0], [0, 0, 0], [1.34, 0, 0], [2.1, 1.0, 0.1]],
    TRANS: [[-0.75, 1.3, 0], [0, 0, 0], [1.34, 0, 0], [2.1, -1.0, 0.1]],
}


def world(shape, tag):
    """Two outer atoms at the ends of a double bond, at unequal distances, and a fifth atom bonded to nothing."""
    pos = torch.tensor([*SHAPES[shape], [9.0, 9.0, 9.0]], dtype=torch.float64)[None]
    bond, tags = torch.zeros(2, 1, 5, 5, dtype=torch.long)
    for i, j, order in ((0, 1, 1), (1, 2, 2), (2, 3, 1)):
        bond[0, i, j] = bond[0, j, i] = order
    tags[0, 0, 3] = tags[0, 3, 0] = tag
    return pos, bond, tags


def product(pos):
    """Of the outer atoms' arms, off the axis."""
    a, x, y, d = pos[0, :4]
    axis = (y - x) / (y - x).norm()
    u, w = (v - (v @ axis) * axis for v in (a - x, d - y))
    return float(u @ w)


@pytest.mark.parametrize(("shape", "tag"), [(CIS, TRANS), (TRANS, CIS)])
def test_a_bond_on_the_wrong_side_turns(shape, tag):
    pos, bond, tags = world(shape, tag)
    assert turn(*world(tag, tag)).abs().max() == 0  # right already: nothing moves
    for _ in range(40):
        move = turn(pos, bond, tags)
        assert move.norm(dim=-1).max() <= STEP + 1e-12 and move[0, 4].abs().max() == 0
        assert move.sum(1).abs().max() < 1e-12
        pos = pos + move
    assert product(pos) * (1 if tag == CIS else -1) > LEAST - 1e-3


def test_it_turns_with_the_molecule_and_its_mirror():
    pos, bond, tags = world(CIS, TRANS)
    pos[0, 3, 2] = 0.4
    rotation = random_rotations(1, torch.Generator().manual_seed(0), torch.float64)
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    for matrix in (rotation, mirror):
        torch.testing.assert_close(turn(pos @ matrix, bond, tags), turn(pos, bond, tags) @ matrix)


def test_molecules_of_a_batch_do_not_see_each_other():
    one, other = world(CIS, TRANS), world(TRANS, TRANS)
    both = turn(*(torch.cat(pair) for pair in zip(one, other, strict=True)))
    torch.testing.assert_close(both[:1], turn(*one))
    assert both[1].abs().max() == 0 and turn(one[0], one[1], 0 * one[2]).abs().max() == 0


def test_only_late_and_only_what_is_free():
    pos, bond, tags = world(CIS, TRANS)
    process = Process.build(ProcessConfig(), (5, 3, 4))
    zero = torch.zeros(1, 5, dtype=torch.long)
    noisy = Molecules(pos, zero, zero, bond, torch.ones(1, 5, dtype=torch.bool))
    stereo = Stereo(Stereo.unspecified(noisy).centre, tags)
    plain = Estimate(pos, torch.zeros(1, 5, 5), torch.zeros(1, 5, 3), torch.zeros(1, 5, 5, 4))

    def at(rho, known=None):
        time = process.schedule.time_of(torch.tensor([rho / process.config.scale], dtype=torch.float64))
        condition = Condition(known or Known.nothing(noisy), stereo)
        return sided(lambda *_: plain, process)(noisy, Times.same(time), condition).pos - pos

    assert at(1.1 * BELOW).abs().max() == 0 and at(0.9 * BELOW).abs().max() > 0.1
    nothing = Known.nothing(noisy)
    fixed = torch.tensor([[True, False, False, False, False]])
    moved = at(0.9 * BELOW, Known(fixed, nothing.atom, nothing.charge, nothing.bond))
    assert moved[0, 0].abs().max() == 0 and moved[0, 3].abs().max() > 0.1
