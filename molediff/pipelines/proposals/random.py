"""The control: conformers by ETKDG, turned and placed at random in the pocket. What a model adds shows against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from molediff.docking.settings import row_seed
from molediff.docking.site import Site

BALL = 4.0
"""Radius round the site's centre in which the centres of the conformers lie, uniformly, angstrom."""


@dataclass(frozen=True)
class RandomPoses:
    """(molecule, row, n, seed) -> poses."""

    site: Site
    """Of which the centre counts."""

    def __call__(self, mol: Chem.Mol, row: int, n: int, seed: int) -> np.ndarray:
        """Conformers at random places. Arguments and result: as of `DiffusionPoses`; NaN where none was embedded."""
        full = Chem.AddHs(mol)
        settings = rdDistGeom.ETKDGv3()
        settings.randomSeed = row_seed(seed, row, 7)
        settings.useRandomCoords = True
        settings.clearConfs = True
        ids = list(rdDistGeom.EmbedMultipleConfs(full, n, settings))
        atoms = mol.GetNumAtoms()
        out = np.full((n, atoms, 3), np.nan)
        rng = np.random.default_rng([seed % 2**63, row])
        for k in range(n):
            turn, step, share = _rotation(rng), rng.normal(size=3), rng.random()
            if not ids:
                continue
            pos = full.GetConformer(ids[k % len(ids)]).GetPositions()[:atoms]
            place = self.site.centre + step / np.linalg.norm(step) * BALL * np.cbrt(share)
            out[k] = (pos - pos.mean(0)) @ turn + place
        return out


def _rotation(rng: np.random.Generator) -> np.ndarray:
    """(3, 3), uniform: of a normal quaternion (Shoemake, 1992)."""
    a, b, c, d = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (c * c + d * d), 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), 1 - 2 * (b * b + d * d), 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), 1 - 2 * (b * b + c * c)],
        ]
    )
