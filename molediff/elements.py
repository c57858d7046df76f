"""Chemical elements and the vocabularies that models are trained on."""

from __future__ import annotations

from dataclasses import dataclass

from molediff.config import UserError

SYMBOLS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I")
"""Every element that a molediff model may know."""

ATOMIC_NUMBERS = {
    "H": 1,
    "B": 5,
    "C": 6,
    "N": 7,
    "O": 8,
    "F": 9,
    "Si": 14,
    "P": 15,
    "S": 16,
    "Cl": 17,
    "Br": 35,
    "I": 53,
}

BOND_ORDERS = (0, 1, 2, 3)
"""Bond classes are orders: none, single, double, triple. Aromatic rings are kekulised."""


@dataclass(frozen=True)
class Vocabulary:
    """Classes of a model: class k of `Molecules.atom` is ``elements[k]``, class k of ``charge`` is ``charges[k]``."""

    elements: tuple[str, ...] = ("H", "C", "N", "O", "F")
    """Element symbols, in order of their class index; a subset of `SYMBOLS`."""
    charges: tuple[int, ...] = (0, -1, 1)
    """Formal charges (elementary charge), in order of their class index; 0 must be there."""

    def __post_init__(self) -> None:
        unknown = [s for s in self.elements if s not in SYMBOLS]
        if unknown:
            raise UserError(f"Unknown element {unknown[0]!r}. Allowed: {', '.join(SYMBOLS)}.")
        for values in (self.elements, self.charges):
            if len(set(values)) < len(values):
                raise UserError(f"A vocabulary lists each class once, got {values}.")
        if 0 not in self.charges:
            raise UserError(f"A vocabulary needs the formal charge 0, got {self.charges}.")

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of classes of atoms, charges and bonds."""
        return len(self.elements), len(self.charges), len(BOND_ORDERS)

    @property
    def atomic_numbers(self) -> tuple[int, ...]:
        """Atomic number of each atom class."""
        return tuple(ATOMIC_NUMBERS[s] for s in self.elements)
