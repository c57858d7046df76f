"""Every network of the catalogue has every symmetry, to 1e-9 in float64, with random weights everywhere.

What must hold of translation: where nothing anchors a molecule the estimate does not see where the input lies, and its
centroid is the origin. Known positions anchor it: the origin then means something (the centre of what is known), the
estimate moves with the input only where no noise is left, and the pipelines keep the frame.

Each check is a function of (network, world), and `test_checks_can_fail` gives each one a network that it must refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molediff.geometry import centre, masked_mean, random_rotations
from molediff.structures import Condition, Estimate, Known, Levels, Molecules, Stereo, pad_atoms, pad_pairs

TOLERANCE = {"rtol": 1e-9, "atol": 1e-9}
GIVEN = ("nothing", "graph", "fragment", "all")
SIZES = (7, 5, 9, 1)


def see(network, world) -> Estimate:
    """The estimate, with what is said of padding taken out."""
    out = network(world.noisy, world.levels, world.condition)
    atoms, pairs = world.noisy.mask[..., None], world.noisy.pair_mask[..., None]
    assert (out.pos[~world.noisy.mask] == 0).all(), "positions at padding are not zero"
    return Estimate(out.pos, out.atom * atoms, out.charge * atoms, out.bond * pairs)


def same(a: Estimate, b: Estimate, **changes) -> None:
    a = a.replace(**changes)
    for name in ("pos", "atom", "charge", "bond"):
        torch.testing.assert_close(getattr(a, name), getattr(b, name), **TOLERANCE, msg=lambda m, n=name: f"{n}: {m}")


def farthest(a: Estimate, b: Estimate) -> float:
    return max((getattr(a, name) - getattr(b, name)).abs().max().item() for name in ("pos", "atom", "charge", "bond"))


def check_rotation(network, world) -> None:
    g = torch.Generator().manual_seed(1)
    turn = random_rotations(len(world.noisy), g, torch.float64)
    before, after = see(network, world), see(network, world.with_pos(world.noisy.pos @ turn))
    same(before, after, pos=before.pos @ turn)


def check_reflection(network, world) -> None:
    """A mirror that stands askew; it flips the tags."""
    g = torch.Generator().manual_seed(2)
    turn = random_rotations(len(world.noisy), g, torch.float64)
    mirror = turn @ torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    seen = world.with_pos(world.noisy.pos @ mirror).with_stereo(world.condition.stereo.mirrored())
    before, after = see(network, world), see(network, seen)
    same(before, after, pos=before.pos @ mirror)


def check_translation(network, world) -> None:
    """Nothing anchors: the estimate stays where it is. All is anchored: it goes along."""
    g = torch.Generator().manual_seed(3)
    mask = world.noisy.mask[..., None]
    shift = 3 * torch.randn(len(world.noisy), 1, 3, generator=g, dtype=torch.float64) * mask
    before, after = see(network, world), see(network, world.with_pos(world.noisy.pos + shift))
    if not world.condition.known.pos.any():
        same(before, after)
        assert masked_mean(after.pos, world.noisy.mask).abs().max() < 1e-9
    elif (world.condition.known.pos == world.noisy.mask).all():
        same(before, after, pos=before.pos + shift)
    else:
        clear = [replace(w, levels=replace(w.levels, pos=w.levels.pos * 0 + 1e-7)) for w in (world, world)]
        clear[1] = clear[1].with_pos(world.noisy.pos + shift)
        before, after = (see(network, w) for w in clear)
        torch.testing.assert_close(before.pos + shift, after.pos, rtol=0, atol=1e-5)


def check_permutation(network, world) -> None:
    """Each molecule's atoms in an order of its own; tags name the same atoms by their new numbers."""
    g = torch.Generator().manual_seed(4)
    n = world.noisy.mask.shape[1]
    order = torch.stack([_shuffled(int(size), n, g) for size in world.noisy.sizes])
    before, after = see(network, world), see(network, reordered(world, order))
    atoms = (atoms_in(x, order) for x in (before.pos, before.atom, before.charge))
    same(Estimate(*atoms, pairs_in(before.bond, order)), after)


def _shuffled(size: int, n: int, generator: torch.Generator) -> torch.Tensor:
    return torch.cat([torch.randperm(size, generator=generator), torch.arange(size, n)])


def atoms_in(x: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    return torch.stack([x[b, order[b]] for b in range(len(x))])


def pairs_in(x: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    return torch.stack([x[b, order[b]][:, order[b]] for b in range(len(x))])


def reordered(world, order: torch.Tensor):
    """The same world with atom order[b, i] of molecule b at place i."""
    x, known, stereo = world.noisy, world.condition.known, world.condition.stereo
    place = torch.argsort(order, 1)  # where each old atom went
    rows = atoms_in(stereo.centre, order)
    renamed = place.gather(1, rows.clamp(min=0).flatten(1)).view_as(rows)
    return replace(
        world,
        noisy=Molecules(
            atoms_in(x.pos, order), atoms_in(x.atom, order), atoms_in(x.charge, order), pairs_in(x.bond, order), x.mask
        ),
        condition=Condition(
            Known(*(atoms_in(k, order) for k in (known.pos, known.atom, known.charge)), pairs_in(known.bond, order)),
            Stereo(torch.where(rows >= 0, renamed, rows), pairs_in(stereo.cistrans, order)),
        ),
    )


def check_padding(network, world) -> None:
    n = world.noisy.mask.shape[1]
    before, after = see(network, world), see(network, padded(world, n + 4))
    assert after.pos.shape[1] == n + 4
    same(before, Estimate(after.pos[:, :n], after.atom[:, :n], after.charge[:, :n], after.bond[:, :n, :n]))


def padded(world, n: int):
    x, known, stereo = world.noisy, world.condition.known, world.condition.stereo
    return replace(
        world,
        noisy=Molecules(
            *(pad_atoms(v, n) for v in (x.pos, x.atom, x.charge)), pad_pairs(x.bond, n), pad_atoms(x.mask, n)
        ),
        condition=Condition(
            Known(*(pad_atoms(k, n) for k in (known.pos, known.atom, known.charge)), pad_pairs(known.bond, n)),
            Stereo(pad_atoms(stereo.centre + 1, n) - 1, pad_pairs(stereo.cistrans, n)),
        ),
    )


def check_batch(network, world) -> None:
    """Each molecule alone, cut to its own size, gets what it gets in company."""
    together = see(network, world)
    for b, n in enumerate(world.noisy.sizes.tolist()):
        alone = see(network, only(world, b, n))
        atoms = (x[b : b + 1, :n] for x in (together.pos, together.atom, together.charge))
        same(Estimate(*atoms, together.bond[b : b + 1, :n, :n]), alone)


def only(world, b: int, n: int):
    x, known, stereo = world.noisy, world.condition.known, world.condition.stereo
    atoms, pairs = (slice(b, b + 1), slice(n)), (slice(b, b + 1), slice(n), slice(n))
    return replace(
        world,
        noisy=Molecules(x.pos[atoms], x.atom[atoms], x.charge[atoms], x.bond[pairs], x.mask[atoms]),
        levels=Levels(*(getattr(world.levels, f)[b : b + 1] for f in ("pos", "atom", "charge", "bond"))),
        condition=Condition(
            Known(known.pos[atoms], known.atom[atoms], known.charge[atoms], known.bond[pairs]),
            Stereo(stereo.centre[atoms], stereo.cistrans[pairs]),
        ),
    )


def check_tags(network, world) -> None:
    """Flipping tags alone changes atoms and geometry of each tagged molecule, and nothing of the others.

    An even permutation of a centre's neighbours says the same as before.
    """
    stereo = world.condition.stereo
    before = see(network, world)
    flipped = see(network, world.with_stereo(stereo.mirrored()))
    even = see(network, world.with_stereo(replace(stereo, centre=stereo.centre[..., [1, 2, 0, 3]])))
    same(before, even)
    for b, tagged in enumerate((stereo.centre >= 0).flatten(1).any(1).tolist()):
        one, other = only_estimate(before, b), only_estimate(flipped, b)
        if not tagged:
            same(one, other)
            continue
        assert (one.atom - other.atom).abs().max() > 1e-6
        if not world.condition.known.pos.any():
            assert (one.pos - other.pos).abs().max() > 1e-6


def only_estimate(e: Estimate, b: int) -> Estimate:
    return Estimate(e.pos[b], e.atom[b], e.charge[b], e.bond[b])


def check_known(network, world) -> None:
    """Bit for bit."""
    known, out = world.condition.known.pos, see(network, world)
    assert torch.equal(out.pos[known], world.noisy.pos[known])


def check_limit(network, world) -> None:
    """As sigma -> 0 all distances, between known and noisy atoms too, become the true ones, in proportion to sigma."""
    g = torch.Generator().manual_seed(5)
    clean, known = world.noisy.pos, world.condition.known.pos
    normal = torch.randn(clean.shape, generator=g, dtype=torch.float64) * (world.noisy.mask & ~known)[..., None]
    want = torch.cdist(clean, clean)
    pairs = world.noisy.pair_mask
    for sigma in (1e-4, 1e-6, 1e-8):
        near = replace(
            world.with_pos(clean + sigma * normal), levels=replace(world.levels, pos=world.levels.pos * 0 + sigma)
        )
        pos = see(network, near).pos
        assert (torch.cdist(pos, pos) - want)[
            pairs
        ].abs().max() < 1000 * sigma  # random weights make c_out's factor large


def check_bonds(network, world) -> None:
    bond = see(network, world).bond
    torch.testing.assert_close(bond, bond.transpose(1, 2), **TOLERANCE)


CHECKS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "rotation": (check_rotation, GIVEN),
    "reflection": (check_reflection, GIVEN),
    "translation": (check_translation, GIVEN),
    "permutation": (check_permutation, GIVEN),
    "padding": (check_padding, GIVEN),
    "batch": (check_batch, GIVEN),
    "tags": (check_tags, GIVEN),
    "known": (check_known, ("fragment", "all")),
    "limit": (check_limit, ("nothing", "fragment")),
    "bonds": (check_bonds, GIVEN),
}


@pytest.mark.parametrize("what", GIVEN)
@pytest.mark.parametrize("check", CHECKS)
def test_symmetry(network, world, check, what):
    function, applies = CHECKS[check]
    if what in applies:
        function(network, world(SIZES, what))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    what=st.sampled_from(GIVEN),
    log_rho=st.floats(-4, 4),
    seed=st.integers(0, 2**31),
)
def test_symmetry_of_any_world(networks, world, sizes, what, log_rho, seed):
    """All sizes, also single atoms; all levels from .02 to 55 angstrom."""
    any_world = world(sizes, what, seed, 2.718**log_rho)
    for network in networks.values():
        for check in ("rotation", "reflection", "translation", "permutation", "padding", "batch", "known", "bonds"):
            CHECKS[check][0](network, any_world)


def test_nothing_is_trivially_true(network, world):
    """The networks tested do something: atoms move relative to their input, and logits differ between sites."""
    for what in ("nothing", "graph", "fragment"):
        w = world(SIZES, what)
        out = see(network, w)
        flat = [out.atom[0, :5], out.charge[0, :5], out.bond[0, 0, 1:5]]
        assert all(x.std(0).min() > 1e-3 for x in flat)
        moved = torch.cdist(out.pos, out.pos) / torch.cdist(w.noisy.pos, w.noisy.pos).clamp(min=1e-9)
        noisy = w.noisy.pair_mask & ~(w.condition.known.pos[:, None] & w.condition.known.pos[:, :, None])
        assert moved[noisy].std() > 1e-3
        assert out.pos.abs().max() < 1e4


@pytest.mark.parametrize("field", ["atom", "charge", "bond", "cistrans", "known", "level"])
def test_every_input_is_heard(network, world, field):
    """Atom 0 of molecule 0 is changed in one field: molecule 0 answers, the others do not."""
    w = world((6, 6), "nothing")
    x, c = w.noisy, w.condition
    first = torch.zeros(2, 6, 6, dtype=torch.long)
    first[0, 0, 1] = first[0, 1, 0] = 1
    atom = first[..., 1] if field != "known" else first[..., 1].bool()
    changed = {
        "atom": lambda: replace(w, noisy=x.replace(atom=(x.atom + atom) % 6)),
        "charge": lambda: replace(w, noisy=x.replace(charge=(x.charge + atom) % 4)),
        "bond": lambda: replace(w, noisy=x.replace(bond=(x.bond + first) % 5)),
        "cistrans": lambda: w.with_stereo(replace(c.stereo, cistrans=(c.stereo.cistrans + first) % 3)),
        "known": lambda: w.with_known(replace(c.known, atom=atom)),
        "level": lambda: replace(w, levels=replace(w.levels, atom=w.levels.atom * torch.tensor([0.5, 1.0]))),
    }[field]()
    before, after = see(network, w), see(network, changed)
    assert farthest(only_estimate(before, 0), only_estimate(after, 0)) > 1e-6
    same(only_estimate(before, 1), only_estimate(after, 1))


def test_estimate_stays_small_in_large_noise(network, world):
    """c_skip falls as 1 / rho^2 and c_out never exceeds the scale: the estimate does not grow with its input."""
    w = world(SIZES, "nothing")
    for rho in (1e4, 1e8):
        out = see(network, replace(w.with_pos(w.noisy.pos * rho), levels=replace(w.levels, pos=w.levels.pos * rho)))
        assert out.pos.abs().max() < 1e3


def test_atoms_on_one_spot_and_no_noise_are_finite(network, world):
    w = world((4, 1), "nothing")
    w = replace(w.with_pos(w.noisy.pos * 0), levels=Levels(*(torch.zeros(2, dtype=torch.float64) for _ in range(4))))
    out = see(network, w)
    assert all(torch.isfinite(x).all() for x in (out.pos, out.atom, out.charge, out.bond))


def _axis(w, e):
    return e.replace(pos=e.pos + centre(w.noisy.pos * 1e-6 * torch.tensor([1.0, 0, 0]), w.noisy.mask))


def _handed(w, e):
    x = w.noisy.pos
    vectors = [(x * x.square().sum(-1, keepdim=True) ** k).sum(1) for k in (0.5, 1, 1.5)]
    return e.replace(atom=e.atom + 1e-3 * torch.linalg.det(torch.stack(vectors, 1))[:, None, None])


def _placed(w, e):
    return e.replace(atom=e.atom + 1e-3 * w.noisy.pos.sum(1).square().sum(-1)[:, None, None])


def _ordered(w, e):
    return e.replace(charge=e.charge + 1e-6 * torch.arange(e.charge.shape[1])[:, None])


def _crowded(w, e):
    return e.replace(bond=e.bond + 1e-6 * w.noisy.mask.shape[1])


def _gossip(w, e):
    return e.replace(atom=e.atom + 1e-6 * w.levels.atom.sum())


def _stretched(w, e):
    return e.replace(pos=e.pos * (1 + 1e-6))


def _slanted(w, e):
    return e.replace(bond=e.bond + 1e-6 * torch.arange(e.bond.shape[1])[:, None])


BROKEN = {
    "rotation": _axis,
    "reflection": _handed,
    "translation": _placed,
    "permutation": _ordered,
    "padding": _crowded,
    "batch": _gossip,
    "known": _stretched,
    "bonds": _slanted,
}


@pytest.mark.parametrize("check", BROKEN)
def test_checks_can_fail(network, world, check):
    """A network broken by a millionth in one symmetry does not pass that symmetry's check."""

    def broken(noisy, levels, condition):
        w = replace(whole, noisy=noisy, levels=levels, condition=condition)
        return BROKEN[check](w, network(noisy, levels, condition))

    function, applies = CHECKS[check]
    whole = world(SIZES, applies[0])
    function(network, whole)
    with pytest.raises(AssertionError):
        function(broken, whole)


def test_check_of_tags_can_fail(network, world):
    """Deaf to tags; hearing them without parity (an even permutation must say the same)."""
    whole = world(SIZES, "graph")

    def deaf(noisy, levels, condition):
        return network(noisy, levels, replace(condition, stereo=Stereo.unspecified(noisy)))

    def pedant(noisy, levels, condition):
        e = network(noisy, levels, condition)
        return e.replace(atom=e.atom + 1e-6 * condition.stereo.centre[..., :1])

    for broken in (deaf, pedant):
        with pytest.raises(AssertionError):
            check_tags(broken, whole)


def test_check_of_the_limit_can_fail(network, world):
    """Scaling noisy positions, but not known ones, puts them at wrong distances for good."""
    whole = world(SIZES, "fragment")

    def scaled(noisy, levels, condition):
        e = network(noisy, levels, condition)
        return e.replace(pos=torch.where(condition.known.pos[..., None], e.pos, e.pos / 1.7))

    with pytest.raises(AssertionError):
        check_limit(scaled, whole)
