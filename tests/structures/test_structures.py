"""Molecules and what is said of them: frozen batches that pad, join and come apart without loss."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from molediff.geometry import signed_volume
from molediff.structures import Estimate, Known, Molecules, Stereo, pad_atoms, pad_pairs, stack, take

FIELDS = ("pos", "atom", "charge", "bond", "mask")


def batch(*sizes: int, seed: int = 0, dtype=torch.float32) -> Molecules:
    g = torch.Generator().manual_seed(seed)
    b, n = len(sizes), max(sizes)
    mask = torch.arange(n) < torch.tensor(sizes)[:, None]
    upper = torch.randint(1, 4, (b, n, n), generator=g).triu(1) * (mask[:, None] & mask[:, :, None])
    return Molecules(
        pos=torch.randn(b, n, 3, generator=g, dtype=dtype) * mask[..., None],
        atom=torch.randint(1, 5, (b, n), generator=g) * mask,
        charge=torch.randint(1, 3, (b, n), generator=g) * mask,
        bond=upper + upper.transpose(1, 2),
        mask=mask,
    )


def equal(a: Molecules, b: Molecules) -> bool:
    return all(torch.equal(getattr(a, f), getattr(b, f)) for f in FIELDS)


def test_sizes_length_and_pairs():
    x = batch(3, 5, 1)
    assert len(x) == 3
    assert x.sizes.tolist() == [3, 5, 1]
    assert x.pair_mask.sum((1, 2)).tolist() == [6, 20, 0]
    assert torch.equal(x.pair_mask, x.pair_mask.transpose(1, 2))


def test_frozen_and_replaced():
    x = batch(3, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        x.pos = x.pos
    y = x.replace(pos=x.pos + 1)
    assert torch.equal(y.atom, x.atom)
    assert not torch.equal(y.pos, x.pos)
    e = Estimate(x.pos, x.pos, x.pos, x.pos)
    assert torch.equal(e.replace(atom=x.pos + 1).atom, x.pos + 1)


def test_take_cuts_padding_and_stack_restores_it():
    x = batch(3, 5, 2)
    one = take(x, [0])
    assert one.mask.shape == (1, 3)
    assert equal(stack([take(x, [i]) for i in range(3)]), x)
    assert equal(take(x, [2, 0]), take(stack([take(x, [2]), take(x, [0])]), [0, 1]))
    assert len(take(x, [])) == 0


def test_padding_is_zero_and_keeps_type():
    x = batch(3, 2)
    for value, pad in ((x.pos, pad_atoms), (x.atom, pad_atoms), (x.mask, pad_atoms), (x.bond, pad_pairs)):
        out = pad(value, 6)
        there = (slice(None), slice(3), slice(3)) if pad is pad_pairs else (slice(None), slice(3))
        assert out.dtype == value.dtype
        assert out.shape[1] == 6
        assert torch.equal(out[there], value)
        out[there] = 0
        assert not out.any()


def test_dtype_moves_positions_alone():
    y = batch(3, 2).to(torch.float64)
    assert [getattr(y, f).dtype for f in FIELDS] == [torch.float64, torch.int64, torch.int64, torch.int64, torch.bool]
    assert equal(batch(3, 2).to("cpu"), batch(3, 2))


def test_known_graph_of_some_molecules():
    x = batch(3, 2)
    known = Known.graph(x, torch.tensor([True, False]))
    assert torch.equal(known.atom, known.charge)
    assert known.atom.sum(1).tolist() == [3, 0]
    assert known.bond.sum((1, 2)).tolist() == [6, 0]
    assert not known.pos.any()
    nothing = Known.nothing(x)
    assert not any(getattr(nothing, f).any() for f in ("pos", "atom", "charge", "bond"))
    assert torch.equal(Known.graph(x).bond, x.pair_mask)


def test_mirrored_tags_fit_the_mirrored_molecule():
    """A tag's volume is positive before and after; mirroring twice says the same as before, cis stays cis."""
    pos = torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    order = torch.tensor([1, 2, 3, 4])
    if signed_volume(*pos[0, order]) < 0:
        order = order[[1, 0, 2, 3]]
    centre = torch.full((1, 5, 4), -1)
    centre[0, 0] = order
    stereo = Stereo(centre, torch.ones(1, 5, 5, dtype=torch.long))
    mirrored = stereo.mirrored()
    assert signed_volume(*(-pos)[0, mirrored.centre[0, 0]]) > 0
    assert (mirrored.centre[0, 1:] == -1).all()
    assert torch.equal(mirrored.cistrans, stereo.cistrans)
    assert torch.equal(mirrored.mirrored().centre, stereo.centre)


def test_stereo_of_some_molecules_is_left_out():
    x = batch(3, 2)
    full = Stereo(torch.zeros(2, 3, 4, dtype=torch.long), torch.ones(2, 3, 3, dtype=torch.long))
    kept = full.keep(torch.tensor([True, False]))
    assert torch.equal(kept.centre[0], full.centre[0])
    assert torch.equal(kept.cistrans[0], full.cistrans[0])
    assert (kept.centre[1] == -1).all()
    assert (kept.cistrans[1] == 0).all()
    none = Stereo.unspecified(x)
    assert none.centre.shape == (2, 3, 4)
    assert (none.centre == -1).all()
