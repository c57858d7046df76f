"""What the model sees of an atom of a receptor: an element class, a residue class, and whether it is backbone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from molediff.chem.residue_table import AMINO, METALS, WATERS, words

ELEMENT_CLASSES = ("C", "N", "O", "S", "P", "F", "Cl", "Br", "I", "metal", "other")
"""Class k of `Pocket.element`; selenium counts as sulphur."""
RESIDUE_CLASSES = (*AMINO, "nucleotide", "water", "ion", "cofactor", "other")
"""Class k of `Pocket.residue`; 'other' is a residue of the polymer that is none of the twenty."""
BACKBONE = ("N", "CA", "C", "O")
NUCLEOTIDES = words("A C G U I DA DC DG DT DU DI")
_ELEMENT = {name: k for k, name in enumerate(ELEMENT_CLASSES)}
_RESIDUE = {name: k for k, name in enumerate(RESIDUE_CLASSES)}


def pocket_classes(
    element: Sequence[str], name: Sequence[str], residue: Sequence[str], hetero: Sequence[bool]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes of the heavy atoms of a receptor.

    Args:
        element: symbol of each of M atoms, as 'Zn'.
        name: name of each atom, as 'CA'.
        residue: name of each atom's residue.
        hetero: whether each belongs to no polymer: waters, metals, cofactors.

    Returns:
        element (M,) and residue (M,) uint8, places in `ELEMENT_CLASSES` and `RESIDUE_CLASSES`; backbone (M,) bool.
    """
    atoms = list(zip(element, name, residue, hetero, strict=True))
    return (
        np.array([_ELEMENT[_element(e)] for e, _, _, _ in atoms], np.uint8),
        np.array([_RESIDUE[_residue(r, e, apart)] for e, _, r, apart in atoms], np.uint8),
        np.array([not apart and n in BACKBONE for _, n, _, apart in atoms], bool),
    )


def _element(symbol: str) -> str:
    if symbol in ELEMENT_CLASSES:
        return symbol
    if symbol == "Se":
        return "S"
    return "metal" if symbol in METALS else "other"


def _residue(name: str, element: str, hetero: bool) -> str:
    if name in AMINO:
        return name
    if name in WATERS:
        return "water"
    if name in NUCLEOTIDES:
        return "nucleotide"
    if not hetero:
        return "other"
    return "ion" if element in METALS or name.capitalize() == element else "cofactor"
