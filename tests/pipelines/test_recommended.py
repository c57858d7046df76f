"""Settings that a model recommends: taken where nothing is given, never against the user, each kind of task its own."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from molediff.config import UserError
from molediff.model import load
from molediff.pipelines import Generate
from molediff.pipelines.tasks import Grow, Optimise, Retype, Task
from tests.pipelines.pocketbench import pocket_model


def model(**sampling):
    made = pocket_model()
    made.source = replace(made.source, about={"sampling": [{"steps": 1} | sampling]})
    return made


def test_taken_where_nothing_is_given_and_said_in_the_record():
    about = Generate(model(temperature=0.6, bend=1.0))(n=2, steps=2, atoms="6").about
    assert (about["temperature"], about["bend"]) == (0.6, 1.0)


def test_the_user_wins():
    about = Generate(model(temperature=0.6, bend=1.0))(n=2, steps=2, atoms="6", temperature=0.8).about
    assert (about["temperature"], about["bend"]) == (0.8, 1.0)


def test_without_recommendation_nothing_changes():
    assert Task().usual(pocket_model(), 50) == {}


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(UserError, match="temperatur"):
        Generate(model(temperatur=0.6))(n=2, steps=2, atoms="6")


def test_bundled_models_recommend_settings_that_exist():
    from molediff.pipelines.generate import sampling_config

    free = ("free", "fragments", "retype", "lead")
    kinds = {"qm9": free, "druglike": free, "pocket": ("pocket", "retype", "lead")}
    for name, those in kinds.items():
        bundled = load(name)
        for kind in those:
            for steps in (8, 20, 50, 100):
                recommended = bundled.recommended(steps, kind)
                assert recommended, (name, kind, steps)
                sampling_config(steps=steps, **recommended)


@pytest.mark.parametrize(("steps", "temperature"), [(4, None), (5, 0.5), (19, 0.5), (20, 0.7), (500, 0.7)])
def test_the_last_row_that_fits_the_number_of_steps_counts(steps, temperature):
    made = model()
    rows = [{"steps": 20, "temperature": 0.7}, {"steps": 5, "temperature": 0.5}]
    made.source = replace(made.source, about={"sampling": rows})
    assert made.recommended(steps).get("temperature") == temperature


def test_each_kind_of_task_has_its_own():
    made = model()
    rows = [{"steps": 1, "temperature": 0.7}, {"steps": 1, "kind": "pocket", "temperature": 0.6}]
    made.source = replace(made.source, about={"sampling": rows})
    assert Task().usual(made, 50) == {"temperature": 0.7}
    assert Task(frame=SimpleNamespace(origin=None)).usual(made, 50) == {"temperature": 0.6}
    assert made.recommended(50, "fragments") == {}
    for of, kind in ((Grow, "fragments"), (Retype, "retype"), (Optimise, "lead")):
        task = of.__new__(of)
        assert {task.kind, task.kind_in_pocket} <= {kind, f"{kind} in a pocket"}
        task.frame = None
        assert task.usual(made, 50) == {}
        made.source = replace(made.source, about={"sampling": [*rows, {"steps": 1, "kind": kind, "temperature": 0.5}]})
        assert task.usual(made, 50) == {"temperature": 0.5}
        made.source = replace(made.source, about={"sampling": rows})


def test_as_many_steps_as_the_model_recommends_where_none_are_said():
    made = model()
    assert Generate(made)(n=1, atoms="4").about["steps"] == 50
    made.source = replace(made.source, about={"usual_steps": {"free": 3, "pocket": 4}})
    assert Generate(made)(n=1, atoms="4").about["steps"] == 3
    assert Generate(made)(n=1, steps=2, atoms="4").about["steps"] == 2
    assert Task(frame=SimpleNamespace(origin=None)).usual_steps(made) == 4
    task = Grow.__new__(Grow)
    task.frame = None
    assert task.usual_steps(made) == 50
