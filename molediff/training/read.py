"""A config file and --set into plain values. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from molediff.config import UserError


def read_values(path: str, changes: Sequence[str] = ()) -> dict[str, Any]:
    """The values of a YAML file with some changed.

    Args:
        path: of the file.
        changes: 'key=value', nested keys with dots, values as YAML.

    Raises:
        UserError: for a file that cannot be read and a change that is none.
    """
    try:
        values = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Cannot read the config '{path}': {error}. Give the path of a YAML file.") from error
    except yaml.YAMLError as error:
        raise UserError(f"The config '{path}' is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"The config '{path}' must hold keys and values such as 'out: runs/first', got {values!r}.")
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not key:
            raise UserError(f"--set takes key=value, got {change!r}. For example: --set steps=20000")
        _set(values, key.split("."), _value(change, value))
    return values


def _value(change: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"The value in --set {change} is not YAML: {error}") from error


def _set(values: dict[str, Any], path: list[str], value: Any) -> None:
    *outer, last = path
    for key in outer:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise UserError(f"--set {'.'.join(path)}: '{key}' holds {values!r}, not keys and values.")
    values[last] = value
