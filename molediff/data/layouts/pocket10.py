"""CrossDocked2020 as cut for generators (`crossdocked_pocket10`): `<pocket>/<x>_pocket10.pdb` beside `<x>.sdf`."""

from __future__ import annotations

from collections.abc import Sequence

from molediff.data.layouts.layout import SDF, Found

RECEPTOR = "_pocket10.pdb"


def pocket10(files: Sequence[str]) -> list[Found]:
    """One complex for each pocket, named by its ligand."""
    there, found = set(files), []
    for name in files:
        if name.endswith(RECEPTOR):
            bare = name[: -len(RECEPTOR)]
            ligand = tuple(bare + end for end in SDF if bare + end in there)
            found.append(Found(bare, name, (ligand,) if ligand else ()))
    return found
