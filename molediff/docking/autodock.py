"""AutoDock atom types from elements, bonds and places of all atoms, hydrogens among them."""

from __future__ import annotations

import numpy as np

from molediff.chem.residue_table import words
from molediff.config import UserError

BY_SYMBOL = words("C N O P S H F Cl Br I Si Mg Mn Zn Ca Fe Cu Na K Hg Co U Cd Ni")
"""Elements that Vina has a type for."""
LIKE = {"Se": "S", "Te": "S", "As": "P", "B": "C", "Ge": "Si"}
"""Others that are no metals, by the one they come nearest to."""
NO_TYPE = frozenset(("He", "Ne", "Ar", "Kr", "Xe", "Rn"))
POLAR = ("N", "O", "S")
RING = (5, 6)
PLANAR = 0.3
"""A nitrogen with three neighbours nearer than this to their plane has no free lone pair, angstrom."""


def autodock_types(element: tuple[str, ...], bonds: np.ndarray, pos: np.ndarray) -> tuple[str, ...]:
    """Type of each atom; a metal that Vina does not know becomes Mg (Vina treats all metals alike).

    Carbons in flat rings of five or six are A. Oxygens and sulphurs are acceptors (OA, SA). A nitrogen is an acceptor
    (NA) when it has a free lone pair: without hydrogens, and with one or two neighbours, or three out of plane.

    Args:
        element: (M,) symbols, hydrogens explicit.
        bonds: (K, 2) pairs.
        pos: (M, 3) angstrom.

    Returns:
        (M,) of C A N NA OA SA HD H P F Cl Br I Si and metals; '' for noble gases.
    """
    around = neighbours(len(element), bonds)
    aromatic = _aromatic(element, around, pos)
    types = []
    for k, symbol in enumerate(element):
        if symbol == "H":
            types.append("HD" if any(element[j] in POLAR for j in around[k]) else "H")
        elif symbol == "C":
            types.append("A" if k in aromatic else "C")
        elif symbol == "N":
            types.append("NA" if _lone_pair(k, element, around, pos) else "N")
        elif symbol in ("O", "S"):
            types.append(f"{symbol}A")
        else:
            types.append(_other(symbol))
    return tuple(types)


def _other(symbol: str) -> str:
    if symbol in BY_SYMBOL:
        return symbol
    if symbol in NO_TYPE:
        return ""
    return LIKE.get(symbol, "Mg")


def neighbours(count: int, bonds: np.ndarray) -> list[list[int]]:
    """Bonded atoms of each atom.

    Raises:
        UserError: for a bond to an atom that is not there.
    """
    around: list[list[int]] = [[] for _ in range(count)]
    for i, j in np.asarray(bonds).reshape(-1, 2).tolist():
        if not (0 <= i < count and 0 <= j < count):
            raise UserError(f"A bond joins atoms {i} and {j} of {count}.")
        around[i].append(j)
        around[j].append(i)
    return around


def _lone_pair(k: int, element: tuple[str, ...], around: list[list[int]], pos: np.ndarray) -> bool:
    near = around[k]
    if any(element[j] == "H" for j in near) or len(near) > 3:
        return False
    if len(near) < 3:
        return True
    a, b, c = pos[near]
    normal = np.cross(b - a, c - a)
    return bool(abs((pos[k] - a) @ normal) > PLANAR * max(np.linalg.norm(normal), 1e-9))


def _aromatic(element: tuple[str, ...], around: list[list[int]], pos: np.ndarray) -> set[int]:
    """Members of flat rings of five or six atoms whose carbons have three neighbours."""
    able = [
        (e == "C" and len(near) == 3) or (e in ("N", "O", "S") and len(near) in (2, 3))
        for e, near in zip(element, around, strict=True)
    ]
    found: set[int] = set()
    for start in range(len(element)):
        if able[start] and element[start] == "C" and start not in found:
            for ring in _rings(start, able, around):
                places = pos[ring] - pos[ring].mean(0)
                if np.linalg.svd(places, compute_uv=False)[-1] < 0.1 * len(ring) ** 0.5:
                    found.update(ring)
    return found


def _rings(start: int, able: list[bool], around: list[list[int]]) -> list[list[int]]:
    """Rings of five or six atoms through ``start`` over able atoms."""
    rings, paths = [], [[start]]
    for _ in range(max(RING) - 1):
        paths = [[*p, j] for p in paths for j in around[p[-1]] if able[j] and j not in p]
        if len(paths[0] if paths else []) in RING:
            rings += [p for p in paths if start in around[p[-1]]]
    return rings
