"""Children that die, hang or raise take nothing along."""

from pathlib import Path

import pytest
from dockbench import Odd

from molediff.config import UserError
from molediff.docking import pool
from molediff.docking.pool import run_all


def done(jobs, workers, folder, monkeypatch, seconds=60.0, fail=""):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    found = {}
    run_all(Odd(str(folder), fail), jobs, workers, seconds, lambda n, x, why: found.__setitem__(n, (x, why)))
    return [found[i] for i in range(len(jobs))]


def test_a_child_that_dies_costs_its_job_only_when_it_dies_twice(tmp_path, monkeypatch):
    found = done([2, "die once", "die", "raise", 3], 1, tmp_path, monkeypatch)
    assert found[0] == (4, "") and found[4] == (9, "")
    assert found[1] == ("lived", "")
    assert found[2] == (None, "its worker process died 2 times")
    assert found[3] == (None, "error: ValueError: odd job")


def test_a_job_beyond_its_time_fails_and_the_rest_is_done(tmp_path, monkeypatch):
    found = done(["spin", 2], 1, tmp_path, monkeypatch, seconds=0.5)
    assert found == [(None, "took more than 0.5 s"), (4, "")]


def test_an_error_of_the_user_ends_the_run(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="a box off the protein"):
        done([1], 1, tmp_path, monkeypatch, fail="a box off the protein")


def test_a_number_of_workers_that_cannot_be_is_refused_before_anything_starts(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="--workers must be 0"):
        done([1, 2], -1, tmp_path, monkeypatch)
    run_all(Odd(str(tmp_path)), [], 0, 1.0, lambda *_: None)  # no jobs, no children


def test_no_number_is_one_a_core_and_there_are_no_more_children_than_jobs(tmp_path, monkeypatch):
    seen = []
    feed = pool._feed
    monkeypatch.setattr(pool, "_feed", lambda *a: (seen.append(a[3]), feed(*a)))
    monkeypatch.setattr(pool, "default_workers", lambda: 8)
    assert done([2, 3], 0, tmp_path, monkeypatch) == [(4, ""), (9, "")]
    assert seen == [4, 4], "two children with four threads each"
