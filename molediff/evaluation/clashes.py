"""Clashes of a pose with the protein, under the two published rules."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from .complexes import Surroundings, radii

TOLERANCE = 0.5  # angstrom, PoseCheck
RATIO = 0.75  # of the sum of the radii, PoseBusters and DrugFlow
REACH = 7.0  # angstrom; no two van der Waals radii of RDKit's table add up to more


def clashes(mol: Chem.Mol, around: Surroundings) -> dict:
    """Pairs (ligand atom, protein atom) that are too close; d is their distance, r their van der Waals radii.

    `clashes`: PoseCheck's rule, d + 0.5 A < r_i + r_j, over all atoms with hydrogens (Harris et al. 2023,
    arXiv:2308.07413, github.com/cch1999/posecheck, utils/clashes.py). None where protein or ligand come without
    hydrogens, since the count would be of another quantity. Known fault of the rule: the hydrogen of a good hydrogen
    bond (d = 1.9 A) counts as a clash, so that crystal poses do not have 0.
    `clashes_heavy`: the same rule over heavy atoms alone; hydrogen bonds count here too below 2.5 to 2.6 A only.
    `clashes_close`: heavy-atom pairs with d < 0.75 (r_i + r_j), the limit of PoseBusters and DrugFlow; `no_clash` is
    whether there are none. `closest`: smallest distance between heavy atoms, angstrom.

    Args:
        mol: with one conformer in the protein's frame, angstrom.
        around: of the protein; waters are not in it.
    """
    pos, own = mol.GetConformer().GetPositions(), radii(mol)
    heavy = np.array([atom.GetAtomicNum() > 1 for atom in mol.GetAtoms()], dtype=bool)
    near = around.tree.query_ball_point(pos, REACH)
    i = np.repeat(np.arange(len(pos)), [len(hits) for hits in near])
    j = np.array([hit for hits in near for hit in hits], dtype=np.int64)
    distance = np.linalg.norm(pos[i] - around.pos[j], axis=1)
    total = own[i] + around.radius[j]
    both = heavy[i] & around.heavy[j]
    close = distance + TOLERANCE < total
    protonated = around.has_hydrogens and not _wants_hydrogens(mol)
    bad = int((both & (distance < RATIO * total)).sum())
    return {
        "clashes": int(close.sum()) if protonated else None,
        "clashes_heavy": int((close & both).sum()),
        "clashes_close": bad,
        "no_clash": bad == 0 and bool(heavy.any()),
        "closest": float(around.heavy_tree.query(pos[heavy])[0].min()) if heavy.any() and around.heavy.any() else None,
    }


def _wants_hydrogens(mol: Chem.Mol) -> bool:
    """Whether the ligand has hydrogens only by implication (none is drawn, yet some atom would have one)."""
    if any(atom.GetAtomicNum() == 1 for atom in mol.GetAtoms()):
        return False
    work = Chem.Mol(mol)
    work.UpdatePropertyCache(strict=False)
    return any(atom.GetTotalNumHs() for atom in work.GetAtoms())
