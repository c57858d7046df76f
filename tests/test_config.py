"""Settings: strict loading, round trips, and messages that say what to type."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from molediff.config import UserError, choose, from_dict, nearest, to_dict
from molediff.elements import ATOMIC_NUMBERS, SYMBOLS, Vocabulary


@dataclass(frozen=True)
class Inner:
    depth: int = 3
    names: tuple[str, ...] = ("a",)


@dataclass(frozen=True)
class Outer:
    rate: float
    inner: Inner = field(default_factory=Inner)
    sizes: dict[str, int] = field(default_factory=dict)
    limit: int | None = None
    on: bool = False
    label: str = ""


GOOD = [
    {"rate": 0.5},
    {"rate": 2, "inner": {"depth": 4, "names": ["x", "y"]}, "sizes": {"w": 3}, "limit": 7, "on": True, "label": "q"},
    {"rate": "1e-3", "limit": None},
]


@pytest.mark.parametrize("values", GOOD)
def test_plain_values_survive_a_round_trip(values):
    settings = from_dict(Outer, values)
    assert from_dict(Outer, to_dict(settings)) == settings
    assert isinstance(settings.rate, float)


def test_lists_become_tuples_and_yaml_numbers_are_read():
    settings = from_dict(Outer, {"rate": "1e-3", "inner": {"names": ["x", "y"]}})
    assert settings.rate == 0.001
    assert settings.inner.names == ("x", "y")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ["Missing key 'rate'"]),
        ({"rate": 1, "lable": "q"}, ["'lable'", "Allowed", "Did you mean 'label'"]),
        ({"rate": 1, "inner": {"dept": 2}}, ["'inner.dept'", "Did you mean 'depth'"]),
        ({"rate": "fast"}, ["'rate'", "number", "'fast'"]),
        ({"rate": True}, ["'rate'", "float"]),
        ({"rate": 1, "limit": 1.5}, ["'limit'", "int", "1.5"]),
        ({"rate": 1, "limit": True}, ["'limit'", "int"]),
        ({"rate": 1, "on": 1}, ["'on'", "bool"]),
        ({"rate": 1, "inner": 3}, ["'inner'", "keys and values", "3"]),
        ({"rate": 1, "inner": {"names": "abc"}}, ["'inner.names'", "list"]),
        ({"rate": 1, "inner": {"names": ["a", 2]}}, ["'inner.names[1]'", "str"]),
        ({"rate": 1, "sizes": {"w": "x"}}, ["'sizes.w'", "int"]),
        ([1], ["'Outer'", "keys and values"]),
    ],
)
def test_errors_name_the_key_and_what_is_allowed(values, words):
    with pytest.raises(UserError) as error:
        from_dict(Outer, values)
    assert all(word in str(error.value) for word in words)


def test_catalogues_name_the_nearest():
    table = {"cosine": 1, "straight": 2}
    assert choose("schedule", "cosine", table) == 1
    with pytest.raises(
        UserError, match=r"Unknown schedule 'cosin'\. Allowed: cosine, straight\. Did you mean 'cosine'\?"
    ):
        choose("schedule", "cosin", table)
    assert nearest("zzz", table) == ""


def test_vocabulary_counts_and_refuses():
    vocabulary = Vocabulary()
    assert vocabulary.sizes == (5, 3, 4)
    assert vocabulary.atomic_numbers == (1, 6, 7, 8, 9)
    assert set(ATOMIC_NUMBERS) == set(SYMBOLS)
    with pytest.raises(UserError, match=r"'Xx'.*Allowed: H, B"):
        Vocabulary(elements=("C", "Xx"))
    with pytest.raises(UserError, match="formal charge 0"):
        Vocabulary(charges=(1, -1))
