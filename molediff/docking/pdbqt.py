"""A rigid receptor as PDBQT. Vina reads places and types and ignores charges, so they are written as zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from molediff.config import UserError
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_text import rigid_pdbqt


def pdbqt_text(receptor: Receptor) -> str:
    """Every heavy atom and polar hydrogen that has a type, metals and cofactors among them.

    Raises:
        UserError: when no atom has a type.
    """
    kept = np.flatnonzero([bool(kind) and kind != "H" for kind in receptor.types])
    if not len(kept):
        raise UserError("The receptor has no atom that Vina has a type for. Give a protein.")
    source = Path(receptor.source).name or "unknown source"
    return f"REMARK molediff, rigid receptor of {source}\n{rigid_pdbqt(receptor, kept)}TER\n"
