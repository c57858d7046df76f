"""Poses scored and minimised where they are, by Vina in torch: what `molediff.docking.vina` does, without vina.

Poses of one molecule go downhill together, each with its own bonds and angles, in float32: which others are there may
change a minimum by a hundredth of a kcal/mol, a score by nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rdkit import Chem

from molediff.config import UserError
from molediff.docking.ligand import Docked, Ligand
from molediff.docking.receptor import Receptor
from molediff.docking.scoring import PoseScore, near_box, refused
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.torch_vina.energy import LigandTerms, score
from molediff.docking.torch_vina.landscape import MapEnergy
from molediff.docking.torch_vina.maps import site_maps
from molediff.docking.torch_vina.minimise import minimise
from molediff.docking.torch_vina.multistart import dock_torch
from molediff.docking.torch_vina.torsions import Placement, Torsions, orthonormal
from molediff.docking.torch_vina.tree import longest_sides

EVALUATIONS = 60
"""Of a local optimisation."""


@dataclass(frozen=True)
class TorchPocket:
    """One receptor and one box, see `molediff.docking.scoring.ScoringPocket`."""

    receptor: Receptor
    site: Site
    config: DockConfig

    def scores(self, mols: Sequence[Chem.Mol]) -> list[PoseScore | str]:
        """Score poses where they are, with Vina's table, and minimise them in the maps."""
        out: list[PoseScore | str] = [refused(self.site, mol) for mol in mols]
        for rows in alike([None if why else mol for why, mol in zip(out, mols, strict=True)]):
            try:
                found = self._together([mols[i] for i in rows])
            except UserError as error:  # an element without parameters
                found = [str(error)] * len(rows)
            for i, one in zip(rows, found, strict=True):
                out[i] = one
        return out

    def dock(self, ligand: Ligand, config: DockConfig) -> Docked:
        """A search, see `dock_torch`."""
        return dock_torch(self.receptor, self.site, ligand, config)

    @torch.no_grad()
    def _together(self, mols: Sequence[Chem.Mol]) -> list[PoseScore | str]:
        """Poses of one molecule, atoms in one order."""
        maps = site_maps(self.receptor, self.site, self.config.spacing, self.config.device)
        device = maps.corner.device
        terms = LigandTerms.of(mols[0]).to(device)
        pos = torch.tensor(np.stack([mol.GetConformer().GetPositions() for mol in mols]), device=device)  # (P, N, 3)
        whole = Torsions.each(pos, terms.tree, terms.heavy)
        heavy = whole.only(terms.heavy).to(dtype=torch.float32)
        at, _ = minimise(heavy.here(), heavy, MapEnergy(maps, terms), EVALUATIONS)
        moved = whole.poses(Placement(at.place.double(), orthonormal(at.turn.double()), at.angles.double()))
        before, after = (score(x, terms, maps.receptor) for x in (pos, moved))
        figures = [x.tolist() for x in (before.total, after.total, before.inter)]
        return [
            PoseScore(a, b, places, c) if np.isfinite([a, b, c]).all() else "Vina's score is not finite"
            for a, b, c, places in zip(*figures, moved.cpu().numpy(), strict=True)
        ]


def alike(mols: Sequence[Chem.Mol | None]) -> list[list[int]]:
    """Places of the molecules with the same atoms, bonds and internal pairs in one order, by the first of each."""
    found: dict[tuple, list[int]] = {}
    for i, mol in enumerate(mols):
        if mol is not None:
            atoms = tuple((a.GetAtomicNum(), a.GetFormalCharge()) for a in mol.GetAtoms())
            bonds = tuple((b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondType()) for b in mol.GetBonds())
            # Vina's internal pairs depend on which side of a three-membered ring is the longest.
            found.setdefault((atoms, bonds, frozenset(longest_sides(mol))), []).append(i)
    return list(found.values())


def pocket_of(receptor: Receptor, site: Site, config: DockConfig) -> TorchPocket:
    """The pocket; its maps are kept as long as the receptor lives.

    Raises:
        UserError: for a box off the protein.
    """
    near_box(receptor, site)
    return TorchPocket(receptor, site, config)
