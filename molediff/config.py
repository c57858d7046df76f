"""Settings as frozen dataclasses: strict loading, field docstrings, errors that name the nearest key."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class UserError(ValueError):
    """Something the user gave cannot be used. The message says what was given, what is allowed and what to type."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A hint ``Did you mean 'x'?`` for a mistyped name, or an empty string.

    Args:
        name: what was given.
        allowed: the names that exist.
    """
    close = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def choose(kind: str, name: str, table: Mapping[str, T]) -> T:
    """Look ``name`` up in a catalogue.

    Raises:
        UserError: for a name that is not listed; names the allowed ones and the nearest.
    """
    if name not in table:
        raise UserError(f"Unknown {kind} '{name}'. Allowed: {', '.join(table)}.{nearest(name, table)}")
    return table[name]


def from_dict(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build the dataclass ``cls`` from plain values, recursively, refusing unknown keys and wrong types.

    Args:
        cls: a dataclass whose fields are scalars, tuples of scalars, or dataclasses.
        values: what a YAML or JSON file held.
        where: dotted path of ``values`` in the file, for messages.

    Raises:
        UserError: for an unknown key (with the nearest one), a missing key or a value of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"'{where or cls.__name__}' must hold keys and values, got {values!r}.")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    given = {}
    for key, value in values.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in fields:
            raise UserError(f"Unknown key '{path}'. Allowed: {', '.join(fields)}.{nearest(str(key), fields)}")
        given[key] = _convert(hints[key], value, path)
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in given and not optional:
            raise UserError(f"Missing key '{f'{where}.{name}' if where else name}' of {cls.__name__}.")
    return cls(**given)


def _convert(hint: Any, value: Any, path: str) -> Any:
    """One value to the annotated type; ints pass for floats, lists for tuples, nothing else is guessed."""
    if hint is Any:  # settings of something that is chosen by another key, and checked against it
        return value
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, path)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        return _convert(next(a for a in args if a is not type(None)), value, path)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise UserError(f"'{path}' must be a list, got {value!r}.")
        return tuple(_convert(args[0], v, f"{path}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise UserError(f"'{path}' must hold keys and values, got {value!r}.")
        return {_convert(args[0], k, path): _convert(args[1], v, f"{path}.{k}") for k, v in value.items()}
    return _scalar(hint, value, path)


def _scalar(hint: type, value: Any, path: str) -> Any:
    if hint is float and isinstance(value, str):
        # YAML 1.1 reads 1e-3 (no dot) as text.
        try:
            return float(value)
        except ValueError:
            raise UserError(f"'{path}' must be a number, got {value!r}.") from None
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise UserError(f"'{path}' must be of type {hint.__name__}, got {value!r}.")
    return value


def to_dict(settings: Any) -> dict[str, Any]:
    """The plain values of a settings dataclass, such that ``from_dict(type(s), to_dict(s)) == s``."""
    return dataclasses.asdict(settings)
