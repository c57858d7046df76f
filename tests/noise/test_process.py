"""The joint process: what is known stays clean, fields have their own times, distributions compose."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from molediff.config import UserError
from molediff.geometry import centre, masked_mean
from molediff.noise import Draws, Process, ProcessConfig, Times, batch_draws
from molediff.structures import Estimate, Molecules

GIVEN = ("nothing", "graph", "fragment")
FIELDS = ("pos", "atom", "charge", "bond")
LATE, MID, EARLY = 0.7, 0.45, 0.2
whatever = pytest.mark.parametrize("given", GIVEN)


def times(b: int, t: float) -> Times:
    return Times.same(torch.full((b,), t, dtype=torch.float64))


def draws_for(x: Molecules, seed: int = 0) -> Draws:
    return batch_draws(*x.mask.shape, torch.Generator().manual_seed(seed), dtype=torch.float64)


def estimate_for(x: Molecules, seed: int = 1) -> Estimate:
    """Any estimate: centred positions, random logits over clean classes."""
    g = torch.Generator().manual_seed(seed)
    b, n = x.mask.shape
    bond = torch.randn(b, n, n, 4, generator=g, dtype=torch.float64)
    return Estimate(
        centre(torch.randn(b, n, 3, generator=g, dtype=torch.float64), x.mask),
        torch.randn(b, n, 5, generator=g, dtype=torch.float64),
        torch.randn(b, n, 3, generator=g, dtype=torch.float64),
        bond + bond.transpose(1, 2),
    )


def three_verbs(process: Process, x: Molecules, condition, seed: int = 0):
    """(state, time) of prior, corrupt, a step between times and the last step."""
    b, d = len(x), draws_for(x, seed)
    prior = process.prior(times(b, LATE).pos, d, condition, x)
    noisy = process.corrupt(x, times(b, LATE), d, condition)
    step = [
        process.step(noisy, estimate_for(x), times(b, LATE), times(b, s), d, condition, x, eta=0.7) for s in (EARLY, 0)
    ]
    return [(prior, LATE), (noisy, LATE), (step[0], EARLY), (step[1], 0.0)]


@whatever
def test_known_parts_stay_clean(process, molecules, condition, given):
    """Classes bit for bit, positions as alpha x_0, which the network sees as x_0."""
    x = molecules()
    c = condition(x, given)
    for state, t in three_verbs(process, x, c):
        for field in ("atom", "charge", "bond"):
            known = getattr(c.known, field)
            assert torch.equal(getattr(state, field)[known], getattr(x, field)[known])
        alpha = process.alpha_sigma(times(len(x), t).pos)[0]
        assert torch.equal(state.pos[c.known.pos], (alpha * x.pos)[c.known.pos])
        seen, _ = process.view(state, times(len(x), t))
        torch.testing.assert_close(seen.pos[c.known.pos], x.pos[c.known.pos], rtol=1e-14, atol=1e-14)


@whatever
def test_states_are_well_formed(process, molecules, condition, given):
    """Symmetric bonds, an empty diagonal, zeros at padding, no centre of mass where nothing is known in space."""
    x = molecules()
    for state, _ in three_verbs(process, x, condition(x, given)):
        assert torch.equal(state.bond, state.bond.transpose(1, 2))
        assert not state.bond[~x.pair_mask].any()
        assert not any(getattr(state, f)[~x.mask].any() for f in ("pos", "atom", "charge"))
        assert torch.isfinite(state.pos).all()
        if given != "fragment":
            assert masked_mean(state.pos, x.mask).abs().max() < 1e-13


def test_noise_of_anchored_molecules_keeps_its_centre_of_mass(process, molecules, condition):
    """A known fragment fixes the frame: the other atoms' noise is free, also as a whole."""
    x = molecules((6, 6))
    c = condition(x, "fragment")
    d = draws_for(x)
    state = process.corrupt(x, times(2, LATE), d, c)
    alpha, sigma = process.alpha_sigma(times(2, LATE).pos)
    free = ~c.known.pos
    torch.testing.assert_close(state.pos[free], (alpha * x.pos + sigma * d.pos)[free], rtol=1e-12, atol=1e-12)


def test_classes_do_change_where_nothing_is_known(process, molecules, condition):
    x = molecules((30, 30))
    for state, t in three_verbs(process, x, condition(x, "nothing")):
        if t > 0:
            assert all(not torch.equal(getattr(state, f), getattr(x, f)) for f in FIELDS)


@pytest.mark.parametrize("still", FIELDS)
def test_a_field_at_time_zero_is_not_corrupted(process, molecules, condition, still):
    x = molecules((30, 20))
    to = replace(times(2, LATE), **{still: torch.zeros(2, dtype=torch.float64)})
    noisy = process.corrupt(x, to, draws_for(x), condition(x, "nothing"))
    for field in FIELDS:
        assert torch.equal(getattr(noisy, field), getattr(x, field)) == (field == still)


@pytest.mark.parametrize("still", FIELDS)
def test_a_field_at_time_zero_is_not_stepped(process, molecules, condition, still):
    """Fields may finish before others: one that has arrived keeps its values, whatever the estimate says."""
    x = molecules((30, 20))
    zero = torch.zeros(2, dtype=torch.float64)
    at, to = (replace(times(2, t), **{still: zero}) for t in (LATE, EARLY))
    noisy = process.corrupt(x, at, draws_for(x), condition(x, "nothing"))
    stepped = process.step(noisy, estimate_for(x), at, to, draws_for(x, 1), condition(x, "nothing"), x)
    assert torch.isfinite(stepped.pos).all()
    for field in FIELDS:
        assert torch.equal(getattr(stepped, field), getattr(noisy, field)) == (field == still)


def test_each_molecule_has_its_own_time(process, molecules, condition):
    """A batch at mixed times equals each molecule by itself."""
    x, y = molecules((6, 6), seed=1), molecules((6, 6), seed=1)
    c, d = condition(x, "nothing"), draws_for(x)
    mixed = Times.same(torch.tensor([LATE, EARLY], dtype=torch.float64))
    both = process.corrupt(x, mixed, d, c)
    for row, t in enumerate((LATE, EARLY)):
        one = process.corrupt(y, times(2, t), d, c)
        assert all(torch.equal(getattr(both, f)[row], getattr(one, f)[row]) for f in FIELDS)


def test_last_step_takes_the_most_probable(process, molecules, condition):
    x = molecules()
    c, e = condition(x, "nothing"), estimate_for(x)
    noisy = process.corrupt(x, times(4, LATE), draws_for(x), c)
    out = process.step(noisy, e, times(4, LATE), times(4, 0), draws_for(x, 1), c, x)
    torch.testing.assert_close(out.pos, e.pos * x.mask[..., None], rtol=1e-12, atol=1e-12)
    assert torch.equal(out.atom, e.atom.argmax(-1) * x.mask)
    assert torch.equal(out.bond, e.bond.argmax(-1) * x.pair_mask)


def noise_and_mean(process, x: Molecules, condition, to: float, start: float | None = None):
    """Coefficients of x and of the noise in corrupted positions."""
    d = draws_for(x)
    begin = None if start is None else times(len(x), start)

    def run(pos, normal):
        moved, numbers = x.replace(pos=pos), replace(d, pos=normal)
        return process.corrupt(moved, times(len(x), to), numbers, condition, begin).pos

    mean = run(x.pos, torch.zeros_like(d.pos))[0, 0, 0] / x.pos[0, 0, 0]
    noise = run(torch.zeros_like(x.pos), d.pos)[0, 0, 0] / centre(d.pos, x.mask)[0, 0, 0]
    return mean.item(), noise.item()


def test_positions_corrupted_in_two_stages_are_distributed_as_in_one(process, molecules, condition):
    x = molecules((5,))
    c = condition(x, "nothing")
    first, second = noise_and_mean(process, x, c, MID), noise_and_mean(process, x, c, LATE, start=MID)
    whole = noise_and_mean(process, x, c, LATE)
    alpha, sigma = (v.item() for v in process.alpha_sigma(times(1, LATE).pos))
    assert whole == pytest.approx((alpha, sigma), rel=1e-12)
    assert first[0] * second[0] == pytest.approx(alpha, rel=1e-12)
    assert (second[0] * first[1]) ** 2 + second[1] ** 2 == pytest.approx(sigma**2, rel=1e-12)


def test_known_positions_survive_two_stages(process, molecules, condition):
    x = molecules()
    c = condition(x, "fragment")
    noisy = process.corrupt(x, times(4, MID), draws_for(x), c)
    later = process.corrupt(noisy, times(4, LATE), draws_for(x, 1), c, start=times(4, MID))
    alpha = process.alpha_sigma(times(4, LATE).pos)[0]
    torch.testing.assert_close(later.pos[c.known.pos], (alpha * x.pos)[c.known.pos], rtol=1e-12, atol=1e-12)


def transitions(process: Process, field: str, condition, to: float, start: float | None = None, m: int = 4000):
    """q(to = j | start = i), read off by feeding ``corrupt`` an even grid of uniform numbers: exact to 1 / m."""
    k = process.classes[FIELDS.index(field) - 1]
    state = torch.arange(k).repeat_interleave(m)
    u = ((torch.arange(m, dtype=torch.float64) + 0.5) / m).repeat(k)
    b = k * m
    pair = torch.tensor([[0, 1], [1, 0]])
    zero, zeros = torch.zeros(b, 2, dtype=torch.long), torch.zeros(b, 2, dtype=torch.float64)
    value = state[:, None, None] * pair if field == "bond" else state[:, None].expand(b, 2)
    x = Molecules(zeros[..., None].expand(b, 2, 3), zero, zero, zero[..., None] * pair, torch.ones(b, 2).bool())
    x = x.replace(**{field: value})
    d = Draws(x.pos, zeros, zeros, zeros[..., None] * pair)
    d = replace(d, **{field: u[:, None, None] * pair if field == "bond" else u[:, None].expand(b, 2)})
    begin = None if start is None else times(b, start)
    out = getattr(process.corrupt(x, times(b, to), d, condition(x, "nothing"), begin), field)
    out = out[:, 0, 1] if field == "bond" else out[:, 0]
    return torch.stack([torch.bincount(row, minlength=k) for row in out.view(k, m)]).double() / m


@pytest.mark.parametrize("field", FIELDS[1:])
def test_classes_corrupted_in_two_stages_are_distributed_as_in_one(process, condition, field):
    first, second = transitions(process, field, condition, MID), transitions(process, field, condition, LATE, MID)
    whole = transitions(process, field, condition, LATE)
    base = getattr(process, f"{field}_base")
    keep = process.keep(times(1, LATE).pos)
    exact = keep * torch.eye(len(base), dtype=torch.float64) + (1 - keep) * base
    torch.testing.assert_close(whole, exact, rtol=0, atol=1 / 4000)
    torch.testing.assert_close(first @ second, whole, rtol=0, atol=4 / 4000)


@pytest.mark.parametrize("field", FIELDS[1:])
def test_prior_draws_from_the_base(process, condition, field):
    """Every class in its share of an even grid of uniform numbers."""
    m, base = 1000, getattr(process, f"{field}_base")
    u = (torch.arange(m, dtype=torch.float64) + 0.5) / m
    zero = torch.zeros(m, 2, dtype=torch.long)
    x = Molecules(torch.zeros(m, 2, 3).double(), zero, zero, zero[..., None].expand(m, 2, 2), torch.ones(m, 2).bool())
    uniform = u[:, None, None].expand(m, 2, 2) if field == "bond" else u[:, None].expand(m, 2)
    d = replace(draws_for(x), **{field: uniform})
    out = getattr(process.prior(times(m, 0.9).pos, d, condition(x, "nothing"), x), field)
    out = out[:, 0, 1] if field == "bond" else out[:, 0]
    share = torch.bincount(out, minlength=len(base)).double() / m
    torch.testing.assert_close(share, base, rtol=0, atol=1 / m)


def test_the_network_sees_the_clean_frame(process, molecules, condition):
    """x_t / alpha_t in angstrom, sigma / alpha in angstrom, and rates 1 - a that rise from 0."""
    x = molecules()
    at = Times(*(torch.full((4,), t, dtype=torch.float64) for t in (LATE, MID, EARLY, 0.0)))
    noisy = process.corrupt(x, at, draws_for(x), condition(x, "nothing"))
    seen, levels = process.view(noisy, at)
    rho = process.schedule.rho(at.pos)
    torch.testing.assert_close(levels.pos, rho * process.config.scale)
    want = x.pos + levels.pos[:, None, None] * centre(draws_for(x).pos, x.mask)
    torch.testing.assert_close(seen.pos, want, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(levels.atom, process.schedule.rho(at.atom) / (1 + process.schedule.rho(at.atom)))
    assert (levels.atom > levels.charge).all()
    assert (levels.bond == 0).all()


def test_training_levels_are_log_normal_within_bounds(process):
    """The same normals, through ln rho = mean + std z, clipped."""
    t = process.training_times(2000, torch.Generator().manual_seed(0))
    c = process.config
    z = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    want = (c.rho_log_mean + c.rho_log_std * z).exp().clamp(c.rho_min, c.rho_max)
    torch.testing.assert_close(process.schedule.rho(t.pos), want, rtol=1e-3, atol=0)
    assert torch.equal(t.pos, t.bond)


def test_one_step_in_single_precision_is_close(molecules, condition):
    """float32, as sampling runs: within rounding of float64, also at the largest level."""
    process = Process.build(ProcessConfig(), (5, 3, 4))
    x = molecules()
    c, e, d = condition(x, "nothing"), estimate_for(x), draws_for(x)
    for at, to in ((1.0, 0.97), (0.5, 0.4), (0.1, 0.0)):
        noisy = process.corrupt(x, times(4, at), d, c)
        want = process.step(noisy, e, times(4, at), times(4, to), d, c, x, eta=1.0).pos
        e32 = Estimate(*(getattr(e, f).float() for f in FIELDS))
        d32 = Draws(*(getattr(d, f).float() for f in FIELDS))
        t32 = [Times.same(times(4, t).pos.float()) for t in (at, to)]
        out = process.step(
            noisy.replace(pos=noisy.pos.float()), e32, *t32, d32, c, x.replace(pos=x.pos.float()), eta=1.0
        ).pos
        assert out.dtype == torch.float32
        torch.testing.assert_close(out.double(), want, rtol=1e-4, atol=1e-4)


def test_a_least_noise_that_is_none_is_refused():
    with pytest.raises(UserError, match=r"rho_min is 0\.001, no noise at all on the schedule 'exploding'"):
        Process.build(ProcessConfig(schedule="exploding", rho_min=0.001), (5, 3, 4))
