"""The first look of self-conditioning leaves no trace in the gradient of the second."""

import pytest
import torch

from molediff.model import Model, ModelConfig, SizePrior
from molediff.noise import Times, batch_draws
from molediff.structures import Condition, Molecules

SMALL = {"layers": 2, "width": 16, "vectors": 8, "pair": 8, "hidden": 16, "heads": 4, "self_conditioning": True}


@pytest.fixture
def world():
    torch.manual_seed(0)
    model = Model(ModelConfig(network=SMALL), SizePrior())
    for p in model.denoiser.parameters():
        torch.nn.init.normal_(p, std=0.2)
    g = torch.Generator().manual_seed(1)
    mask = torch.ones(4, 6, dtype=torch.bool)
    clean = Molecules(
        torch.randn(4, 6, 3, generator=g),
        torch.randint(3, (4, 6), generator=g),
        torch.zeros(4, 6, dtype=torch.long),
        torch.zeros(4, 6, 6, dtype=torch.long),
        mask,
    )
    return model, clean, Condition.nothing(clean), Times.same(torch.full((4,), 0.5)), batch_draws(4, 6, g)


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return [torch.zeros(()) if p.grad is None else p.grad.clone() for p in model.denoiser.parameters()]


@pytest.mark.parametrize("half", [False, True])
def test_gradients_are_those_of_the_second_look_alone(world, half):
    model, clean, condition, times, draws = world
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        told = model.recalling(clean, condition, times, draws)
        together = gradients(model, model.loss(clean, told, times, draws)["loss"])
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        alone = gradients(model, model.loss(clean, told, times, draws)["loss"])
    assert told.previous is not None and not told.previous.pos.requires_grad
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    names = [name for name, _ in model.denoiser.named_parameters()]
    silent = [name for name, g in zip(names, together, strict=True) if not g.abs().max() > 0]
    assert all("stereo" in name for name in silent)  # no tags in this world


def test_what_was_said_changes_the_loss(world):
    model, clean, condition, times, draws = world
    told = model.recalling(clean, condition, times, draws)
    assert (
        abs(model.loss(clean, told, times, draws)["loss"] - model.loss(clean, condition, times, draws)["loss"]) > 1e-4
    )
