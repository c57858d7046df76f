"""CrossDocked2020 (Francoeur et al., 2020): `<pocket>/<x>_rec.pdb`, and poses of many ligands in `<x>_*.sdf[.gz]`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from molediff.data.layouts.layout import SDF, Found, stem

RECEPTOR = "_rec.pdb"
FREE = ("_uff", "_uff2")
"""Ends of free conformers, which lie in no pocket."""


def crossdocked(files: Sequence[str]) -> list[Found]:
    """The receptors of a folder; a ligand belongs to the one with the longest name that begins its own."""
    receptors = [name[: -len(RECEPTOR)] for name in files if name.endswith(RECEPTOR)]
    ligands: dict[str, list[str]] = defaultdict(list)
    for name in files if receptors else ():
        bare = stem(name, SDF)
        if bare is None or bare.endswith(FREE):
            continue
        owner = max((x for x in receptors if bare.startswith(f"{x}_")), key=len, default=None)
        if owner is not None:
            ligands[owner].append(name)
    return [Found(x, x + RECEPTOR, tuple((name,) for name in ligands[x])) for x in receptors]
