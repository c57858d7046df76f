"""EDM's protocol: bonds looked up from distances, valences without charges, validity of the largest fragment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs
from scipy.spatial import cKDTree

from .build import build
from .edm_tables import DOUBLE, MARGINS, SINGLE, TRIPLE, VALENCES

LARGEST_Z = 120
DENSE = 128  # atoms up to which all pairs are compared; larger molecules go through a neighbour tree


def _thresholds() -> np.ndarray:
    table = Chem.GetPeriodicTable()
    out = np.full((3, LARGEST_Z, LARGEST_Z), -np.inf)
    for level, (lengths, margin) in enumerate(zip((SINGLE, DOUBLE, TRIPLE), MARGINS, strict=True)):
        for first, row in lengths.items():
            for second, length in row.items():
                i, j = table.GetAtomicNumber(first), table.GetAtomicNumber(second)
                out[level, i, j] = out[level, j, i] = length + margin
    # nested as published: a double bond must first be a single one
    out[1] = np.minimum(out[1], out[0])
    out[2] = np.minimum(out[2], out[1])
    return out


def _allowed() -> np.ndarray:
    table = Chem.GetPeriodicTable()
    out = np.zeros((LARGEST_Z, 16), dtype=bool)
    for symbol, valences in VALENCES.items():
        out[table.GetAtomicNumber(symbol), list(valences)] = True
    return out


THRESHOLDS = _thresholds()  # (3, Z, Z) pm: a distance strictly below is a bond of at least this order
ALLOWED = _allowed()  # (Z, valence)


def bond_orders(z: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Look bonds up from distances.

    Args:
        z: (N,) atomic numbers, 1 to 119.
        pos: (N, 3) angstrom, finite.

    Returns:
        (E, 3) int rows (i, j, order) with i < j, order 1 to 3, sorted. A pair of elements that the table lacks never
        bonds (EDM for QM9 raises KeyError there; EDM for GEOM-Drugs does as we do).
    """
    z = np.asarray(z, dtype=np.int64)
    pos = np.asarray(pos, dtype=np.float64)
    if len(z) <= DENSE:
        i, j = np.triu_indices(len(z), 1)
    else:
        reach = THRESHOLDS[0][np.ix_(np.unique(z), np.unique(z))].max() / 100
        if not np.isfinite(reach):
            return np.zeros((0, 3), dtype=np.int64)
        pairs = cKDTree(pos).query_pairs(reach, output_type="ndarray")
        i, j = np.sort(pairs, axis=1).T if len(pairs) else np.zeros((2, 0), dtype=np.int64)
    distance = 100 * np.sqrt(((pos[i] - pos[j]) ** 2).sum(-1))
    order = (distance < THRESHOLDS[:, z[i], z[j]]).sum(0)
    found = np.flatnonzero(order)
    rows = np.stack([i[found], j[found], order[found]], axis=1)
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def stable_atoms(z: np.ndarray, bonds: np.ndarray) -> int:
    """How many atoms have a sum of bond orders that `VALENCES` allows; elements not listed are never stable."""
    z = np.asarray(z, dtype=np.int64)
    total = np.zeros(len(z), dtype=np.int64)
    np.add.at(total, bonds[:, 0], bonds[:, 2])
    np.add.at(total, bonds[:, 1], bonds[:, 2])
    return int(ALLOWED[z, np.minimum(total, ALLOWED.shape[1] - 1)].sum())


def edm(z: np.ndarray, pos: np.ndarray, single_only: bool = False) -> dict:
    """Judge one molecule as EDM does (Hoogeboom et al. 2022; qm9/analyze.py, qm9/rdkit_functions.py).

    An atom is stable when its looked-up bond orders add to an allowed valence; a molecule when all its atoms are.
    Valid: the molecule built from the same bonds passes `SanitizeMol`; its SMILES is that of the largest fragment,
    hydrogens explicit.

    Known faults, kept because the published figures have them: charges play no part, sulfur must have valence 4;
    disconnected molecules are valid; missing hydrogens are filled silently by RDKit, so "valid" molecules need not be
    those that were generated; thresholds are sharp. Not kept: EDM reads its double-bond table in the order of the
    atoms, and the table lacks S-C (only C-S), so its QM9 stability depends on atom order; ours does not.

    Args:
        z: (N,) atomic numbers.
        pos: (N, 3) angstrom.
        single_only: all bonds single for validity, as EDM does on GEOM-Drugs; stability is unchanged.

    Returns:
        `stable_atoms`, `n_atoms` (int), `stable`, `valid`, `connected` (bool), `smiles` (of the largest fragment) and
        `reason` ('' or why it is not valid: empty, unknown_element, nonfinite_coordinates, not_sanitised).
    """
    z = np.asarray(z, dtype=np.int64).reshape(-1)
    pos = np.asarray(pos, dtype=np.float64).reshape(-1, 3)
    row = {"stable_atoms": 0, "n_atoms": len(z), "stable": False, "valid": False, "connected": False, "smiles": ""}
    if len(z) == 0:
        return row | {"reason": "empty"}
    if z.min() < 1 or z.max() >= LARGEST_Z:
        return row | {"reason": "unknown_element"}
    if not np.isfinite(pos).all():
        return row | {"reason": "nonfinite_coordinates"}
    bonds = bond_orders(z, pos)
    row["stable_atoms"] = stable_atoms(z, bonds)
    row["stable"] = row["stable_atoms"] == len(z)
    if single_only:
        bonds = np.column_stack([bonds[:, :2], np.ones(len(bonds), dtype=np.int64)])
    mol = build(z, bonds=bonds)
    row["connected"] = len(Chem.GetMolFrags(mol)) == 1
    smiles = _largest_fragment(mol)
    return row | {"valid": bool(smiles), "smiles": smiles, "reason": "" if smiles else "not_sanitised"}


def summary(rows: Iterable[Mapping], train_smiles: Iterable[str] | None = None) -> dict:
    """EDM's figures over a set of rows from `edm`, one row an attempt. All are percentages.

    `atom_stability` is pooled over atoms; `molecule_stability` and `validity` are over attempts; `uniqueness` is over
    valid; `valid_unique` = validity x uniqueness, over attempts; `novelty` (when `train_smiles`, made by the same
    look-up, are given) is over unique. Rows that could not be read count as attempts with no stable atom.
    """
    rows = list(rows)
    atoms = sum(row["n_atoms"] for row in rows)
    valid = [row["smiles"] for row in rows if row["valid"]]
    unique = set(valid)
    out = {
        "n": len(rows),
        "atom_stability": percent(sum(row["stable_atoms"] for row in rows), atoms),
        "molecule_stability": percent(sum(bool(row["stable"]) for row in rows), len(rows)),
        "validity": percent(len(valid), len(rows)),
        "uniqueness": percent(len(unique), len(valid)),
        "valid_unique": percent(len(unique), len(rows)),
        "valid_connected": percent(sum(bool(row["valid"] and row["connected"]) for row in rows), len(rows)),
    }
    if train_smiles is not None:
        out["novelty"] = percent(len(unique - set(train_smiles)), len(unique))
    return out


def percent(part: float, whole: float) -> float:
    """100 part / whole; NaN where there is nothing to divide by."""
    return 100.0 * part / whole if whole else float("nan")


def _largest_fragment(mol: Chem.Mol) -> str:
    """SMILES of the largest fragment, explicit H kept, or '' when RDKit refuses to sanitise."""
    with BlockLogs():
        try:
            Chem.SanitizeMol(mol)
            parts = Chem.GetMolFrags(mol, asMols=True)
            largest = max(parts, key=lambda part: part.GetNumAtoms()) if len(parts) > 1 else mol
            return Chem.MolToSmiles(largest)
        except (ValueError, RuntimeError):
            return ""
