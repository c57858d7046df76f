"""Types, charges and bonds may be less or more noisy than positions: their times, and what comes out."""

import dataclasses

import pytest
import torch

from molediff.config import UserError
from molediff.noise import MoleculeNoise, Process, ProcessConfig
from molediff.noise.schedules import SCHEDULES
from molediff.sampling import METHODS, SamplingConfig, sample, time_grid
from molediff.sampling.loop import field_times
from molediff.structures import Condition, Estimate, Molecules

CONFIG = SamplingConfig(steps=7, start=5.0, end=0.03, bend=1.0, category_noise=0.25)


def process_of(schedule="exploding"):
    return Process.build(ProcessConfig(schedule=schedule), (5, 3, 4))


def levels(config, schedule="exploding"):
    """(steps + 1,) sigma / alpha of positions and of types."""
    process = process_of(schedule)
    grid = time_grid(process, config)
    times = [field_times(process, config, grid, k) for k in range(len(grid))]
    assert all(torch.equal(t.atom, t.bond) and torch.equal(t.atom, t.charge) for t in times)
    return tuple(process.schedule.rho(torch.stack([getattr(t, f) for t in times])) for f in ("pos", "atom"))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("share", [0.25, 4.0])
def test_types_have_their_share_of_the_noise_but_for_the_ends(schedule, share):
    pos, atom = levels(dataclasses.replace(CONFIG, category_noise=share), schedule)
    assert pos[0].item() == pytest.approx(5)
    assert pos[-2].item() == pytest.approx(0.03)
    assert atom[0].item() == pytest.approx(80)  # pure noise, as it is
    assert torch.allclose(atom[1:-1], share * pos[1:-1], rtol=1e-6)
    assert atom[-1] == pos[-1] == 0
    assert (atom.diff() < 0).all()


def test_a_lead_has_the_noise_that_is_said_from_the_first_step():
    pos, atom = levels(dataclasses.replace(CONFIG, change=0.5))
    assert torch.allclose(atom, 0.25 * pos)


def test_no_field_is_noisier_than_the_model_has_seen():
    pos, atom = levels(SamplingConfig(steps=5, category_noise=10))
    assert atom.max() <= 80 * (1 + 1e-9)
    assert pos.max() <= 80 * (1 + 1e-9)


def truth():
    generator = torch.Generator().manual_seed(0)
    bond = torch.randint(4, (2, 6, 6), generator=generator).triu(1)
    mask = torch.ones(2, 6, dtype=torch.bool)
    atom = torch.randint(5, (2, 6), generator=generator)
    pos = torch.randn(2, 6, 3, generator=generator)
    return Molecules(pos - pos.mean(1, keepdim=True), atom, atom % 3, bond + bond.transpose(1, 2), mask)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("share", [0.1, 1.0, 3.0])
def test_one_who_knows_the_truth_arrives_there(method, share):
    clean = truth()

    def oracle(noisy, times, condition):
        logits = (torch.nn.functional.one_hot(x, k) * 30.0 for x, k in ((clean.atom, 5), (clean.charge, 3)))
        return Estimate(clean.pos, *logits, torch.nn.functional.one_hot(clean.bond, 4) * 30.0)

    config = dataclasses.replace(CONFIG, method=method, category_noise=share)
    noise = MoleculeNoise(0, range(2), [6, 6])
    made = sample(oracle, process_of(), clean, Condition.nothing(clean), noise.next, config)
    assert torch.allclose(made.pos, clean.pos, atol=1e-5)
    for name in ("atom", "charge", "bond"):
        assert torch.equal(getattr(made, name), getattr(clean, name))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"category_noise": 0.0}, "category_noise must be above 0, got 0.0"),
        ({"category_noise": -1.0}, "category_noise must be above 0, got -1.0"),
        ({"end": 6.0}, "end must lie in .*got 6.0"),
        ({"end": 0.001}, "end must lie in .*got 0.001"),
        ({"start": 90.0}, "start must lie in .*got 90.0"),
        ({"bend": 3.0}, "bend must lie in .*got 3.0"),
        ({"bend": -0.5}, "bend must lie in .*got -0.5"),
    ],
)
def test_settings_that_cannot_be(change, words):
    with pytest.raises(UserError, match=words):
        levels(dataclasses.replace(CONFIG, **change))
