"""Docking with torch: the same scoring function as Vina, searched by a batch of chains, no other program needed.

Maps and tables serve the search; the poses it finds are relaxed and scored with exact pairs, and reported as Vina does:
(inter + intra - intra of the best pose) / (1 + 0.05846 rotors).
"""

from __future__ import annotations

import time

import numpy as np
import torch
from rdkit import Chem

from molediff.config import UserError
from molediff.docking.ligand import Docked, Ligand, with_poses
from molediff.docking.receptor import Receptor
from molediff.docking.settings import DockConfig, row_seed
from molediff.docking.site import Site
from molediff.docking.torch_vina.energy import LigandTerms, intramolecular, score
from molediff.docking.torch_vina.landscape import ExactEnergy, MapEnergy, heavy_only
from molediff.docking.torch_vina.maps import Maps, site_maps
from molediff.docking.torch_vina.minimise import minimise
from molediff.docking.torch_vina.search import Pool, Search, SearchSettings, spread
from molediff.docking.torch_vina.torsions import Torsions, orthonormal

EXACT = 16
"""Evaluations of the first relaxation with exact pairs; poses that will be reported get three times as many more."""

SEARCH = 0.7
"""Share of the time limit after which the search stops: the rest is for relaxing and scoring what it found."""


def dock_torch(
    receptor: Receptor,
    site: Site,
    ligand: Ligand,
    config: DockConfig | None = None,
    settings: SearchSettings | None = None,
) -> Docked:
    """Dock one ligand.

    Args:
        receptor: the protein; its maps are made once and kept as long as the object lives.
        site: the box that holds every heavy atom of a pose.
        ligand: with hydrogens and conformers.
        config: what is asked for; ``exhaustiveness`` scales the number of chains. The result depends on the seed, the
            ligand's row and the conformer, on nothing else.
        settings: of the search.

    Returns:
        At most ``config.poses`` poses, best first; a ligand that cannot be docked comes back with a reason.

    Raises:
        UserError: for a device torch does not know.
    """
    config, began = config or DockConfig(), time.process_time()
    reason = _refused(ligand)
    if reason:
        return Docked(ligand, None, reason=reason)
    try:
        terms = LigandTerms.of(ligand.mol)
    except UserError as error:
        return Docked(ligand, None, reason=str(error))
    maps = site_maps(receptor, site, config.spacing, _device(config.device))
    if not len(maps.receptor.pos):
        return Docked(ligand, None, reason="no receptor atom within 8 A of the box")
    with torch.no_grad():
        found = _all_conformers(ligand, terms.to(maps.corner.device), maps, site, config, settings or SearchSettings(),
                                began + SEARCH * config.seconds)  # fmt: skip
        poses, scores = _reported(found, terms, maps, site, config)
    seconds = time.process_time() - began
    if not len(poses):
        return Docked(ligand, None, seconds=seconds, reason="no pose inside the box: is it large enough?")
    return Docked(ligand, with_poses(ligand.mol, poses.numpy()), scores, seconds)


def _refused(ligand: Ligand) -> str:
    if ligand.mol is None or ligand.reason:
        return ligand.reason or "not prepared"
    if not ligand.mol.GetNumConformers():
        return "no conformer"
    if len(Chem.GetMolFrags(ligand.mol)) > 1:
        return "more than one fragment"
    return ""


def _device(name: str) -> str:
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"Torch cannot use the device '{name}'. Allowed here: cpu; type --device cpu.") from error
    return name


def _all_conformers(ligand, terms, maps: Maps, site: Site, config, settings, deadline) -> torch.Tensor:
    """(K, N, 3) float64 poses of every conformer's search, relaxed with exact pairs."""
    energy = MapEnergy(maps, terms)
    low = maps.corner.float()
    high = low + torch.as_tensor(np.asarray(site.size), dtype=torch.float32, device=low.device)
    exact = ExactEnergy(heavy_only(terms), maps.receptor, low, high)
    found = []
    conformers = [c.GetId() for c in ligand.mol.GetConformers()][: max(1, config.conformers)]
    share = (deadline - time.process_time()) / len(conformers)
    for part, conformer in enumerate(conformers):
        pos = torch.as_tensor(ligand.mol.GetConformer(conformer).GetPositions(), device=low.device)
        whole = Torsions.of(pos, terms.tree, terms.heavy)
        heavy = whole.only(terms.heavy).to(dtype=torch.float32)
        generator = torch.Generator().manual_seed(row_seed(config.seed, ligand.row, part))
        search = Search(heavy, energy, low, high, generator, settings)
        pool = search.run(settings.chains * config.exhaustiveness, time.process_time() + share)
        found.append(_relaxed(pool, heavy, whole, exact, config))
    return torch.cat(found)


def _relaxed(pool: Pool, heavy: Torsions, whole: Torsions, exact: ExactEnergy, config: DockConfig) -> torch.Tensor:
    """The best minima of a pool on the exact energy: many a little, those that will be reported until they rest."""
    at, e = minimise(pool.at[: 3 * config.poses], heavy, exact, EXACT)
    for evaluations in (3 * EXACT, 0):
        kept = spread(e, heavy.atoms(heavy.frames(at)).flatten(1), config.poses + 3, config.min_rmsd)
        at, e = minimise(at[kept], heavy, exact, evaluations)
    double = type(at)(at.place.double(), orthonormal(at.turn.double()), at.angles.double())
    return whole.poses(double)


def _reported(pos: torch.Tensor, terms: LigandTerms, maps: Maps, site: Site, config: DockConfig):
    """(K, N, 3) poses and their scores: inside the box, apart, within the energy range, best first."""
    pos, terms, protein = pos.cpu(), terms.to("cpu"), maps.receptor.to("cpu")
    at = pos[:, terms.heavy]
    centre, half = (torch.as_tensor(np.asarray(x), dtype=pos.dtype) for x in (site.centre, np.asarray(site.size) / 2))
    pos = pos[((at - centre).abs() <= half + 0.01).all(-1).all(-1)]
    if not len(pos):
        return pos, ()
    found = score(pos, terms, protein)
    energy = found.inter + found.intra
    kept = spread(energy, pos[:, terms.heavy].flatten(1), config.poses, config.min_rmsd)
    reference = intramolecular(pos[kept[:1]], terms, table=True)
    total = (energy[kept] - reference) / terms.divisor
    kept = kept[total <= total[0] + config.energy_range]
    return pos[kept], tuple(total[: len(kept)].tolist())
