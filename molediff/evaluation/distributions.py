"""How far the distributions of a set lie from reference statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from rdkit import Chem

from .statistics import BOND_TYPES, LONGEST, aromatic_style, reference, statistics

DEFINITIONS = {
    "bond_w1": "W1 of bond lengths, 0.01 A bins, mean over bond orders weighted by their share of the reference's "
    "bonds [angstrom]",
    "angle_w1": "W1 of bond angles, 0.1 degree bins, mean over central elements weighted by their share of the "
    "reference's atoms with two bonds or more [degree]",
    "torsion_w1": "W1 of absolute dihedral angles, 1 degree bins, mean over orders of the central bond weighted by "
    "their share of the reference's dihedral angles [degree]",
    "size_w1": "W1 of the number of atoms [atoms]",
    "size_js": "Jensen-Shannon divergence of the number of atoms [bits]",
    "atom_type_js": "Jensen-Shannon divergence of element fractions [bits]",
    "atom_type_tv": "sum of absolute differences of element fractions (MiDi's 'AtomTV')",
    "bond_type_js": "Jensen-Shannon divergence of bond orders, over bonds only [bits]",
    "charge_js": "Jensen-Shannon divergence of (element, charge) [bits]",
    "valence_js": "Jensen-Shannon divergence of (element, valence) [bits]",
    "ring_size_js": "Jensen-Shannon divergence of ring sizes (SSSR) [bits]",
}


def distances(mols: Iterable[Chem.Mol | None] | Mapping, against: str | Mapping) -> dict[str, float]:
    """Distances of molecules to a reference; both sides are binned by the same code.

    Weighting, exactly. Let h_k and g_k be the normalised histograms of the reference and of the set for class k, and
    W1(h, g) = bin * sum |cumsum(h - g)|.

    - `bond_w1` = sum_k w_k W1_k, k over single, double, triple, aromatic where the reference has lengths, w_k the
      reference's `bond_type_fraction` of k divided by their sum. MiDi and EQGAT-diff do not divide: their weights are
      fractions of all atom pairs ('none' included), which makes their printed figure smaller by the share of bonded
      pairs (0.118 for QM9). `bond_w1_midi` is that figure.
    - `angle_w1` = sum_k w_k W1_k / sum_k w_k, k over central elements, w_k = fraction of element k among atoms x
      share of its atoms with valence 2 or more (MiDi's weighting).

    - `torsion_w1` = sum_k w_k W1_k, k over orders of the central bond, w_k the reference's `torsion_share`. Angles run
      from 0 to 180 degrees, so the distance is not circular.

    A class that the set lacks has an empty histogram, whose cumulative sum stays 0 as in MiDi's code: its W1 is then
    large, so that leaving a class out is never free. A class that the reference lacks has no weight.

    Aromatic bonds: where the reference keeps them apart (the published GEOM-Drugs statistics), molecules are counted
    as it was: aromatic bonds a class of `bond_type_fraction`, of order 1 in valences, their lengths among the single
    ones, whose weight then includes theirs. Elsewhere (QM9, the packaged references) all bonds are kekulised.

    Known fault: kekulised single and double bonds of aromatic rings are alike, so their lengths mix.

    Args:
        mols: molecules with 3D coordinates in angstrom, or statistics from `statistics`.
        against: reference statistics, or a name or file that `statistics.reference` takes.

    Returns:
        One float a key of DEFINITIONS, `bond_w1_midi`, and per class `bond_w1_single`, `angle_w1_C`, ... NaN where
        the reference lacks the statistic.
    """
    ref = reference(against) if isinstance(against, str) else against
    found = mols if isinstance(mols, Mapping) else statistics(mols, aromatic=aromatic_style(ref))
    out = _bonds(found, ref) | _angles(found, ref) | _torsions(found, ref)
    size = [_dense({int(k): v for k, v in side["n_atoms"].items()}) for side in (found, ref)]
    out["size_w1"] = w1(*size, 1.0)
    out["size_js"] = js(found["n_atoms"], ref["n_atoms"])
    out["atom_type_js"] = js(found["atom_type_fraction"], ref["atom_type_fraction"])
    both = set(found["atom_type_fraction"]) | set(ref["atom_type_fraction"])
    out["atom_type_tv"] = sum(
        abs(found["atom_type_fraction"].get(k, 0) - ref["atom_type_fraction"].get(k, 0)) for k in both
    )
    out["bond_type_js"] = js(_bonded(found), _bonded(ref))
    out["charge_js"] = js(_charges(found), _charges(ref))
    out["valence_js"] = js(_valences(found), _valences(ref))
    out["ring_size_js"] = js(found.get("ring_size_fraction", {}), ref.get("ring_size_fraction", {}))
    return out


def w1(p: np.ndarray, q: np.ndarray, width: float) -> float:
    """Wasserstein-1 distance of two histograms over the same bins, in the unit of `width`; each is normalised first."""
    n = max(len(p), len(q))
    p, q = (np.pad(np.asarray(side, dtype=float), (0, n - len(side))) for side in (p, q))
    p, q = (side / side.sum() if side.sum() else side for side in (p, q))
    return float(np.abs(np.cumsum(p - q)).sum() * width)


def js(p: Mapping, q: Mapping) -> float:
    """Jensen-Shannon divergence (not its root) in bits, 0 to 1, of two mappings key -> weight; NaN if one is empty."""
    keys = sorted(set(p) | set(q), key=str)
    a, b = (np.array([side.get(key, 0.0) for key in keys], dtype=float) for side in (p, q))
    if not a.sum() or not b.sum():
        return float("nan")
    a, b = a / a.sum(), b / b.sum()
    middle = (a + b) / 2
    terms = sum((side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum() for side in (a, b))
    return float(max(0.0, terms / 2))


def _bonds(found: Mapping, ref: Mapping) -> dict[str, float]:
    out, total, weights, published = {}, 0.0, 0.0, 0.0
    for name in BOND_TYPES:
        held = ref["bond_length_fraction"].get(name) or {}
        if not held:
            continue
        sides = [_length_bins(side) for side in (found["bond_length_fraction"].get(name) or {}, held)]
        weight = ref["bond_type_fraction"].get(name, 0.0)
        if name == "single" and not ref["bond_length_fraction"].get("aromatic"):
            weight += ref["bond_type_fraction"].get("aromatic", 0.0)
        out[f"bond_w1_{name}"] = w1(*sides, 0.01)
        published += ref["bond_type_fraction"].get(name, 0.0) * out[f"bond_w1_{name}"]
        total += weight * out[f"bond_w1_{name}"]
        weights += weight
    return {"bond_w1": total / weights if weights else float("nan"), "bond_w1_midi": published} | out


def _angles(found: Mapping, ref: Mapping) -> dict[str, float]:
    out, total, weights = {}, 0.0, 0.0
    for name, held in ref["angle_fraction_0_1deg"].items():
        mine = found["angle_fraction_0_1deg"].get(name, {})
        sides = [_dense({int(k): v for k, v in side.items()}, 1801) for side in (mine, held)]
        valence = ref["valency_fraction"].get(name, {})
        weight = ref["atom_type_fraction"][name] * (1 - valence.get("0", 0.0) - valence.get("1", 0.0))
        out[f"angle_w1_{name}"] = w1(*sides, 0.1)
        total += weight * out[f"angle_w1_{name}"]
        weights += weight
    return {"angle_w1": total / weights if weights else float("nan")} | out


def _torsions(found: Mapping, ref: Mapping) -> dict[str, float]:
    held = ref.get("torsion_fraction_1deg")
    if not held:
        return {"torsion_w1": float("nan")}
    out = {}
    for name, there in held.items():
        here = found.get("torsion_fraction_1deg", {}).get(name, {})
        sides = [_dense({int(k): v for k, v in side.items()}, 181) for side in (here, there)]
        out[f"torsion_w1_{name}"] = w1(*sides, 1.0)
    return {"torsion_w1": sum(ref["torsion_share"][name] * out[f"torsion_w1_{name}"] for name in held)} | out


def floor_at(ref: Mapping, n: int) -> dict | None:
    """What n molecules of the data itself score, or None where the reference does not say.

    `floors` of a reference holds the distances of n random molecules to others for several n; between two of them
    the logarithm of a distance is linear in that of n. Beyond the largest or smallest n, and for references that hold
    only `floor` (halves against each other), the nearest row is given as it is; `n` says for how many molecules.
    """
    rows = sorted(ref.get("floors") or [], key=lambda row: row["n"])
    if not rows:
        return ref.get("floor")
    if n <= rows[0]["n"] or n >= rows[-1]["n"]:
        return rows[0] if n <= rows[0]["n"] else rows[-1]
    above = next(i for i, row in enumerate(rows) if row["n"] >= n)
    low, high = rows[above - 1], rows[above]
    share = np.log(n / low["n"]) / np.log(high["n"] / low["n"])
    values = {
        key: float(np.exp((1 - share) * np.log(low["values"][key]) + share * np.log(high["values"][key])))
        for key in low["values"].keys() & high["values"].keys()
        if (low["values"][key] or 0) > 0 and (high["values"][key] or 0) > 0
    }
    return {"n": n, "n_other": high["n_other"], "values": values}


def _length_bins(histogram: Mapping[str, float]) -> np.ndarray:
    return _dense({round(float(k) * 100): v for k, v in histogram.items()}, LONGEST + 1)


def _dense(histogram: Mapping[int, float], length: int = 0) -> np.ndarray:
    out = np.zeros(max([length, *(k + 1 for k in histogram)]))
    for key, value in histogram.items():
        out[key] = value
    return out


def _bonded(side: Mapping) -> dict:
    return {name: side["bond_type_fraction"].get(name, 0.0) for name in BOND_TYPES}


def _charges(side: Mapping) -> dict:
    share = side["atom_type_fraction"]
    return {(k, i): share[k] * v for k, row in side["charge_fraction"].items() for i, v in enumerate(row)}


def _valences(side: Mapping) -> dict:
    share = side["atom_type_fraction"]
    return {(k, i): share[k] * v for k, row in side["valency_fraction"].items() for i, v in row.items()}
