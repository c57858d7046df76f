"""Interactions for a page, or why there are none."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rdkit import Chem

from molediff.evaluation import InputError


def contacts_of(
    poses: Sequence[Chem.Mol | None], receptor_pdb: str, names: Sequence[str]
) -> tuple[pd.DataFrame | None, str]:
    """(`evaluation.pose_interactions` of the poses, '') or (None, why there are none): a page is written either way.

    Args:
        poses: molecules with one conformer in the receptor's frame, angstrom.
        receptor_pdb: text of a PDB file with hydrogens.
        names: one a pose.
    """
    from molediff.evaluation.poses import pose_interactions

    with tempfile.TemporaryDirectory() as folder:
        protein = Path(folder) / "protein.pdb"
        protein.write_text(receptor_pdb, encoding="utf-8")
        try:
            return pose_interactions(poses, protein, names), ""
        except InputError as error:  # without prolif, or with a protein that it refuses
            return None, str(error).replace(str(protein), "protein.pdb")
