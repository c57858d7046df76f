"""What a network said before is an input with every symmetry, and one that may be missing."""

from dataclasses import replace

import pytest
import torch

from molediff.denoisers import DENOISERS
from molediff.geometry import random_rotations
from molediff.structures import Estimate
from tests.denoisers.conftest import CLEAN, NOISY, SCALE, SMALL, build_world

SETTINGS = SMALL["attention"] | {"self_conditioning": True}


@pytest.fixture
def network():
    """With random weights everywhere, also where training begins with zeros."""
    build, config = DENOISERS["attention"]
    torch.manual_seed(0)
    made = build(config(**SETTINGS), NOISY, CLEAN, SCALE).double()
    for p in made.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return made


def said(world, seed=5):
    g = torch.Generator().manual_seed(seed)
    b, n = world.noisy.mask.shape

    def normal(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    bond = normal(b, n, n, CLEAN[2])
    pos = 2 * normal(b, n, 3) * world.noisy.mask[..., None]
    return Estimate(pos, normal(b, n, CLEAN[0]), normal(b, n, CLEAN[1]), bond + bond.transpose(1, 2))


def see(network, world, previous):
    return network(world.noisy, world.levels, replace(world.condition, previous=previous))


def close(a, b):
    for name in ("pos", "atom", "charge", "bond"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("given", ["nothing", "graph", "fragment"])
def test_it_turns_with_the_molecule(network, given):
    world = build_world((7, 5, 9), given)
    before = said(world)
    turn = random_rotations(3, torch.Generator().manual_seed(1), torch.float64)
    mirror = turn @ torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    out = see(network, world, before)
    turned = see(network, world.with_pos(world.noisy.pos @ turn), before.replace(pos=before.pos @ turn))
    close(out.replace(pos=out.pos @ turn), turned)
    seen = world.with_pos(world.noisy.pos @ mirror).with_stereo(world.condition.stereo.mirrored())
    close(out.replace(pos=out.pos @ mirror), see(network, seen, before.replace(pos=before.pos @ mirror)))
    only = see(network, world, before.replace(pos=before.pos @ turn))
    assert (only.pos - out.pos).abs().max() > 1e-3  # turned alone it says something else


def test_every_part_of_it_is_read(network):
    world = build_world((7, 5, 9))
    before = said(world)
    out = see(network, world, before)
    for name in ("pos", "atom", "charge", "bond"):
        changed = before.replace(**{name: 0 * getattr(before, name)})
        assert (see(network, world, changed).bond - out.bond).abs().max() > 1e-6, name


def test_nothing_said_is_no_input(network):
    world = build_world((7, 5, 9))
    unsaid = Estimate.unsaid(world.noisy.pos, CLEAN)
    close(see(network, world, None), see(network, world, unsaid))
    # Molecule by molecule.
    before, silent = said(world), torch.tensor([True, False, True])[:, None, None]
    mixed = before.replace(pos=torch.where(silent, unsaid.pos, before.pos))
    some, none, all_said = see(network, world, mixed), see(network, world, None), see(network, world, before)
    for k, like in enumerate((none, all_said, none)):
        torch.testing.assert_close(some.pos[k], like.pos[k], rtol=1e-9, atol=1e-9)


def test_padding_says_nothing(network):
    world = build_world((7, 5, 9))
    before = said(world)
    pads = ~world.noisy.mask
    noise = before.replace(atom=before.atom + 9 * pads[..., None], charge=before.charge - 9 * pads[..., None])
    a, b = see(network, world, before), see(network, world, noise)
    torch.testing.assert_close(a.pos, b.pos, rtol=1e-9, atol=1e-9)


def test_it_begins_without_effect():
    build, config = DENOISERS["attention"]
    torch.manual_seed(0)
    fresh = build(config(**SETTINGS), NOISY, CLEAN, SCALE).double()
    world = build_world((7, 5, 9))
    close(see(fresh, world, None), see(fresh, world, said(world)))
