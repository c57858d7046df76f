"""The last look is the last look, whatever the settings."""

from __future__ import annotations

import pytest

from molediff.model import load
from molediff.noise import MoleculeNoise
from molediff.pipelines.batching import blank
from molediff.pipelines.constraints import last_look
from molediff.sampling import SamplingConfig, sample
from molediff.structures import Condition


@pytest.mark.parametrize(
    "config",
    [
        SamplingConfig(steps=4),
        SamplingConfig(steps=1),
        SamplingConfig(steps=4, end=0.05, churn=1.0),
        SamplingConfig(steps=4, end=0.05, churn=1.0, churn_low=0.2),
        SamplingConfig(steps=5, method="heun", start=2.0),
        SamplingConfig(steps=5, method="ddpm", end=0.2, bend=1.0, change=0.4),
    ],
)
def test_the_last_look(config):
    model = load("qm9")
    levels = []

    def listen(noisy, times, condition):
        levels.append(float(model.process.schedule.rho(times.pos)[0]))
        return model(noisy, times, condition)

    given = blank([5])
    sample(listen, model.process, given, Condition.nothing(given), MoleculeNoise(0, [0], [5]).next, config)
    assert last_look(model.process, config) == pytest.approx(levels[-1], rel=5e-5)
