"""`revisited`: GEOM-Drugs valences by (aromatic bonds, order of the others) and charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdkit import Chem

from ..figures import Measure
from ..identity import inchikey
from ..record import Record, molecule
from ..strict import plain_smiles, sanitise
from .protocol import Context, Protocol, flags, identity, numbers, ones, share

if TYPE_CHECKING:
    import pandas as pd

# element: charge: allowed (number of aromatic bonds, sum of the other orders)
TABLE = {
    "H": {0: {(0, 1)}},
    "B": {0: {(0, 3)}, -1: {(0, 4)}},
    "C": {
        0: {(0, 4), (2, 2), (2, 1), (3, 0)},
        -1: {(0, 3), (2, 1), (3, 0)},
        1: {(0, 3), (2, 1), (3, 0)},
    },
    "N": {
        0: {(0, 3), (2, 0), (2, 1), (3, 0)},
        1: {(0, 4), (2, 0), (2, 1), (2, 2), (3, 0)},
        -1: {(0, 2), (2, 0)},
        -2: {(0, 1)},
    },
    "O": {0: {(0, 2), (2, 0)}, -1: {(0, 1)}, 1: {(0, 3)}},
    "F": {0: {(0, 1)}},
    "Si": {0: {(0, 4)}, 1: {(0, 5)}},
    "P": {0: {(0, 3), (0, 5)}, 1: {(0, 4)}},
    "S": {
        0: {(0, 2), (0, 3), (0, 6), (2, 0)},
        1: {(0, 3), (2, 0), (2, 1), (3, 0)},
        2: {(0, 4), (2, 1), (2, 2)},
        3: {(0, 2), (0, 5)},
        -1: {(0, 1)},
    },
    "Cl": {0: {(0, 1)}, 1: {(0, 2)}},
    "Br": {0: {(0, 1)}, 1: {(0, 2)}},
    "I": {0: {(0, 1)}, 1: {(0, 2)}, 2: {(0, 3)}},
    "Bi": {0: {(0, 3)}, 2: {(0, 5)}},
}
FAILED = {"stable_atoms": 0, "stable": False, "valid": False, "connected": False, "smiles": ""}


def revisited(mol: Chem.Mol) -> dict:
    """Stability after "GEOM-Drugs revisited" (Nikitin et al. 2025, github.com/isayevlab/geom-drugs-3dgen-evaluation).

    An atom is stable when (number of aromatic bonds, sum of the orders of the others) is in TABLE for its element and
    charge. Bonds are judged as given, aromatic or kekulised (column `bond_style`). Valid: sanitises with its charges
    and bonds as given and is one fragment ("V&C").

    Known faults: neutral S of valence 3 is allowed and sulfoxide S of 4 is not (a drug-like set without sulfoxides
    written S=O taught the table); an unlisted charge or element is unstable; pyrrole-type aromatic atoms are judged
    without asking whether the ring has a Kekule structure (`valid` does).

    Returns:
        `stable_atoms`, `stable`, `valid` (and connected), `connected`, `smiles`, `bond_style`, `reason`.
    """
    stable = sum(_stable(atom) for atom in mol.GetAtoms())
    aromatic = any(bond.GetBondType() == Chem.BondType.AROMATIC for bond in mol.GetBonds())
    row = {
        "stable_atoms": stable,
        "stable": stable == mol.GetNumAtoms() > 0,
        "connected": len(Chem.GetMolFrags(mol)) == 1,
        "bond_style": "aromatic" if aromatic else "kekulised",
    }
    work = Chem.RWMol(mol)
    reason = sanitise(work)
    smiles = "" if reason else plain_smiles(work)
    if not reason and not row["connected"]:
        reason = "disconnected"
    return row | {"valid": not reason, "smiles": smiles, "reason": reason}


def _stable(atom: Chem.Atom) -> bool:
    orders = [bond.GetBondTypeAsDouble() for bond in atom.GetBonds()]
    aromatic = sum(order == 1.5 for order in orders)
    pair = (aromatic, int(sum(order for order in orders if order != 1.5)))
    return pair in TABLE.get(atom.GetSymbol(), {}).get(atom.GetFormalCharge(), ())


def judge(record: Record, context: Context) -> dict:
    """See `revisited`."""
    mol, bonds = molecule(record)
    row = revisited(mol) | {"bonds": bonds}
    return row | {"inchikey": inchikey(row["smiles"])} if context.keys else row


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """Atom and molecule stability, V&C, and stable molecules that are valid and connected."""
    valid = flags(table, prefix + "valid")
    both = valid * flags(table, prefix + "stable")
    stable = numbers(table, prefix + "stable_atoms")
    return [
        Measure(
            "atom_stability", "atoms with a GEOM-Drugs valence / atoms", "share", stable, numbers(table, "n_atoms")
        ),
        share("molecule_stability", "molecules of stable atoms only / attempts", table, prefix + "stable"),
        share("valid_connected", "sanitised as given and one fragment / attempts", table, prefix + "valid"),
        Measure("stable_valid_connected", "stable, sanitised and one fragment / attempts", "share", both, ones(table)),
        *identity(table, valid, prefix),
    ]


REVISITED = Protocol(
    judge, FAILED, measures, "Nikitin et al. 2025, github.com/isayevlab/geom-drugs-3dgen-evaluation", "generated"
)
