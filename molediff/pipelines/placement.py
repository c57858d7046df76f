"""Known atoms and leads that are given with a pocket: they must lie in it, and known ones must not clash with it."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from molediff.chem.residue_table import METALS
from molediff.config import UserError
from molediff.docking.receptor import Receptor

CLOSEST = 2.0
"""Known heavy atoms nearer than this to one of the protein clash with it, angstrom; metals are not looked at."""
FAR = 8.0
"""Given atoms of which none is nearer than this to the protein are in another frame, angstrom."""


def check_placement(path: object, z: np.ndarray, pos: np.ndarray, receptor: Receptor, known: bool) -> None:
    """Refuse atoms of a file that cannot be meant for this pocket.

    Args:
        path: of the file, for the message.
        z: (K,) atomic numbers.
        pos: (K, 3) in the receptor's frame, angstrom.
        receptor: prepared protein.
        known: whether the positions stay; a lead that is to be changed may clash.

    Raises:
        UserError: for atoms far from the protein, and known ones that clash with it.
    """
    theirs = np.flatnonzero([e != "H" for e in receptor.element])
    ours = np.flatnonzero(z > 1)
    distance, nearest = cKDTree(receptor.pos[theirs]).query(pos[ours])
    if distance.min() > FAR:
        raise UserError(
            f"'{path}' does not lie in the pocket: its nearest atom is {distance.min():.1f} A from the protein. "
            "Give its coordinates in the frame of --protein."
        )
    if not known:
        return
    soft = np.flatnonzero([receptor.element[k] not in METALS for k in theirs])
    distance, nearest = cKDTree(receptor.pos[theirs[soft]]).query(pos[ours])
    if (distance >= CLOSEST).all():
        return
    k = int(distance.argmin())
    there = theirs[soft[nearest[k]]]
    residue = receptor.residue[there]
    name = f"{receptor.name[there]} of {residue} {receptor.chain[there]}:{receptor.number[there]}"
    tip = f" If {residue} is in the way, take it out: --drop {residue}." if receptor.hetero[there] else ""
    raise UserError(
        f"'{path}' clashes with the protein: {int((distance < CLOSEST).sum())} of its {len(ours)} heavy atoms lie "
        f"within {CLOSEST:g} A of it, atom {ours[k] + 1} at {distance[k]:.1f} A from {name}. "
        f"Is it in the frame of --protein, and is its place free?{tip}"
    )
