"""Pickles without their power: plain values, numpy numbers, and RDKit molecules as bytes; everything else is refused.

A pickle is a program that may call whatever it names. Here every name goes through a table of a few harmless stand-ins,
which are neither the real things nor can be changed by the pickle; RDKit's binary is not parsed, only kept.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from molediff.config import UserError


class RefusedError(pickle.UnpicklingError):
    """What a pickle asks for and does not get."""


class PickledMol:
    """An RDKit molecule as the bytes of ``Mol.ToBinary``."""

    __slots__ = ("content",)

    def __init__(self, content: bytes = b""):
        if not isinstance(content, bytes):
            raise RefusedError("a molecule that is not made of bytes")
        self.content = content

    def __setstate__(self, state: Any) -> None:
        """RDKit adds an empty dict of attributes; none are needed."""


class _Dtype:
    """Name of a numpy type; its state (byte order) is little-endian in every published file."""

    __slots__ = ("name",)

    def __init__(self, name: str, *_: Any):
        if not isinstance(name, str) or name not in {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1"}:
            raise RefusedError(f"the numpy type {name!r}")
        self.name = name

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", "|", "="):
            raise RefusedError("numbers in another byte order")


class _StandIn:
    """What a pickle may call: a function that the pickle can neither look into nor change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable):
        object.__setattr__(self, "_function", function)

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise RefusedError("a change to what it is read with")

    def __setstate__(self, state: Any) -> None:
        raise RefusedError("a change to what it is read with")


def _scalar(dtype: _Dtype, content: bytes) -> float | int | bool:
    if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
        raise RefusedError("a numpy number of an unknown kind")
    (value,) = np.frombuffer(content, f"<{dtype.name}")
    return value.item()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How protocols 0 to 2 spell bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedError(f"text in {encoding!r}")
    return text.encode("latin1")


ALLOWED: dict[tuple[str, str], Callable] = {
    ("rdkit.Chem.rdchem", "Mol"): PickledMol,
    ("_codecs", "encode"): _encode,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
}
"""(module, name) that a pickle may ask for -> what it gets."""


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise RefusedError(f"{module}.{name}")
        return _StandIn(ALLOWED[module, name])

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError("an object outside the file")


def load_plain(path: Path) -> Any:
    """The values of a pickle.

    Raises:
        UserError: when it asks for anything but the names in `ALLOWED`.
        EOFError: when it is damaged or cut short, with the reason.
    """
    try:
        with open(path, "rb") as file:
            return _Plain(file).load()
    except RefusedError as why:
        raise UserError(
            f"'{path}' was not read: the pickle asks for {why}, and may run code by it. Only RDKit molecules and plain "
            "values are allowed. Convert the molecules to an SD file, or give their SMILES in a .smi file."
        ) from None
    except (RecursionError, MemoryError) as error:
        raise EOFError(type(error).__name__) from None
    except Exception as error:  # a broken pickle raises whatever its bytes happen to mean
        raise EOFError(" ".join(f"{type(error).__name__}: {error}".split())[:200]) from None
