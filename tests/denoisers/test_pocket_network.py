"""A network that reads a pocket: symmetries of ligand and pocket together, in float64 with random weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from molediff.config import UserError
from molediff.denoisers import DENOISERS
from molediff.denoisers.cross import in_order, neighbours, ranks
from molediff.geometry import random_rotations
from molediff.model import Model, SizePrior
from molediff.model.settings import ModelConfig
from molediff.structures import EncodedPocket, Estimate, Pocket, pad_atoms
from tests.denoisers.conftest import CLEAN, NOISY, SCALE, SMALL, build_world, randomise

SIZES = (7, 5, 9, 1)
ATOMS = (40, 31, 12, 25)
TOLERANCE = {"rtol": 1e-9, "atol": 1e-9}
SETTINGS = {**SMALL["attention"], "layers": 4, "pocket": 8, "pocket_vectors": 4, "pocket_layers": 2}


def build(seed: int = 0, settings=SETTINGS):
    network, config = DENOISERS["attention"]
    torch.manual_seed(seed)
    return network(config(**settings), NOISY, CLEAN, SCALE)


@pytest.fixture(scope="module")
def network():
    return randomise(build())


@pytest.fixture(scope="module")
def pocket() -> Pocket:
    """Atoms in a shell of 3 to 9 angstrom round the origin."""
    g = torch.Generator().manual_seed(7)
    b, m = len(ATOMS), max(ATOMS)
    mask = torch.arange(m) < torch.tensor(ATOMS)[:, None]
    direction = torch.nn.functional.normalize(torch.randn(b, m, 3, generator=g, dtype=torch.float64), dim=-1)
    pos = direction * (3 + 6 * torch.rand(b, m, 1, generator=g, dtype=torch.float64)) * mask[..., None]
    classes = [torch.randint(k, (b, m), generator=g) * mask for k in (11, 25)]
    return Pocket(pos, *classes, (torch.rand(b, m, generator=g) < 0.5) & mask, mask)


@pytest.fixture(params=["nothing", "graph", "fragment"])
def world(request):
    return build_world(SIZES, request.param)


def see(network, world, pocket: Pocket | None) -> Estimate:
    condition = replace(world.condition, pocket=None if pocket is None else network.encode(pocket))
    out = network(world.noisy, world.levels, condition)
    atoms, pairs = world.noisy.mask[..., None], world.noisy.pair_mask[..., None]
    return Estimate(out.pos * atoms, out.atom * atoms, out.charge * atoms, out.bond * pairs)


def same(a: Estimate, b: Estimate) -> None:
    for name in ("pos", "atom", "charge", "bond"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), **TOLERANCE)


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_turning_and_mirroring_both(network, world, pocket, mirror):
    g = torch.Generator().manual_seed(1)
    flip = torch.diag(torch.tensor([1.0, 1.0, mirror], dtype=torch.float64))
    turn = random_rotations(len(SIZES), g, torch.float64) @ flip
    turned = world.with_pos(world.noisy.pos @ turn)
    if mirror < 0:
        turned = turned.with_stereo(world.condition.stereo.mirrored())
    before = see(network, world, pocket)
    after = see(network, turned, replace(pocket, pos=pocket.pos @ turn))
    same(before.replace(pos=before.pos @ turn), after)


def test_turning_the_pocket_alone_changes_the_estimate(network, world, pocket):
    turn = random_rotations(len(SIZES), torch.Generator().manual_seed(2), torch.float64)
    before, after = see(network, world, pocket), see(network, world, replace(pocket, pos=pocket.pos @ turn))
    for b, n in enumerate(SIZES):
        # A single atom at the origin sees no difference.
        assert n == 1 or (before.atom[b, :n] - after.atom[b, :n]).abs().max() > 1e-4


@pytest.mark.parametrize("field", ["element", "residue", "backbone"])
def test_every_field_of_the_pocket_is_read(network, world, pocket, field):
    value = getattr(pocket, field)
    changed = ~value if field == "backbone" else (value + 1) % 11
    before, after = see(network, world, pocket), see(network, world, replace(pocket, **{field: changed}))
    assert (before.atom - after.atom).abs().max() > 1e-4


def test_order_and_padding_of_the_pocket_do_not_matter(network, world, pocket):
    m = pocket.mask.shape[1]
    g = torch.Generator().manual_seed(3)
    order = torch.stack([torch.randperm(m, generator=g) for _ in SIZES])  # padding goes anywhere, too
    fields = ("pos", "element", "residue", "backbone", "mask")
    mixed = Pocket(*(torch.stack([getattr(pocket, f)[b, order[b]] for b in range(len(SIZES))]) for f in fields))
    padded = Pocket(*(pad_atoms(getattr(pocket, f), m + 9) for f in fields))
    before = see(network, world, pocket)
    same(before, see(network, world, mixed))
    same(before, see(network, world, padded))


def test_each_molecule_reads_its_own_pocket(network, pocket):
    world = build_world(SIZES)
    together = see(network, world, pocket)
    other = Pocket(*(x.clone() for x in (pocket.pos, pocket.element, pocket.residue, pocket.backbone, pocket.mask)))
    other.pos[1] *= 1.1
    changed = see(network, world, other)
    for b, n in enumerate(SIZES):
        moved = (together.atom[b, :n] - changed.atom[b, :n]).abs().max()
        assert moved > 1e-4 if b == 1 else moved < 1e-12


def test_without_a_pocket_nothing_is_read(network, pocket):
    """A molecule whose pocket is dropped gets a finite estimate, the same for any pocket."""
    world = build_world(SIZES)
    encoded = network.encode(pocket)
    all_of_them = torch.ones(len(SIZES), dtype=torch.bool)
    out = [
        network(world.noisy, world.levels, replace(world.condition, pocket=e.dropped(all_of_them)))
        for e in (encoded, network.encode(replace(pocket, pos=pocket.pos * 1.2)))
    ]
    assert torch.isfinite(out[0].pos).all()
    same(*out)


def test_a_fresh_network_is_the_trunk(pocket):
    """With outputs that begin at zero, the network with a pocket says what the one without does."""
    trunk = build(settings={**SETTINGS, "pocket": 0}).double().eval()
    both = build(seed=1).double().eval()
    missing, unexpected = both.load_state_dict(trunk.state_dict(), strict=False)
    assert not unexpected and missing and all(k.startswith(("encoder.", "cross.")) for k in missing)
    world = build_world(SIZES, "fragment")  # a fragment anchors the frame in both
    same(see(both, world, pocket), see(both, world, None))
    same(see(both, world, None), see(trunk, world, None))


def test_true_distances_where_no_noise_is_left(network, pocket):
    """As sigma -> 0 the estimate stays where the ligand is, beside a pocket that did not move."""
    world, moved = build_world(SIZES), []
    for sigma in (1e-6, 1e-8, 1e-10):
        clear = replace(world, levels=replace(world.levels, pos=world.levels.pos * 0 + sigma))
        moved.append((see(network, clear, pocket).pos - world.noisy.pos).abs().max().item())
    # In proportion to what noise is left; how much a network of random weights asks for says nothing.
    assert moved[1] < 0.02 * moved[0] and moved[2] < 0.02 * moved[1] and moved[2] < 1e-3, moved


def test_neighbours_are_the_nearest_and_then_spread(network, pocket):
    world = build_world(SIZES)
    y, far = world.noisy.pos, torch.ones_like(world.noisy.pos[..., :1])
    near = neighbours(y, y, far, network.encode(pocket))
    rank = ranks()
    assert rank[:16] == list(range(16)) and rank == sorted(set(rank))
    for b, (n, m) in enumerate(zip(SIZES, ATOMS, strict=True)):
        d = torch.cdist(world.noisy.pos[b, :n], pocket.pos[b, :m])
        inside = [r for r in rank if r < m]
        got = d.gather(1, near.index[b, :n, : len(inside)])
        torch.testing.assert_close(got, d.sort(1).values[:, inside])
        assert near.there[b, :n].sum(1).eq(len(inside)).all()
        torch.testing.assert_close((near.pos[b, :n, : len(inside)] - y[b, :n, None]).norm(dim=-1), got)
        torch.testing.assert_close(near.noisy[b, :n, : len(inside), -1], got.clamp(max=10))


DISTANCES = st.floats(0, width=32, allow_nan=False) | st.sampled_from([0.0, 1.0, float("inf")])


@given(st.lists(st.lists(DISTANCES, min_size=5, max_size=5), min_size=1, max_size=4))
def test_order_is_that_of_a_stable_sort(rows):
    d = torch.tensor(rows)
    assert torch.equal(in_order(d), d.sort(dim=-1, stable=True).indices)
    assert torch.equal(in_order(d.double()), in_order(d))


def test_one_pocket_for_all_is_as_a_copy_for_each(network, pocket):
    """What is projected and gathered once for all molecules is what each would have of its own."""
    one = network.encode(
        Pocket(*(x[:1] for x in (pocket.pos, pocket.element, pocket.residue, pocket.backbone, pocket.mask)))
    )
    shared, world = one.expand(len(SIZES)), build_world(SIZES)
    copied = EncodedPocket(*(x.clone() for x in (shared.pos, shared.mask, shared.scalar, shared.vector)))
    assert shared.scalar.stride(0) == 0 != copied.scalar.stride(0)
    said = [network(world.noisy, world.levels, replace(world.condition, pocket=each)) for each in (shared, copied)]
    same(*said)


def test_a_model_encodes_by_itself_and_one_without_refuses(pocket):
    torch.manual_seed(0)
    model = Model(ModelConfig(network=SETTINGS, explicit_hydrogens=False), SizePrior({5: 1}))
    assert model.reads_pockets
    small = Pocket(pocket.pos.float(), pocket.element, pocket.residue, pocket.backbone, pocket.mask)
    assert model.encode(small).scalar.shape == (len(SIZES), max(ATOMS), 8)
    with pytest.raises(UserError, match="knows no pockets"):
        Model(ModelConfig(network=SMALL["attention"], explicit_hydrogens=False), SizePrior({5: 1})).encode(small)
