"""The pocket as the model sees it: heavy atoms of whole residues round a ligand or a site, as classes."""

from __future__ import annotations

import numpy as np
import torch
from rdkit import Chem
from scipy.spatial import cKDTree

from molediff.chem.pocket_classes import pocket_classes
from molediff.config import UserError
from molediff.docking.prepare import heavy_atoms
from molediff.docking.receptor import Receptor
from molediff.docking.site import Site
from molediff.structures import Pocket


def near_residues(receptor: Receptor, centre: Site | Chem.Mol, radius: float) -> np.ndarray:
    """(M,) bool, all atoms of the residues with a heavy atom within ``radius`` of a ligand's heavy atoms or a point.

    Args:
        receptor: to choose from.
        centre: a ligand with a conformer, or a site, of which the centre counts.
        radius: angstrom.

    Raises:
        UserError: when there are none.
    """
    points = np.asarray(centre.centre)[None] if isinstance(centre, Site) else heavy_atoms(centre)
    distance, _ = cKDTree(points).query(receptor.pos)
    near = (distance <= radius) & receptor.heavy
    keys = list(zip(receptor.chain, receptor.number, receptor.residue, strict=True))
    wanted = {keys[k] for k in np.flatnonzero(near)}
    if not wanted:
        what = centre.how if isinstance(centre, Site) else "the ligand"
        raise UserError(
            f"The pocket is empty: no residue within {radius:g} A of {what}; the nearest atom is {distance.min():.1f} "
            "A away. Is it in the frame of this protein? Else give a larger --radius."
        )
    return np.array([key in wanted for key in keys])


def pocket_of(receptor: Receptor, atoms: np.ndarray) -> Pocket:
    """A batch of one pocket of the heavy ones among some atoms, in the frame of the receptor.

    Args:
        receptor: prepared.
        atoms: (M,) bool.
    """
    kept = np.flatnonzero(atoms & receptor.heavy)
    columns = (receptor.element, receptor.name, receptor.residue, receptor.hetero)
    element, residue, backbone = pocket_classes(*([column[k] for k in kept] for column in columns))
    return Pocket(
        pos=torch.tensor(receptor.pos[kept], dtype=torch.float32)[None],
        element=torch.tensor(element, dtype=torch.long)[None],
        residue=torch.tensor(residue, dtype=torch.long)[None],
        backbone=torch.tensor(backbone)[None],
        mask=torch.ones(1, len(kept), dtype=torch.bool),
        source=(receptor.source,),
    )
