"""Every method, every schedule, against denoisers whose answer is known; float64."""

import copy
import dataclasses

import pytest
import torch

from molediff.config import UserError
from molediff.noise import SCHEDULES, MoleculeNoise, Process, ProcessConfig
from molediff.noise.gaussian import arcsin_grid
from molediff.sampling import METHODS, PRECISIONS, SamplingConfig, sample, tempered, time_grid
from molediff.sampling.guidance import biased
from molediff.structures import Condition, Estimate, Known, Molecules, Stereo

SIZES = (5, 3, 4)


def batch(b=3, n=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(n)[None] < torch.tensor([n - k % 3 for k in range(b)])[:, None]
    pos = torch.randn(b, n, 3, generator=generator, dtype=torch.float64) * mask[..., None]
    pos = (pos - pos.sum(1, keepdim=True) / mask.sum(1)[:, None, None]) * mask[..., None]
    bond = torch.randint(0, 4, (b, n, n), generator=generator).triu(1)
    clean = Molecules(
        pos,
        torch.randint(0, 5, (b, n), generator=generator) * mask,
        torch.randint(0, 3, (b, n), generator=generator) * mask,
        bond + bond.transpose(1, 2),
        mask,
    )
    return clean.replace(bond=clean.bond * clean.pair_mask)


def oracle(clean):
    """A denoiser that always knows the answer."""

    def denoise(noisy, times, condition):
        def sure(x, k):
            return 50.0 * torch.nn.functional.one_hot(x, k).double()

        return Estimate(clean.pos, sure(clean.atom, 5), sure(clean.charge, 3), sure(clean.bond, 4))

    return denoise


def noise_for(clean, seed=0):
    return MoleculeNoise(seed, range(len(clean)), clean.sizes.tolist(), dtype=torch.float64)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("base", ["uniform", "absorbing"])
@pytest.mark.parametrize("steps", [1, 7])
def test_a_perfect_denoiser_gives_the_molecule(schedule, method, base, steps):
    clean = batch()
    process = Process.build(ProcessConfig(schedule=schedule, base=base), SIZES)
    config = SamplingConfig(steps=steps, method=method)
    got = sample(oracle(clean), process, clean, Condition.nothing(clean), noise_for(clean).next, config)
    assert torch.allclose(got.pos, clean.pos, atol=1e-9)
    for field in ("atom", "charge", "bond"):
        assert torch.equal(getattr(got, field), getattr(clean, field))


@pytest.mark.parametrize("method", METHODS)
def test_the_schedule_does_not_matter_in_the_clean_frame(method):
    """The step in x / alpha is the same on every schedule: diffusion and flow matching are one code path."""
    clean = batch()

    def shrink(noisy, times, condition):
        # Any function of the state in the clean frame; the process differs only by alpha.
        pos = noisy.pos / process.alpha_sigma(times.pos)[0]
        return oracle(clean)(noisy, times, condition).replace(
            pos=0.5 * clean.pos + 0.1 * torch.sin(pos) * clean.mask[..., None]
        )

    found = []
    for name in SCHEDULES:
        process = Process.build(ProcessConfig(schedule=name), SIZES)
        config = SamplingConfig(steps=9, method=method)
        found.append(sample(shrink, process, clean, Condition.nothing(clean), noise_for(clean).next, config).pos)
    assert torch.allclose(found[0], found[1], atol=1e-8)
    assert torch.allclose(found[0], found[2], atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_gaussian_data_come_out_with_their_variance(method):
    """For data N(0, s^2) the exact denoiser is s^2 / (s^2 + rho^2) x / alpha; many steps give back s."""
    spread, b, n = 0.7, 400, 4
    mask = torch.ones(b, n, dtype=torch.bool)
    zero = torch.zeros(b, n, dtype=torch.long)
    blank = Molecules(
        torch.zeros(b, n, 3, dtype=torch.float64), zero, zero, torch.zeros(b, n, n, dtype=torch.long), mask
    )
    process = Process.build(ProcessConfig(scale=1.0), SIZES)

    def exact(noisy, times, condition):
        view, levels = process.view(noisy, times)
        rho = levels.pos[:, None, None]
        logits = (torch.zeros(b, n, k, dtype=torch.float64) for k in SIZES[:2])
        return Estimate(
            view.pos * spread**2 / (spread**2 + rho**2), *logits, torch.zeros(b, n, n, 4, dtype=torch.float64)
        )

    # Churn is exact only in the limit of little noise a step; at its default it sharpens, like a lower temperature.
    config = SamplingConfig(steps=200, method=method, churn=0.02)
    got = sample(exact, process, blank, Condition.nothing(blank), noise_for(blank).next, config).pos
    # Without centre of mass, n atoms have n - 1 free ones.
    assert got.square().sum() / (b * (n - 1) * 3) == pytest.approx(spread**2, rel=0.06)


def test_known_parts_never_change():
    clean = batch()
    known = Known(
        clean.mask & (torch.arange(6) < 3),
        clean.mask & (torch.arange(6) < 3),
        clean.mask,
        clean.pair_mask & (torch.arange(6) < 3) & (torch.arange(6) < 3)[:, None],
    )
    condition = Condition(known, Stereo.unspecified(clean))
    process = Process.build(ProcessConfig(schedule="straight"), SIZES)
    seen = []
    other = batch(seed=1)
    sample(
        oracle(other),
        process,
        clean,
        condition,
        noise_for(clean).next,
        SamplingConfig(steps=5),
        lambda k, s, e: seen.append(s),
    )
    for k, state in enumerate(seen):
        assert torch.equal(state.atom[known.atom], clean.atom[known.atom])
        assert torch.equal(state.charge, clean.charge)
        assert torch.equal(state.bond[known.bond], clean.bond[known.bond])
        alpha = process.alpha_sigma(time_grid(process, SamplingConfig(steps=5))[k + 1 : k + 2])[0]
        assert torch.allclose(state.pos[known.pos], (alpha * clean.pos)[known.pos], atol=1e-12)
    assert len(seen) == 5


def test_the_grid_falls_and_ends_at_the_data():
    for steps in (1, 2, 50):
        grid = arcsin_grid(steps, 0.002, 80.0, 2.0)
        assert len(grid) == steps + 1
        assert grid[0] == pytest.approx(80.0)
        assert grid[-1] == 0
        assert (grid.diff() < 0).all()


def test_temperature_divides_the_logits_and_leaves_positions_alone():
    clean = batch()
    plain = oracle(clean)(clean, None, None)
    sharp = tempered(oracle(clean), 0.5)(clean, None, None)
    assert torch.equal(sharp.pos, plain.pos)
    for field in ("atom", "charge", "bond"):
        assert torch.equal(getattr(sharp, field), 2 * getattr(plain, field))
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(UserError, match="temperature"):
            tempered(oracle(clean), bad)


def test_a_bias_is_added_to_the_logits_and_must_fit_the_classes():
    clean = batch()
    plain = oracle(clean)(clean, None, None)
    atom = [0.5 * k for k in range(plain.atom.shape[-1])]
    pushed = biased(oracle(clean), atom, ())(clean, None, None)
    torch.testing.assert_close(pushed.atom - plain.atom, torch.tensor(atom).to(plain.atom).expand_as(plain.atom))
    assert torch.equal(pushed.bond, plain.bond) and torch.equal(pushed.pos, plain.pos)
    for settings in ({"atom_bias": (1.0,)}, {"bond_bias": (1.0, 2.0)}):
        with pytest.raises(UserError, match=r"has [12] numbers, this model has"):
            process, config = Process.build(ProcessConfig(), SIZES), SamplingConfig(steps=2, **settings)
            sample(oracle(clean), process, clean, Condition.nothing(clean), noise_for(clean).next, config)


@pytest.mark.parametrize(
    ("change", "message"), [({"method": "dddim"}, "ddim"), ({"steps": 0}, "--steps 50"), ({"start": 1e6}, "start")]
)
def test_impossible_settings_are_refused_with_the_way_out(change, message):
    clean = batch()
    process = Process.build(ProcessConfig(), SIZES)
    config = dataclasses.replace(SamplingConfig(), **change)
    with pytest.raises(UserError, match=message):
        sample(oracle(clean), process, clean, Condition.nothing(clean), noise_for(clean).next, config)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_gives_float32_states(precision, small_model):
    from molediff.pipelines import Generate

    model = copy.deepcopy(small_model)
    torch.manual_seed(0)
    with torch.no_grad():
        for value in model.parameters():  # what begins at zero must count
            if not value.any():
                value.normal_(std=0.05)
    kept, plain = (Generate(model)(n=2, steps=2, trajectory=0, precision=p).trajectory for p in (precision, "float32"))
    assert {one.pos.dtype for one in (*kept.states, *kept.estimates)} == {torch.float32}
    away = float((kept.estimates[0].pos - plain.estimates[0].pos).abs().max())
    assert away == 0 if precision == "float32" else 0 < away < 0.1  # the arithmetic is another, the molecule is not
