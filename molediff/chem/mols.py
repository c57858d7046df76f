"""RDKit molecules to `Molecules` and back, without loss: kekulised bonds, charges, explicit or implied hydrogens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from rdkit import Chem
from rdkit.Geometry import Point3D

from molediff.chem.stereo import centres, double_bonds
from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.structures import Molecules, Stereo

BOND_TYPES = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
ORDERS = {bond_type: order for order, bond_type in BOND_TYPES.items()}


def mol_from_arrays(
    z: np.ndarray, charge: np.ndarray, bonds: np.ndarray, pos: np.ndarray | None, explicit_hydrogens: bool = True
) -> Chem.Mol:
    """An RDKit molecule, unsanitised, exactly as the arrays say.

    Args:
        z: (n,) atomic numbers.
        charge: (n,) formal charges.
        bonds: (m, 3) rows (i, j, order 1..3).
        pos: (n, 3) angstrom, or None for no conformer.
        explicit_hydrogens: all hydrogens are atoms, so RDKit may add none. When False they are implied.
    """
    mol = Chem.RWMol()
    for number, formal in zip(z.tolist(), charge.tolist(), strict=True):
        atom = Chem.Atom(int(number))
        atom.SetFormalCharge(int(formal))
        atom.SetNoImplicit(explicit_hydrogens)
        mol.AddAtom(atom)
    for i, j, order in bonds.tolist():
        mol.AddBond(int(i), int(j), BOND_TYPES[int(order)])
    if pos is not None:
        conformer = Chem.Conformer(len(z))
        for i, (x, y, w) in enumerate(pos.tolist()):
            conformer.SetAtomPosition(i, Point3D(x, y, w))
        mol.AddConformer(conformer, assignId=True)
    return mol.GetMol()


def to_rdkit(molecules: Molecules, vocabulary: Vocabulary, explicit_hydrogens: bool = True) -> list[Chem.Mol]:
    """RDKit molecules, unsanitised: nothing is repaired.

    Args:
        molecules: clean batch.
        vocabulary: of the classes.
        explicit_hydrogens: see `mol_from_arrays`.
    """
    numbers, charges = np.array(vocabulary.atomic_numbers), np.array(vocabulary.charges)
    mols = []
    for k, n in enumerate(molecules.sizes.tolist()):
        bond = molecules.bond[k, :n, :n].triu(1)
        i, j = bond.nonzero(as_tuple=True)
        rows = torch.stack([i, j, bond[i, j]], 1).cpu().numpy()
        mols.append(
            mol_from_arrays(
                numbers[molecules.atom[k, :n].cpu().numpy()],
                charges[molecules.charge[k, :n].cpu().numpy()],
                rows,
                molecules.pos[k, :n].double().cpu().numpy(),
                explicit_hydrogens,
            )
        )
    return mols


def arrays_from_mol(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Atomic numbers (n,), formal charges (n,), kekulised bonds (m, 3) and positions (n, 3) in angstrom, or None.

    Raises:
        UserError: for bonds that are not single, double or triple after kekulisation.
    """
    kekulised = Chem.Mol(mol)
    if any(b.GetIsAromatic() for b in kekulised.GetBonds()):
        Chem.Kekulize(kekulised, clearAromaticFlags=True)
    z = np.array([a.GetAtomicNum() for a in kekulised.GetAtoms()], dtype=np.int64)
    charge = np.array([a.GetFormalCharge() for a in kekulised.GetAtoms()], dtype=np.int64)
    rows = []
    for bond in kekulised.GetBonds():
        order = ORDERS.get(bond.GetBondType())
        if order is None:
            raise UserError(f"A bond of type {bond.GetBondType()} cannot be used. Allowed: single, double, triple.")
        rows.append([bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), order])
    pos = kekulised.GetConformer().GetPositions() if kekulised.GetNumConformers() else None
    return z, charge, np.array(rows, dtype=np.int64).reshape(-1, 3), pos


def from_rdkit(mols: Sequence[Chem.Mol], vocabulary: Vocabulary) -> tuple[Molecules, Stereo]:
    """A batch from RDKit molecules, with the stereochemistry that their tags specify.

    Positions are the first conformer's; zero where there is none.

    Raises:
        UserError: for an element or charge outside the vocabulary, or a bond that is no single, double or triple one.
    """
    arrays = [arrays_from_mol(mol) for mol in mols]
    b, n = len(mols), max((len(a[0]) for a in arrays), default=0)
    out = Molecules(
        pos=torch.zeros(b, n, 3),
        atom=torch.zeros(b, n, dtype=torch.long),
        charge=torch.zeros(b, n, dtype=torch.long),
        bond=torch.zeros(b, n, n, dtype=torch.long),
        mask=torch.zeros(b, n, dtype=torch.bool),
    )
    stereo = Stereo.unspecified(out)
    for k, (mol, (z, charge, bonds, pos)) in enumerate(zip(mols, arrays, strict=True)):
        m = len(z)
        out.atom[k, :m] = torch.tensor(classes(z, vocabulary.atomic_numbers, "atomic number"))
        out.charge[k, :m] = torch.tensor(classes(charge, vocabulary.charges, "formal charge"))
        out.mask[k, :m] = True
        for i, j, order in bonds.tolist():
            out.bond[k, i, j] = out.bond[k, j, i] = order
        if pos is not None:
            out.pos[k, :m] = torch.tensor(pos, dtype=torch.float32)
        for centre, *around in centres(mol).tolist():
            stereo.centre[k, centre] = torch.tensor(around)
        for i, j, kind in double_bonds(mol).tolist():
            stereo.cistrans[k, i, j] = stereo.cistrans[k, j, i] = kind
    return out, stereo


def classes(values: np.ndarray, allowed: Sequence[int], what: str) -> list[int]:
    """Class index of each value.

    Raises:
        UserError: for a value that is not allowed.
    """
    index = {value: k for k, value in enumerate(allowed)}
    missing = [v for v in values.tolist() if v not in index]
    if missing:
        raise UserError(f"{what.capitalize()} {missing[0]} is unknown to this model. Allowed: {list(allowed)}.")
    return [index[v] for v in values.tolist()]
