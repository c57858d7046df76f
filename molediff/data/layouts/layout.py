"""What a layout is made of: complexes are recognised by the names of the files in one folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

SDF = (".sdf", ".sdf.gz")


@dataclass(frozen=True)
class Found:
    """One receptor and its ligands, by the names of files in one folder."""

    name: str
    """Of the complex; '' when it is that of the folder."""
    protein: str
    """File of the receptor."""
    ligands: tuple[tuple[str, ...], ...]
    """Files of ligand poses; of each the same poses in other formats, the first that can be used counts."""


Layout = Callable[[Sequence[str]], list[Found]]
"""Names of the files of a folder, sorted -> the complexes in it; none when the folder is laid out otherwise."""


def stem(name: str, ends: Sequence[str]) -> str | None:
    """A name without the first of the ends that fits, longest first; None when none does."""
    for end in sorted(ends, key=len, reverse=True):
        if name.endswith(end):
            return name[: -len(end)]
    return None
