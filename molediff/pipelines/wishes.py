"""What molecules should have or not have. Those that do not fit are ranked behind, with the reason; none is dropped."""

from __future__ import annotations

from dataclasses import dataclass

from rdkit import Chem
from rdkit.Chem import Descriptors
from rdkit.rdBase import BlockLogs

from molediff.config import UserError


@dataclass(frozen=True)
class Wishes:
    """Empty: everything fits."""

    keep: tuple[str, ...] = ()
    """SMARTS, each of which the molecule must have."""
    avoid: tuple[str, ...] = ()
    """SMARTS, none of which it may have."""
    max_mw: float = 0.0
    """Molecular weight at most, g/mol; 0 for any."""
    charges: tuple[int, ...] = ()
    """Total formal charges allowed, elementary charge; empty for any."""

    def __post_init__(self):
        for option, patterns in (("--keep-smarts", self.keep), ("--avoid", self.avoid)):
            for text in patterns:
                pattern(option, text)
        if not 0 <= self.max_mw < float("inf"):
            raise UserError(f"--max-mw takes a molecular weight in g/mol, got {self.max_mw:g}. Type --max-mw 450")

    def __bool__(self) -> bool:
        return bool(self.keep or self.avoid or self.max_mw or self.charges)

    def misfit(self, mol: Chem.Mol) -> str:
        """Why a molecule does not fit, or ''.

        Args:
            mol: sanitised; hydrogens explicit or not.
        """
        mol = Chem.RemoveAllHs(mol)
        found = [f"has no {text}" for text in self.keep if not mol.HasSubstructMatch(pattern("--keep-smarts", text))]
        found += [f"has {text}" for text in self.avoid if mol.HasSubstructMatch(pattern("--avoid", text))]
        if self.max_mw and (weight := Descriptors.MolWt(mol)) > self.max_mw:
            found.append(f"weighs {weight:.1f}")
        if self.charges and (charge := Chem.GetFormalCharge(mol)) not in self.charges:
            found.append(f"charge {charge:+d}")
        return "; ".join(found)


def pattern(option: str, text: str) -> Chem.Mol:
    """A SMARTS as a query.

    Raises:
        UserError: for text that is none.
    """
    with BlockLogs():
        query = Chem.MolFromSmarts(text)
    if query is None or not query.GetNumAtoms():
        raise UserError(f"{option} '{text}' is no SMARTS. Type for example {option} 'c1ccncc1'")
    return query


def read_charges(text: str) -> tuple[int, ...]:
    """'-1,0' -> (-1, 0); '' -> ().

    Raises:
        UserError: for text that holds no whole numbers.
    """
    try:
        return tuple(int(word) for word in text.split(",")) if text else ()
    except ValueError:
        raise UserError(f"--charge takes whole numbers, got '{text}'. Type for example --charge=-1,0") from None
