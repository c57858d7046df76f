"""The learning rate: warm-up, constant, decay, and the decay begun early."""

import dataclasses
import itertools

import pytest
from runs import interrupt, last

from molediff.config import UserError
from molediff.training.fit import fit
from molediff.training.plan import Plan

PLAN = Plan(warmup_steps=10, finish_at=100, finish_steps=50)


def test_curve():
    rates = [PLAN.rate(k) for k in range(PLAN.end + 20)]
    assert rates[:10] == pytest.approx([0.1 * (k + 1) for k in range(10)])
    assert set(rates[10:101]) == {1.0}
    assert rates[125] == pytest.approx(0.505)
    assert all(a > b for a, b in itertools.pairwise(rates[100:151]))
    assert rates[150:] == pytest.approx([0.01] * 20)


def test_finish_begins_now_and_the_rate_does_not_jump():
    plan = PLAN.resumed(40, PLAN.state(), finish=True)
    assert (plan.finish_at, plan.end, plan.asked) == (40, 90, True)
    assert plan.rate(40) == PLAN.rate(40) == 1.0


def test_finish_within_the_warm_up_waits_for_its_end():
    assert PLAN.resumed(3, PLAN.state(), finish=True).finish_at == 10


@pytest.mark.parametrize("finish", [True, False])
def test_a_decay_that_has_begun_keeps_its_end(finish):
    begun = PLAN.resumed(40, PLAN.state(), finish=True)
    other = dataclasses.replace(PLAN, finish_at=1000, finish_steps=7)
    assert other.resumed(60, begun.state(), finish).end == 90
    # also when it was not asked for, but the constant part was over
    assert other.resumed(101, PLAN.state(), finish).end == 150


def test_more_or_fewer_steps_before_the_decay():
    assert dataclasses.replace(PLAN, finish_at=300).resumed(40, PLAN.state(), False).finish_at == 300
    assert dataclasses.replace(PLAN, finish_at=20).resumed(40, PLAN.state(), False).finish_at == 40


def test_checkpoint_of_the_first_version():
    assert PLAN.resumed(40, {"finish_at": 100}, True).finish_at == 40
    assert PLAN.resumed(120, {"finish_at": 100}, True).end == 150


def test_a_run_is_finished_early(configure):
    """The rates that the optimiser really had, from the log."""
    config = configure(steps=1000, log_every=1)
    with pytest.raises(UserError, match="no checkpoint"):
        fit(config, finish=True)
    begun = fit(configure(steps=1000, log_every=1, sample_every=11), judge=interrupt)
    assert begun.step == 12
    half = fit(configure(steps=1000, log_every=1, sample_every=16), finish=True, judge=interrupt)
    assert (half.step, half.end) == (17, 22)
    done = fit(config)  # without --finish: it has been asked for
    assert (done.step, done.end, done.complete) == (22, 22, True)
    lines = (done.model.parent / "log" / "loss.csv").read_text().splitlines()
    rates = [float(line.split(",")[8]) / config.learning_rate for line in lines[1:]]
    expected = Plan(4, 12, 10)
    assert rates == pytest.approx([expected.rate(k) for k in range(22)], rel=1e-5)
    before = done.model.parent / "checkpoints" / "before_finish.ckpt"
    assert before.is_file() and last(config)["molediff"]["asked"]
    assert fit(config, finish=True).step == 22
