"""A pocket as the frame of a run: encoded once, the mean of its atoms the origin of every molecule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from rdkit import Chem
from scipy.spatial import cKDTree

from molediff.chem.residue_table import WATERS
from molediff.config import UserError
from molediff.data.pocket_cuts import MOST, nearest_residues
from molediff.docking.cavities import free_volume
from molediff.docking.pocket import near_residues, pocket_of
from molediff.docking.prepare import heavy_atoms
from molediff.docking.receptor import Receptor
from molediff.docking.site import Site
from molediff.model import Model
from molediff.sampling.pocket_sizes import pocket_sizes
from molediff.structures import EncodedPocket, Pocket

RADIUS = 8.0
"""Residues with an atom this near to a reference ligand are its pocket, angstrom; training draws 6 to 10."""
SPHERE = 11.0
"""Round the centre of a site without a ligand, angstrom; training draws 9 to 13 round points that miss by up to 3."""
MISSED = 2.0
"""How far centres of ligands lie from the origin of their pocket, along each axis and rounded up, angstrom: 1.8 over
the cuts of training, 1.6 where they are cut round the ligand, 1.2 as a sphere."""


@dataclass(frozen=True)
class Frame:
    """Where the molecules of a run are made. Positions of a model in it are relative to ``origin``."""

    pocket: EncodedPocket
    """A batch of one, positions relative to the origin."""
    origin: np.ndarray
    """(3,) float64, mean of the pocket's atoms in the frame of the file, angstrom."""
    atoms: int
    """Heavy atoms of the protein that the model sees."""
    counts: Mapping[int, float] = field(default_factory=dict)
    """Atoms of a ligand -> weight, for a pocket of this size; empty where only the model's own histogram is known."""

    @classmethod
    def of(cls, model: Model, pocket: Pocket, counts: Mapping[int, float] | None = None) -> Frame:
        """Encode a pocket.

        Args:
            model: that reads it.
            pocket: a batch of one in the frame of the file, as `cut_pocket` gives it.
            counts: see `counts`.

        Raises:
            UserError: for a pocket without atoms, and for a model that reads none.
        """
        atoms = int(pocket.mask.sum())
        if not atoms:
            raise UserError("The pocket has no atoms. Give --ligand, --residues, --box or --detect at the protein.")
        pos = pocket.pos[0][pocket.mask[0]].double()
        origin = pos.mean(0)
        device = next(model.parameters()).device
        moved = (pocket.pos.double() - origin) * pocket.mask[..., None]
        with torch.no_grad():
            encoded = model.encode(replace(pocket, pos=moved.float()).to(device))
        return cls(encoded, origin.numpy(), atoms, dict(counts or {}))

    def start(self, scale: float, reach: float) -> float:
        """Largest noise of a run, in units of ``scale``: ``reach`` times the spread of ligands round the origin.

        Args:
            scale: of the model's coordinates, angstrom.
            reach: in units of the spread.
        """
        return reach * (scale**2 + MISSED**2) ** 0.5 / scale


def cut_pocket(receptor: Receptor, site: Site, reference: Chem.Mol | None = None) -> tuple[Pocket, int]:
    """The pocket of a site as training cuts it: residues near the reference ligand, or a sphere round the centre.

    Args:
        receptor: prepared protein.
        site: of which the centre counts where there is no reference.
        reference: a ligand with a conformer in the receptor's frame.

    Returns:
        A batch of one in the receptor's frame, of at most `MOST` heavy atoms; and how many atoms were left out for
        that: the residues nearest to the ligand, or to the centre, stay.

    Raises:
        UserError: when no residue is near, and for a ligand that does not lie at the protein.
    """
    where, radius = (site, SPHERE) if reference is None else (reference, RADIUS)
    points = site.centre[None] if reference is None else heavy_atoms(reference)
    near = near_residues(receptor, where, radius) & np.array([e != "H" for e in receptor.element])
    distance, _ = cKDTree(points).query(receptor.pos)
    kept = nearest_residues(near, residue_numbers(receptor), distance, MOST)
    return pocket_of(receptor, kept), int(near.sum() - kept.sum())


def ligand_sizes(model: Model, receptor: Receptor, site: Site, reference: Chem.Mol | None = None) -> dict[int, float]:
    """How many heavy atoms ligands of such a pocket have, see `molediff.sampling.pocket_sizes`; with their shares.

    Empty for a model that makes hydrogens as atoms.
    Sizes beyond those of the free molecules trained on are left out: complexes have few that are larger.

    Args:
        model: that makes the molecules.
        receptor: prepared protein.
        site: of which the centre counts where there is no reference.
        reference: a ligand with a conformer in the receptor's frame.
    """
    if model.config.explicit_hydrogens:
        return {}
    solid = [e != "H" and r not in WATERS for e, r in zip(receptor.element, receptor.residue, strict=True)]
    centre = site.centre if reference is None else heavy_atoms(reference).mean(0)
    found = pocket_sizes().histogram(free_volume(receptor.pos[solid], centre))
    low, high = model.sizes.range
    return {n: share for n, share in found.items() if not high or low <= n <= high} or found


def residue_numbers(receptor: Receptor) -> np.ndarray:
    """(M,) which residue each atom belongs to, counted from 0."""
    keys = list(zip(receptor.chain, receptor.number, receptor.residue, strict=True))
    number = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], dtype=np.int64)
