"""A receptor as text, no larger than a picture of it needs."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from molediff.evaluation import InputError
from molediff.evaluation.complexes import WATER

BOND = 1.3  # angstrom, longest N-H, O-H or (S-H) in mind


def trim(text: str) -> str:
    """The atoms of the first model of a PDB text without waters and without hydrogens on anything but N, O, S.

    Records other than ATOM, HETATM, HELIX and SHEET are left out; of alternate places the first is kept.

    Raises:
        InputError: where no atom is left.
    """
    kept, atoms, places = [], [], set()
    for line in text.splitlines():
        if line.startswith("ENDMDL"):
            break
        if line.startswith(("HELIX", "SHEET")):
            kept.append(line)
        if not line.startswith(("ATOM", "HETATM")) or line[17:20].strip() in WATER:
            continue
        place = line[12:16] + line[17:27]
        if place in places:
            continue
        places.add(place)
        atoms.append(line.rstrip())
    if not atoms:
        raise InputError("The receptor's text holds no ATOM records. Give the text of a PDB file.")
    element = np.array([_element(line) for line in atoms])
    pos = np.array([[float(line[a : a + 8]) for a in (30, 38, 46)] for line in atoms])
    polar, hydrogen = np.isin(element, ["N", "O", "S"]), np.isin(element, ["H", "D"])
    keep = ~hydrogen
    if hydrogen.any() and polar.any():
        keep[hydrogen] = cKDTree(pos[polar]).query(pos[hydrogen])[0] < BOND
    # serial numbers anew: the page selects atoms by them
    lines = [f"{line[:6]}{k % 100000:5d}{line[11:]}" for k, line in enumerate(np.array(atoms)[keep], start=1)]
    return "\n".join([*kept, *lines, "END", ""])


def _element(line: str) -> str:
    """Columns 77-78, or what the atom's name says where they are empty."""
    given = line[76:78].strip().upper()
    return given or line[12:16].strip().lstrip("0123456789")[:1].upper()
