"""Steering: weights that telescope to the reward, copies that are as many as weights say, groups that never mix."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from molediff.config import UserError
from molediff.noise import MoleculeNoise
from molediff.pipelines.batching import blank
from molediff.sampling import SamplingConfig, SteeringConfig, groups, looks, resampling, sample, time_grid
from molediff.sampling.steering import systematic
from molediff.structures import Condition, Estimate, Known

CHANCES = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=9)


def batch(values):
    """(B,) numbers as one-atom molecules that lie there, with an estimate that says so."""
    molecules = blank([1] * len(values))
    molecules.pos[:, 0, 0] = torch.as_tensor(values, dtype=torch.float32)
    b = len(values)
    said = Estimate(molecules.pos, torch.zeros(b, 1, 5), torch.zeros(b, 1, 3), torch.zeros(b, 1, 1, 4))
    return molecules, said


def place(molecules):
    return molecules.pos[:, 0, 0].double()


def steered(values, rounds, config, reward=place, groups=1, seed=0):
    """Rows of the last look; the same values at every look."""
    molecules, said = batch(values)
    generators = [torch.Generator().manual_seed(seed + g) for g in range(groups)]
    members = np.arange(len(values)).reshape(groups, -1).tolist()
    strengths = dict.fromkeys(range(rounds), config.strength)
    choose = resampling(strengths, reward, Known.nothing(molecules), members, generators)
    return [choose(k, molecules, said) for k in range(rounds)][-1]


@given(CHANCES, st.floats(0, 1, exclude_max=True))
@settings(deadline=None)
def test_descendants_are_the_weights_rounded_up_or_down(weights, u):
    share = torch.tensor(weights, dtype=torch.float64)
    share = share / share.sum()
    rows = systematic(share, torch.tensor(u, dtype=torch.float64))
    copies = torch.bincount(rows, minlength=len(weights))
    assert (rows.diff() >= 0).all()
    assert copies.sum() == len(weights)
    assert ((copies - len(weights) * share).abs() < 1 + 1e-9).all()


def test_descendants_are_the_weights_on_average():
    share = torch.tensor([0.05, 0.2, 0.6, 0.15], dtype=torch.float64)
    u = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    rows = torch.cat([systematic(share, one) for one in u])
    assert np.bincount(rows.numpy()) / 2000 == pytest.approx(4 * share.numpy(), abs=2e-3)


def test_alike_weights_leave_all_where_they_are():
    for u in (0.0, 0.5, 0.999):
        rows = systematic(torch.full((8,), 0.125, dtype=torch.float64), torch.tensor(u, dtype=torch.float64))
        assert torch.equal(rows, torch.arange(8))


@given(st.integers(1, 300), st.integers(1, 40))
@settings(deadline=None)
def test_groups_are_all_molecules_in_order_and_about_as_large(n, size):
    made = groups(n, SteeringConfig(group=size))
    assert [i for group in made for i in group] == list(range(n))
    lengths = [len(group) for group in made]
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= max(1, 1.5 * size)
    assert min(lengths) >= min(n, size / 1.5 - 1)


def test_a_random_walk_steered_by_its_place_ends_tilted():
    # exp(2 x) times a standard normal is the normal of mean 2
    config, p, rng = SteeringConfig(strength=2.0), 20000, np.random.default_rng(0)
    molecules, _ = batch([0.0] * p)
    known, generators = Known.nothing(molecules), [torch.Generator().manual_seed(0)]
    choose = resampling(dict.fromkeys((0, 1), config.strength), place, known, [range(p)], generators)
    x = np.zeros(p)
    for step in range(2):
        x = x + rng.normal(0, 0.5**0.5, p)
        molecules, said = batch(x)
        x = x[choose(step, molecules, said).numpy()]
    assert x.mean() == pytest.approx(2.0, abs=0.1)
    assert x.std() == pytest.approx(1.0, abs=0.1)


def test_groups_keep_to_themselves():
    rows = steered([0, 9, 0, 0, 5, 0, 0, 0], 1, SteeringConfig(strength=50.0), groups=2)
    assert rows.tolist() == [1] * 4 + [4] * 4


def test_a_group_is_drawn_by_its_own_generator():
    values = [0.0, 0.05, 0.1, 0.2] * 3
    config = SteeringConfig(strength=10.0)
    whole = steered(values, 1, config, groups=3, seed=5)
    last = steered(values[8:], 1, config, groups=1, seed=7)
    assert torch.equal(whole[8:] - 8, last)


def test_the_same_promise_counts_once():
    # seen again, a reward is no news: weights are of the differences
    config = SteeringConfig(strength=50.0)
    assert steered([0, 9, 0, 0], 1, config).tolist() == [1, 1, 1, 1]
    molecules, said = batch([9.0] * 4)
    known, members = Known.nothing(molecules), [range(len(molecules))]
    choose = resampling({0: config.strength}, place, known, members, [torch.Generator()])
    assert choose(0, molecules, said).tolist() == [0, 1, 2, 3]


def test_without_strength_and_between_looks_nothing_happens():
    assert steered([0, 9, 0, 0], 3, SteeringConfig(strength=0.0)).tolist() == [0, 1, 2, 3]
    molecules, said = batch([0.0, 9.0])
    choose = resampling({4: 30.0}, place, Known.nothing(molecules), [range(2)], [torch.Generator()])
    assert choose(3, molecules, said) is None


def test_what_is_no_molecule_yet_counts_as_its_group():
    def unknown(molecules):
        x = place(molecules)
        return torch.where(x < 0, float("nan"), x)

    config = SteeringConfig(strength=0.5)
    for seed in range(20):  # the mean of 0, 2 and 10 is 4
        found = steered([-1, 0, 2, 10], 1, config, unknown, seed=seed)
        assert torch.equal(found, steered([4, 0, 2, 10], 1, config, seed=seed))
    nothing = steered([-1, -1, -1, -1], 2, SteeringConfig(strength=9.0), unknown)
    assert nothing.tolist() == [0, 1, 2, 3]


def test_looks_lie_where_copies_still_part_and_weigh_more_as_noise_falls(small_model):
    process, sampling, config = small_model.process, SamplingConfig(steps=40), SteeringConfig(every=3, ramp=2.0)
    found = looks(config, process, sampling)
    steps, strengths = list(found), list(found.values())
    assert len(steps) > 2
    assert {b - a for a, b in pairwise(steps)} == {3}
    rho = process.schedule.rho(time_grid(process, sampling))[1:]
    assert all(config.low < rho[k] <= config.high for k in steps)
    assert strengths == sorted(strengths)
    assert strengths[-1] == pytest.approx(30.0 * (1 - float(rho[steps[-1]])) ** 2, rel=1e-5)
    assert set(looks(SteeringConfig(ramp=0.0), process, sampling).values()) == {30.0}
    assert not looks(SteeringConfig(high=0.01), process, sampling)


def test_whoever_goes_on_takes_what_was_said_along(small_model):
    """All in the place of the first from step 1 on: the first's own noise makes the first molecule as it was."""
    config, given = SamplingConfig(steps=4, method="ddim"), blank([5, 5, 5])

    def run(resample):
        noise = MoleculeNoise(0, [0, 0, 0], [5, 5, 5])
        noise.generators[1] = torch.Generator().manual_seed(11)  # another molecule
        heard = []

        def denoise(noisy, times, condition):
            heard.append(condition.previous)
            return small_model(noisy, times, condition)

        made = sample(
            denoise, small_model.process, given, Condition.nothing(given), noise.next, config, resample=resample
        )
        return made, heard

    plain, _ = run(None)
    assert not torch.allclose(plain.pos[0], plain.pos[1], atol=1e-2)
    same, _ = run(lambda step, state, estimate: torch.arange(3))
    assert torch.equal(plain.pos, same.pos)
    made, heard = run(lambda step, state, estimate: torch.tensor([0, 0, 2]) if step == 1 else None)
    assert torch.equal(made.pos[0], plain.pos[0])
    assert torch.equal(heard[2].pos[0], heard[2].pos[1])
    assert not torch.equal(heard[1].pos[0], heard[1].pos[1])


@pytest.mark.parametrize("wrong", [{"group": 0}, {"every": 0}, {"strength": -1.0}, {"high": float("nan")}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        SteeringConfig(**wrong).check()
