"""Acids and bases at pH 7.4 by named rules; a plain aid, no model of pKa."""

from __future__ import annotations

from rdkit import Chem

RULES = {
    "carboxylate": ("[CX3](=O)[OX2H1:1]", -1),
    "phosphate": ("[PX4](=O)[OX2H1:1]", -1),
    "sulfonate": ("[SX4](=O)(=O)[OX2H1:1]", -1),
    "tetrazolate": ("[nH1:1]1nnnc1", -1),
    "tetrazolate, 2H": ("[nH1:1]1nncn1", -1),
    "guanidinium": (
        "[NX2;!$(N[*]=,#[O,N,S]);!$(N-[#7,#8,#16]):1]=[CX3]([NX3;!$(N-[C,S,P]=[O,S])])[NX3;!$(N-[C,S,P]=[O,S])]",
        1,
    ),
    "amidinium": ("[NX2;!$(N-[#7,#8,#16,a]);!$(N-[C,S,P]=[O,S]):1]=[CX3;!R]([#6,#1])[NX3;!$(N-[C,S,P]=[O,S])]", 1),
    "ammonium": (
        "[NX3;!$(N-[#7,#8,#16,#15]);!$(N-[C,S,P]=,#[*]);!$(N-a);!$(N-C=,#*);!$(N#*);!$(N=*);!$(N1CC1):1]-[CX4]",
        1,
    ),
}  # fmt: skip
"""Name -> (SMARTS whose atom 1 changes, charge added). Applied in order, one atom at most once; of two amines joined by
two or three carbons (as in piperazine) only the first found is charged, of a phosphate one O."""

CLOSE = [Chem.MolFromSmarts(s) for s in ("[N+;X4]~C~C~[N;X3:1]", "[N+;X4]~C~C~C~[N;X3:1]")]


def protonate(mol: Chem.Mol) -> tuple[Chem.Mol, str]:
    """(molecule in its state at pH 7.4, 'carboxylate 1, ammonium 1' or ''). Conformers and explicit H are kept apart.

    Explicit hydrogens are removed (positions of heavy atoms stay). Groups that carry a charge already are left alone.
    """
    mol = Chem.RWMol(Chem.RemoveHs(mol))
    counts: dict[str, int] = {}
    for name, (smarts, charge) in RULES.items():
        pattern = Chem.MolFromSmarts(smarts)
        place = next(a.GetIdx() for a in pattern.GetAtoms() if a.GetAtomMapNum() == 1)
        for match in mol.GetSubstructMatches(pattern):
            if _allowed(mol, match[place], name):
                _shift(mol.GetAtomWithIdx(match[place]), charge)
                mol.UpdatePropertyCache(strict=False)
                counts[name] = counts.get(name, 0) + 1
    out = mol.GetMol()
    Chem.SanitizeMol(out)
    return out, ", ".join(f"{name} {n}" for name, n in counts.items())


def _allowed(mol: Chem.RWMol, index: int, rule: str) -> bool:
    atom = mol.GetAtomWithIdx(index)
    if atom.GetFormalCharge():
        return False
    if rule in ("phosphate", "sulfonate"):
        centre = next(n for n in atom.GetNeighbors() if n.GetSymbol() in "PS")
        return not any(n.GetFormalCharge() < 0 for n in centre.GetNeighbors())
    if rule == "ammonium":
        return not any(index == m[-1] for pattern in CLOSE for m in mol.GetSubstructMatches(pattern))
    return True


def _shift(atom: Chem.Atom, charge: int) -> None:
    """Add or take one proton."""
    total = atom.GetTotalNumHs() + charge
    atom.SetFormalCharge(atom.GetFormalCharge() + charge)
    atom.SetNoImplicit(True)
    atom.SetNumExplicitHs(total)
