"""Statistics of a set of molecules, in the layout of MiDi's reference statistics."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from rdkit import Chem

from .errors import InputError
from .flat import Flat, flatten

BOND_TYPES = ("single", "double", "triple", "aromatic")
CHARGES = (-2, -1, 0, 1, 2, 3)
LONGEST = 1000  # length bins of 0.01 angstrom; a longer bond counts in the last
STRAIGHT = 0.1736  # sine of 170 degrees
PACKAGED = {"qm9": "qm9.json.gz", "geom-drugs": "geom_drugs.json.gz"}


def statistics(mols: Iterable[Chem.Mol | None], source: str = "", aromatic: bool = False) -> dict:
    """Histograms of a set in the layout of the MiDi split statistics (Vignac et al. 2023).

    Keys: `source`, `n_molecules`, `n_left_out` (unreadable or without finite coordinates), `atom_order`, `n_atoms`
    (counts by size), `atom_type_fraction` (symbol), `bond_type_fraction` (over all ordered pairs of different atoms,
    `none` included), `bond_length_fraction` (by bond type; key = length in angstrom rounded to 0.01),
    `valency_fraction` (symbol, sum of bond orders), `charge_fraction` (symbol; charges -2, -1, 0, 1, 2, 3, beyond
    that the nearest), `angle_fraction_0_1deg` (by central atom; key = angle in tenths of a degree, rounded),
    `ring_size_fraction` (SSSR), `torsion_fraction_1deg` (by order of the central bond; key = absolute dihedral angle in
    whole degrees, rounded; see `torsions`), `torsion_share` (of each order among all dihedral angles).

    Bins are rounded, and vectors are divided by their norm + 1e-6 as in MiDi's code, so that an exactly straight
    angle falls at 179.9 degree on both sides of a comparison.

    Args:
        mols: with 3D coordinates in angstrom; None counts as left out.
        source: what they are, for tables and pictures.
        aromatic: count the bonds that RDKit perceives as aromatic as the published GEOM-Drugs statistics do: apart in
            `bond_type_fraction`, but with order 1 in valences and among the single ones in `bond_length_fraction`
            (1.5 was truncated to 1 there). Otherwise all bonds are kekulised.
    """
    return from_flat(flatten(mols), source, aromatic)


def from_flat(flat: Flat, source: str = "", aromatic: bool = False) -> dict:
    """`statistics` of molecules that are joined already."""
    if aromatic:
        code = np.where(flat.aromatic, 4, flat.bonds[:, 2])
        flat = replace(flat, bonds=np.column_stack([flat.bonds[:, :2], code]))
    table = Chem.GetPeriodicTable()
    numbers = np.unique(flat.z)
    symbol = {int(z): table.GetElementSymbol(int(z)) for z in numbers}
    valence = _valences(flat, 1.0 if aromatic else 1.5)
    held = {symbol[int(z)]: flat.z == z for z in numbers}
    pairs = int((flat.n_atoms * (flat.n_atoms - 1)).sum())
    by_type = {name: flat.bonds[flat.bonds[:, 2] == i + 1] for i, name in enumerate(BOND_TYPES)}
    lengths = dict(by_type)
    if aromatic:
        lengths["single"] = np.concatenate([by_type["single"], by_type["aromatic"]])
        lengths["aromatic"] = by_type["aromatic"][:0]
    bond_types = {name: 2 * len(rows) / max(pairs, 1) for name, rows in by_type.items()}
    charge = np.clip(flat.charge, CHARGES[0], CHARGES[-1]) - CHARGES[0]
    centre, degree = angles(flat)
    tenth = np.rint(degree * 10).astype(np.int64)
    return {
        "source": source,
        "n_molecules": len(flat.n_atoms),
        "n_left_out": flat.left_out,
        "atom_order": list(held),
        "n_atoms": _counts(flat.n_atoms),
        "atom_type_fraction": {name: float(mask.mean()) for name, mask in held.items()},
        "bond_type_fraction": {"none": 1 - sum(bond_types.values())} | bond_types,
        "bond_length_fraction": {name: _lengths(flat, rows) for name, rows in lengths.items()},
        "valency_fraction": {name: _fractions(valence[mask]) for name, mask in held.items()},
        "charge_fraction": {
            name: (np.bincount(charge[mask], minlength=6) / mask.sum()).tolist() for name, mask in held.items()
        },
        "angle_fraction_0_1deg": {
            name: _fractions(tenth[mask[centre]]) for name, mask in held.items() if mask[centre].any()
        },
        "ring_size_fraction": _fractions(flat.rings),
    } | _torsions(flat)


def angles(flat: Flat) -> tuple[np.ndarray, np.ndarray]:
    """All angles between two bonds of an atom: (index of the central atom, degree), each pair of bonds once."""
    ends = np.concatenate([flat.bonds[:, :2], flat.bonds[:, 1::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    degree = np.bincount(ends[:, 0], minlength=len(flat.z))
    first = np.concatenate([[0], np.cumsum(degree)[:-1]]) if len(degree) else degree
    centres, values = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for d in np.unique(degree[degree > 1]):
        atoms = np.flatnonzero(degree == d)
        i, j = np.triu_indices(d, 1)
        middle = np.repeat(atoms, len(i))
        left = ends[(first[atoms][:, None] + i).ravel(), 1]
        right = ends[(first[atoms][:, None] + j).ravel(), 1]
        a, b = flat.pos[left] - flat.pos[middle], flat.pos[right] - flat.pos[middle]
        a /= np.linalg.norm(a, axis=1, keepdims=True) + 1e-6
        b /= np.linalg.norm(b, axis=1, keepdims=True) + 1e-6
        centres.append(middle)
        values.append(np.degrees(np.arccos(np.clip((a * b).sum(1), -1, 1))))
    return np.concatenate(centres), np.concatenate(values)


def torsions(flat: Flat) -> np.ndarray:
    """(5, 181) counts of dihedral angles, row = order of the central bond (0 unused), column = |angle| in degrees.

    Every chain i-j-k-l of bonded atoms once, hydrogens and rings included, i and l different. The absolute value is
    counted, since the sign turns with reflection. Where three atoms are nearly straight (above 170 degrees), the angle
    means nothing and is left out.
    """
    out = np.zeros((5, 181), dtype=np.int64)
    ends = np.concatenate([flat.bonds[:, :2], flat.bonds[:, 1::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    degree = np.bincount(ends[:, 0], minlength=len(flat.z))
    first = np.concatenate([[0], np.cumsum(degree)[:-1]]) if len(degree) else degree
    # in parts, to bound the memory: about nine angles a bond
    for start in range(0, len(flat.bonds), 100_000):
        j, k, order = flat.bonds[start : start + 100_000].T
        many = degree[j] * degree[k]
        bond = np.repeat(np.arange(len(j)), many)
        inner = np.arange(len(bond)) - np.repeat(np.cumsum(many) - many, many)
        j, k, order = j[bond], k[bond], order[bond]
        i, m = ends[first[j] + inner // degree[k], 1], ends[first[k] + inner % degree[k], 1]
        keep = (i != k) & (m != j) & (i != m)
        angle, sound = _dihedral(*(flat.pos[atoms[keep]] for atoms in (i, j, k, m)))
        np.add.at(out, (order[keep][sound], np.rint(angle[sound]).astype(np.int64)), 1)
    return out


def _dihedral(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(absolute dihedral angles in degrees, whether neither end is straight) of (K, 3) positions."""
    ab, bc, cd = b - a, c - b, d - c
    left, right = np.cross(ab, bc), np.cross(bc, cd)
    size = [np.linalg.norm(one, axis=1) for one in (left, right, ab, bc, cd)]
    sound = (size[0] > STRAIGHT * size[2] * size[3]) & (size[1] > STRAIGHT * size[3] * size[4])
    cosine = (left * right).sum(1) / np.maximum(size[0] * size[1], 1e-12)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1))), sound


def aromatic_style(stats: dict) -> bool:
    """Whether statistics keep aromatic bonds apart; what is compared with them must do the same."""
    return stats["bond_type_fraction"].get("aromatic", 0.0) > 1e-4


def reference(name: str | Path | dict) -> dict:
    """Reference statistics: 'qm9' or 'geom-drugs' (packaged), a .json or .json.gz file, or such a dict itself."""
    if isinstance(name, dict):
        return name
    if str(name) in PACKAGED:
        data = resources.files(__package__).joinpath("reference", PACKAGED[str(name)]).read_bytes()
        return json.loads(gzip.decompress(data))
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"Unknown reference '{name}'. Allowed: {', '.join(PACKAGED)}, a statistics file (.json, .json.gz) or an "
            "SDF. Write one with: molediff evaluate data.sdf --make-reference stats.json.gz"
        )
    try:
        data = path.read_bytes()
        held = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except (OSError, ValueError) as error:
        raise InputError(f"'{path}' is not a statistics file: {error}. Expected .json or .json.gz.") from error
    if not isinstance(held, dict) or "bond_length_fraction" not in held:
        raise InputError(f"'{path}' holds no molediff statistics (no key 'bond_length_fraction').")
    return held


def write(stats: dict, path: str | Path) -> None:
    """Write statistics to .json or .json.gz, the same bytes for the same statistics."""
    text = json.dumps(stats, indent=None, sort_keys=False).encode()
    Path(path).write_bytes(gzip.compress(text, mtime=0) if str(path).endswith(".gz") else text)


def _torsions(flat: Flat) -> dict:
    counts = torsions(flat)
    total = counts.sum()
    held = [(name, counts[i + 1]) for i, name in enumerate(BOND_TYPES) if counts[i + 1].any()]
    return {
        "torsion_fraction_1deg": {
            name: {str(k): int(n) / int(row.sum()) for k, n in enumerate(row) if n} for name, row in held
        },
        "torsion_share": {name: int(row.sum()) / int(total) for name, row in held},
    }


def _valences(flat: Flat, aromatic: float) -> np.ndarray:
    order = np.where(flat.bonds[:, 2] == 4, aromatic, flat.bonds[:, 2])
    total = np.zeros(len(flat.z))
    np.add.at(total, flat.bonds[:, 0], order)
    np.add.at(total, flat.bonds[:, 1], order)
    return np.rint(total).astype(np.int64)


def _counts(values: np.ndarray) -> dict[str, int]:
    found, count = np.unique(values, return_counts=True)
    return {str(int(v)): int(c) for v, c in zip(found, count, strict=True)}


def _fractions(values: np.ndarray) -> dict[str, float]:
    return {key: count / len(values) for key, count in _counts(values).items()}


def _lengths(flat: Flat, rows: np.ndarray) -> dict[str, float]:
    length = np.linalg.norm(flat.pos[rows[:, 0]] - flat.pos[rows[:, 1]], axis=1)
    hundredth = np.minimum(np.rint(length * 100), LONGEST).astype(np.int64)
    return {f"{int(key) / 100:.2f}": value for key, value in _fractions(hundredth).items()}
