"""`midi` and `midi-published`: a valence table by charge over the generated bonds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdkit import Chem
from rdkit.rdBase import BlockLogs

from ..figures import Measure
from ..identity import inchikey
from ..record import Record, molecule
from ..strict import plain_smiles
from .protocol import Context, Protocol, flags, identity, numbers, ones, share

if TYPE_CHECKING:
    import pandas as pd

# github.com/cvignac/MiDi, midi/metrics (allowed_bonds); elements without charges in the original are under 0
TABLE = {
    "H": {0: (1,), 1: (0,), -1: (0,)},
    "C": {0: (3, 4), 1: (3,), -1: (3,)},
    "N": {0: (2, 3), 1: (2, 3, 4), -1: (2,)},
    "O": {0: (2,), 1: (3,), -1: (1,)},
    "F": {0: (1,), -1: (0,)},
    "B": {0: (3,)},
    "Al": {0: (3,)},
    "Si": {0: (4,)},
    "P": {0: (3, 5), 1: (4,)},
    "S": {0: (2, 6), 1: (2, 3), 2: (4,), 3: (5,), -1: (3,)},
    "Cl": {0: (1,)},
    "As": {0: (3,)},
    "Br": {0: (1,), 1: (2,)},
    "I": {0: (1,)},
    "Hg": {0: (1, 2)},
    "Bi": {0: (3, 5)},
    "Se": {0: (2, 4, 6)},
}
FAILED = {"stable_atoms": 0, "stable": False, "valid": False, "connected": False, "smiles": ""}


def midi(mol: Chem.Mol, published: bool = False) -> dict:
    """Stability by MiDi's table (Vignac et al. 2023; also EQGAT-diff, Semla, FlowMol's first version).

    An atom is stable when its sum of bond orders is in TABLE for its element and charge.

    Known faults of the table: C of valence 3 and N of valence 2 are stable at charge 0, because the published code
    sees aromatic bonds truncated. With `published`, the rest of it too: aromatic bonds count 1 (1.5 written into an
    integer tensor), and a charge the table lacks is read as charge 0, so a charge of 10000 is stable. Without it,
    aromatic bonds count 1.5 and an unlisted charge is unstable.

    Validity: RDKit sanitises (with its repairs); the SMILES is that of the largest fragment. The published
    `except A or B` catches only A; here both count as invalid.

    Returns:
        `stable_atoms`, `stable`, `valid`, `connected`, `smiles` (largest fragment), `reason`.
    """
    stable = sum(_stable(atom, published) for atom in mol.GetAtoms())
    row = {
        "stable_atoms": stable,
        "stable": stable == mol.GetNumAtoms() > 0,
        "connected": len(Chem.GetMolFrags(mol)) == 1,
    }
    smiles = largest_smiles(mol)
    return row | {"valid": bool(smiles), "smiles": smiles, "reason": "" if smiles else "not_sanitised"}


def _stable(atom: Chem.Atom, published: bool) -> bool:
    order = 0.0
    for bond in atom.GetBonds():
        one = bond.GetBondTypeAsDouble()
        order += 1.0 if published and one == 1.5 else one
    by_charge = TABLE.get(atom.GetSymbol(), {})
    allowed = by_charge.get(atom.GetFormalCharge(), by_charge.get(0, ()) if published else ())
    return order in allowed


def largest_smiles(mol: Chem.Mol) -> str:
    """Canonical SMILES of the largest fragment after RDKit's own sanitising, repairs included; '' if it refuses."""
    work = Chem.RWMol(mol)
    with BlockLogs():
        try:
            Chem.SanitizeMol(work)
            parts = Chem.GetMolFrags(work, asMols=True)
        except (ValueError, RuntimeError):
            return ""
    return plain_smiles(max(parts, key=lambda part: part.GetNumAtoms())) if parts else ""


def _judge(record: Record, context: Context, published: bool) -> dict:
    mol, bonds = molecule(record)
    row = midi(mol, published) | {"bonds": bonds}
    return row | {"inchikey": inchikey(row["smiles"])} if context.keys else row


def judge_sound(record: Record, context: Context) -> dict:
    """See `midi`."""
    return _judge(record, context, published=False)


def judge_published(record: Record, context: Context) -> dict:
    """See `midi` with `published`."""
    return _judge(record, context, published=True)


def measures(table: pd.DataFrame, prefix: str) -> list[Measure]:
    """MiDi's figures: uniqueness over valid, novelty over valid."""
    valid = flags(table, prefix + "valid")
    connected = valid * flags(table, prefix + "connected")
    stable = numbers(table, prefix + "stable_atoms")
    return [
        Measure(
            "atom_stability", "atoms with a valence of MiDi's table / atoms", "share", stable, numbers(table, "n_atoms")
        ),
        share("molecule_stability", "molecules of stable atoms only / attempts", table, prefix + "stable"),
        share("validity", "sanitised by RDKit, fragments allowed / attempts", table, prefix + "valid"),
        Measure("valid_connected", "valid and one fragment / attempts", "share", connected, ones(table)),
        *identity(table, valid, prefix),
    ]


_SOURCE = "Vignac et al. 2023, github.com/cvignac/MiDi"
MIDI = Protocol(judge_sound, FAILED, measures, _SOURCE + ", aromatic bonds counted 1.5")
MIDI_PUBLISHED = Protocol(judge_published, FAILED, measures, _SOURCE + ", with its truncation of 1.5 to 1")
