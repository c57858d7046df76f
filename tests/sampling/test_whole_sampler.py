"""The sampler as a whole is as symmetric as the network: rotating the noise rotates the molecules."""

import dataclasses

import pytest
import torch

from molediff.denoisers import DENOISERS
from molediff.geometry import random_rotations
from molediff.model import Model, ModelConfig, SizePrior
from molediff.noise import Draws, MoleculeNoise
from molediff.pipelines.batching import blank
from molediff.sampling import METHODS, SamplingConfig, sample
from molediff.structures import Condition, Known, Stereo, pad_atoms, pad_pairs

SMALL = {
    "attention": {"layers": 2, "width": 16, "vectors": 8, "pair": 8, "hidden": 8, "heads": 4},
    "egnn": {"layers": 2, "width": 16},
    "tensor_product": {"layers": 2, "width": 16, "scalars": 8, "vectors": 8, "tensors": 4, "hidden": 16, "radius": 3.0},
}


HEARING = "attention that hears itself"
NETWORKS = (*DENOISERS, HEARING)


def model_of(name):
    torch.manual_seed(0)
    network = SMALL["attention"] | {"self_conditioning": True} if name == HEARING else SMALL.get(name, {})
    denoiser = "attention" if name == HEARING else name
    model = Model(ModelConfig(denoiser=denoiser, network=network), SizePrior({5: 1})).double()
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.15)
    return model.eval()


def run(model, given, condition, change=lambda d: d, method="churn", indices=None):
    indices = range(len(given)) if indices is None else indices
    noise = MoleculeNoise(3, indices, given.sizes.tolist(), dtype=torch.float64)
    return sample(
        model, model.process, given, condition, lambda: change(noise.next()), SamplingConfig(steps=6, method=method)
    )


def start():
    given = blank([7, 5, 6])
    return given.replace(pos=given.pos.double())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("method", METHODS)
def test_rotation_and_reflection_of_the_noise(name, method):
    model, given = model_of(name), start()
    condition = Condition.nothing(given)
    plain = run(model, given, condition, method=method)
    assert torch.isfinite(plain.pos).all()
    for matrix in (random_rotations(1, torch.Generator().manual_seed(1), torch.float64)[0], -torch.eye(3).double()):
        turned = run(model, given, condition, lambda d, m=matrix: dataclasses.replace(d, pos=d.pos @ m.T), method)
        assert torch.allclose(turned.pos, plain.pos @ matrix.T, atol=1e-9)
        assert torch.equal(turned.atom, plain.atom)
        assert torch.equal(turned.bond, plain.bond)


@pytest.mark.parametrize("name", NETWORKS)
def test_reflection_flips_stereo_tags(name):
    model, given = model_of(name), start()
    tags = Stereo.unspecified(given)
    tags.centre[0, 1] = torch.tensor([0, 2, 3, 4])
    plain = run(model, given, Condition(Known.graph(given), tags))
    mirror = run(
        model, given, Condition(Known.graph(given), tags.mirrored()), lambda d: dataclasses.replace(d, pos=-d.pos)
    )
    assert torch.allclose(mirror.pos, -plain.pos, atol=1e-9)
    flipped = run(model, given, Condition(Known.graph(given), tags.mirrored()))
    assert not torch.allclose(flipped.pos[0], plain.pos[0], atol=1e-3)
    assert torch.allclose(flipped.pos[1], plain.pos[1], atol=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_permutation(name):
    model, given = model_of(name), blank([6, 6])
    given = given.replace(pos=given.pos.double())
    order = torch.tensor([3, 0, 5, 1, 4, 2])

    def permute(d: Draws) -> Draws:
        return Draws(d.pos[:, order], d.atom[:, order], d.charge[:, order], d.bond[:, order][:, :, order])

    plain = run(model, given, Condition.nothing(given))
    moved = run(model, given, Condition.nothing(given), permute)
    assert torch.allclose(moved.pos, plain.pos[:, order], atol=1e-9)
    assert torch.equal(moved.bond, plain.bond[:, order][:, :, order])


@pytest.mark.parametrize("name", NETWORKS)
def test_neighbours_and_padding_do_not_matter(name):
    model, given = model_of(name), start()
    together = run(model, given, Condition.nothing(given))
    for k in range(3):
        n = int(given.sizes[k])
        alone = blank([n])
        alone = alone.replace(pos=alone.pos.double())
        single = run(model, alone, Condition.nothing(alone), indices=[k])
        assert torch.allclose(single.pos[0], together.pos[k, :n], atol=1e-9)
        assert torch.equal(single.atom[0], together.atom[k, :n])
    wide = given.replace(
        **{f: pad_atoms(getattr(given, f), 11) for f in ("pos", "atom", "charge", "mask")},
        bond=pad_pairs(given.bond, 11),
    )

    def widen(d: Draws) -> Draws:
        return Draws(pad_atoms(d.pos, 11), pad_atoms(d.atom, 11), pad_atoms(d.charge, 11), pad_pairs(d.bond, 11))

    padded = run(model, wide, Condition.nothing(wide), widen)
    assert torch.allclose(padded.pos[:, :7], together.pos, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5, "bond_bias": (0.0, 1.0, 0.0, 0.0)}])
def test_every_step_after_the_first_hears_what_was_said(method, settings):
    """By the network itself: neither temperature nor bias nor guidance is in it, as in training."""
    model, given = model_of(HEARING), start()
    heard, said = [], []

    def listen(noisy, times, condition):
        heard.append(condition.previous)
        said.append(model(noisy, times, condition))
        return said[-1]

    noise = MoleculeNoise(3, range(len(given)), given.sizes.tolist(), dtype=torch.float64)
    config = SamplingConfig(steps=4, method=method, **settings)
    sample(listen, model.process, given, Condition.nothing(given), noise.next, config)
    assert heard[0] is None
    changes = [k for k in range(1, len(heard)) if heard[k] is not heard[k - 1]]
    assert len(changes) == 3  # once a step
    assert all(heard[k] is said[k - 1] for k in changes)
