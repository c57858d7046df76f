"""Vina's atom types, from a prepared receptor and from an RDKit ligand.

Vina (Trott & Olson, J. Comput. Chem. 31, 455, 2010; 1.2: Eberhardt et al., J. Chem. Inf. Model. 61, 3891, 2021) scores
heavy atoms by a type that joins the element with what the atom is bonded to: a carbon bonded to a hetero atom is not
hydrophobic, a nitrogen or oxygen bonded to a polar hydrogen donates, metals donate. The acceptors are those AutoDock
types NA and OA.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from rdkit import Chem
from scipy.spatial import cKDTree
from torch import Tensor

from molediff.chem.proteins import AUTODOCK_ELEMENTS
from molediff.config import UserError
from molediff.docking.receptor import Receptor

TYPES = ("C_H", "C_P", "N_P", "N_D", "N_A", "N_DA", "O_P", "O_D", "O_A", "O_DA", "S_P", "P_P", "F_H", "Cl_H", "Br_H",
         "I_H", "Si", "Met_D")  # fmt: skip
"""Names of the types; an atom's type is its place here, -1 for atoms that Vina does not score (hydrogens)."""
RADII = (1.9, 1.9, 1.8, 1.8, 1.8, 1.8, 1.7, 1.7, 1.7, 1.7, 2.0, 2.1, 1.5, 1.8, 2.0, 2.2, 2.2, 1.2)
"""Radius of each type, angstrom."""
HYDROPHOBIC = tuple(t in ("C_H", "F_H", "Cl_H", "Br_H", "I_H") for t in TYPES)
DONOR = tuple(t in ("N_D", "N_DA", "O_D", "O_DA", "Met_D") for t in TYPES)
ACCEPTOR = tuple(t in ("N_A", "N_DA", "O_A", "O_DA") for t in TYPES)

AUTODOCK = (
    ("[#1]", "H"), ("[#1][#7,#8,#9,#15,#16]", "HD"), ("[#6]", "C"), ("[#7]", "NA"), ("[#8]", "OA"), ("[#9]", "F"),
    ("[#14]", "Si"), ("[#15]", "P"), ("[#16]", "S"), ("[#17]", "Cl"), ("[#35]", "Br"), ("[#53]", "I"),
    ("[#7X3v3][a]", "N"), ("[#7X3v3][#6X3v4]", "N"), ("[#7X3v3][NX2]=[*]", "N"), ("[#7+1]", "N"),
    ("[SX2]", "SA"),
)  # fmt: skip
"""SMARTS of the first atom -> AutoDock type, later rows win (the rules of Meeko's ad4_types)."""

COVALENT = {"C": 0.77, "A": 0.77, "N": 0.75, "NA": 0.75, "O": 0.73, "OA": 0.73, "P": 1.06, "S": 1.02, "SA": 1.02,
            "H": 0.37, "HD": 0.37, "F": 0.71, "I": 1.33, "Mg": 1.30, "Mn": 1.39, "Zn": 1.31, "Ca": 1.74, "Fe": 1.25,
            "Cl": 0.99, "Br": 1.14, "Si": 1.11}  # fmt: skip
"""Covalent radius by AutoDock type, angstrom: Vina finds bonds by distance, within 1.1 times the sum."""
METAL_COVALENT = 1.75
ELEMENT_OF = AUTODOCK_ELEMENTS | {"Se": "S"}
"""AutoDock type -> element where they differ; selenium is scored as sulphur."""
_PLAIN = {"S": "S_P", "P": "P_P", "F": "F_H", "Cl": "Cl_H", "Br": "Br_H", "I": "I_H", "Si": "Si"}


@cache
def _patterns() -> tuple[tuple[Chem.Mol, str], ...]:
    return tuple((Chem.MolFromSmarts(smarts), kind) for smarts, kind in AUTODOCK)


def autodock_types(mol: Chem.Mol) -> list[str]:
    """The AutoDock type of each atom of a ligand with explicit hydrogens.

    Raises:
        UserError: for an element Vina has no parameters for.
    """
    found = [""] * mol.GetNumAtoms()
    for pattern, kind in _patterns():
        for match in mol.GetSubstructMatches(pattern, maxMatches=100_000, uniquify=False):
            found[match[0]] = kind
    missing = sorted({mol.GetAtomWithIdx(i).GetSymbol() for i, kind in enumerate(found) if not kind})
    if missing:
        raise UserError(f"Vina has no parameters for {', '.join(missing)} in a ligand. Allowed: {_allowed()}.")
    return found


def _allowed() -> str:
    return ", ".join(dict.fromkeys(ELEMENT_OF.get(kind, kind) for _, kind in AUTODOCK))


def vina_type(kind: str, hetero: bool, polar_hydrogen: bool) -> int:
    """One atom's place in `TYPES`.

    Args:
        kind: its AutoDock type; '' for one that is not scored.
        hetero: bonded to an atom that is neither carbon nor hydrogen.
        polar_hydrogen: bonded to a hydrogen of type HD.
    """
    element = ELEMENT_OF.get(kind, kind)
    if element in ("H", ""):
        return -1
    if element == "C":
        return TYPES.index("C_P" if hetero else "C_H")
    if element in ("N", "O"):
        role = ("D" if polar_hydrogen else "") + ("A" if kind in ("NA", "OA") else "")
        return TYPES.index(f"{element}_{role or 'P'}")
    return TYPES.index(_PLAIN.get(element, "Met_D"))


def ligand_types(mol: Chem.Mol) -> Tensor:
    """Types of a ligand's atoms, bonds as in its graph.

    Args:
        mol: N atoms, hydrogens explicit.

    Returns:
        (N,) long.

    Raises:
        UserError: for an element Vina has no parameters for.
    """
    kinds = autodock_types(mol)
    types = []
    for atom in mol.GetAtoms():
        near = [n.GetIdx() for n in atom.GetNeighbors()]
        hetero = any(ELEMENT_OF.get(kinds[n], kinds[n]) not in ("C", "H") for n in near)
        types.append(vina_type(kinds[atom.GetIdx()], hetero, any(kinds[n] == "HD" for n in near)))
    return torch.tensor(types, dtype=torch.long)


def receptor_types(receptor: Receptor) -> Tensor:
    """Types of a receptor's atoms, bonds found by distance as Vina does, metals among them.

    Args:
        receptor: M atoms with AutoDock types.

    Returns:
        (M,) long.
    """
    kinds = receptor.types
    hetero, polar = np.zeros(len(kinds), bool), np.zeros(len(kinds), bool)
    is_hetero = np.array([ELEMENT_OF.get(k, k) not in ("C", "H", "") and k in COVALENT for k in kinds], bool)
    is_polar = np.array([k == "HD" for k in kinds], bool)
    pairs = bonds_by_distance(receptor.pos, kinds)
    for a, b in ((pairs[:, 0], pairs[:, 1]), (pairs[:, 1], pairs[:, 0])):
        np.logical_or.at(hetero, a, is_hetero[b])
        np.logical_or.at(polar, a, is_polar[b])
    found = [vina_type(k, bool(h), bool(p)) for k, h, p in zip(kinds, hetero, polar, strict=True)]
    return torch.tensor(found, dtype=torch.long)


def bonds_by_distance(pos: np.ndarray, kinds: tuple[str, ...]) -> np.ndarray:
    """Pairs closer than 1.1 times the sum of covalent radii with no third atom closer to both (Vina's rule).

    Args:
        pos: (M, 3) angstrom.
        kinds: AutoDock type of each; those a rigid PDBQT file leaves out ('' and H, hydrogen on carbon) take no part.

    Returns:
        (K, 2) int64.
    """
    scored = np.array([k not in ("", "H") for k in kinds], bool)
    radius = np.array([COVALENT.get(k, METAL_COVALENT) for k in kinds])
    pos = np.where(scored[:, None], pos, 1e6 + 1e3 * np.arange(len(kinds))[:, None])
    tree = cKDTree(pos)
    pairs = np.concatenate([tree.query_pairs(2.95, output_type="ndarray"), _of_metals(tree, pos, kinds, radius)])
    pairs = np.unique(np.sort(pairs.reshape(-1, 2).astype(np.int64), 1), axis=0)
    length = np.linalg.norm(pos[pairs[:, 0]] - pos[pairs[:, 1]], axis=1)
    near = length < 1.1 * radius[pairs].sum(1)
    kept = []
    for (a, b), r in zip(pairs[near], length[near], strict=True):
        shared = set(tree.query_ball_point(pos[a], r)) & set(tree.query_ball_point(pos[b], r)) - {a, b}
        if not any(max(np.linalg.norm(pos[c] - pos[a]), np.linalg.norm(pos[c] - pos[b])) < r for c in shared):
            kept.append((a, b))
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def _of_metals(tree: cKDTree, pos: np.ndarray, kinds: tuple[str, ...], radius: np.ndarray) -> np.ndarray:
    """Pairs of atoms with a covalent radius above 1.2 A and all within 3.9 A."""
    wide = [i for i, k in enumerate(kinds) if k and radius[i] > 1.2]
    pairs = [(i, j) for i in wide for j in tree.query_ball_point(pos[i], 3.9) if j != i]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
