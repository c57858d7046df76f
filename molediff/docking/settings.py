"""Settings of a docking run, the same for every engine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from molediff.config import UserError


@dataclass(frozen=True)
class DockConfig:
    """What an engine is asked for: ``dock(receptor, site, ligand, config) -> Docked``."""

    poses: int = 9
    """At most this many poses a ligand, best first, at least 1."""
    exhaustiveness: int = 8
    """Search effort, Vina's scale: independent Monte-Carlo runs a conformer. Torch scales its starts with it."""
    conformers: int = 1
    """Ring conformations to start from: the first so many conformers of `Ligand.mol`, docked apart and merged.
    0 starts from the coordinates in the library instead of an embedded conformer."""
    seed: int = 0
    """Of the run. Conformers and the torch engine draw from ``row_seed(seed, ligand.row)``, so rows are independent;
    Vina's generator is set once a pocket, from this seed, and starts anew with every ligand."""
    seconds: float = 3600.0
    """Limit of computing per ligand. The worker pool enforces it by ending the child; an engine may stop earlier."""
    min_rmsd: float = 1.0
    """Poses closer than this are one, angstrom over heavy atoms, symmetry not considered (Vina's rule)."""
    energy_range: float = 3.0
    """Poses worse than the best by more than this are left out, kcal/mol."""
    spacing: float = 0.375
    """Of the grid maps, angstrom; engines without maps ignore it."""
    torsions: int = 32
    """Most rotatable bonds; a ligand with more fails with a reason."""
    device: str = "cpu"
    """Where an engine that runs on torch computes; Vina ignores it."""

    def __post_init__(self):
        for name, least in (("poses", 1), ("exhaustiveness", 1), ("conformers", 0), ("torsions", 0)):
            if getattr(self, name) < least:
                raise UserError(
                    f"--{name} must be at least {least}, got {getattr(self, name)}. "
                    f"Type for example --{name} {getattr(type(self), name)}."
                )
        for name in ("seconds", "min_rmsd", "energy_range", "spacing"):
            if not getattr(self, name) > 0:
                usual, option = getattr(type(self), name), "--seconds" if name == "seconds" else name
                raise UserError(f"{option} must be above 0, got {getattr(self, name)}. The usual value is {usual:g}.")


def row_seed(seed: int, row: int, part: int = 0) -> int:
    """A seed from the run's seed, the ligand's row and a part of its work (as the conformer), in 1..2**31 - 1.

    Never 0, which Vina takes as 'draw one at random'. It depends on nothing else, so neither worker count nor order
    nor the other ligands change a result.
    """
    digest = hashlib.sha256(f"{seed}/{row}/{part}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1
