"""Settings that a model recommends: taken where nothing is given, never against the user, never beside known atoms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from molediff.config import UserError
from molediff.model import load
from molediff.pipelines import Generate
from molediff.pipelines.tasks import Task
from tests.pipelines.pocketbench import pocket_model


def model(**sampling):
    made = pocket_model()
    made.source = replace(made.source, about={"sampling": sampling})
    return made


def test_taken_where_nothing_is_given_and_said_in_the_record():
    about = Generate(model(temperature=0.6, bend=1.0))(n=2, steps=2, atoms="6").about
    assert (about["temperature"], about["bend"]) == (0.6, 1.0)


def test_the_user_wins():
    about = Generate(model(temperature=0.6, bend=1.0))(n=2, steps=2, atoms="6", temperature=0.8).about
    assert (about["temperature"], about["bend"]) == (0.8, 1.0)


def test_without_recommendation_nothing_changes():
    assert Task().usual(pocket_model()) == {}


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="temperatur"):
        Generate(model(temperatur=0.6))(n=2, steps=2, atoms="6")


def test_bundled_models_recommend_settings_that_exist():
    from molediff.pipelines.generate import sampling_config

    sampling_config(**load("qm9").recommended)
