"""What a reader is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from molediff.data.record import Record


@dataclass(frozen=True)
class Reader:
    """Three functions of a format. Splitting a file is cheap and done once; decoding is done by many workers."""

    count: Callable[[Path], int]
    """Molecules in the file; raises UserError for a file that holds none, or is something else."""
    split: Callable[[Path, int], Iterator[Any]]
    """Undecoded molecules from a given one on, cheap to send to another process."""
    decode: Callable[[Any], Record]
    """One of them to a `Record`; what cannot be read becomes a record with a problem, never an exception."""
    slow: bool = False
    """Whether a molecule takes long to decode, so that few of them make a part."""
