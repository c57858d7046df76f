"""AutoDock Vina 1.2 (the python package): score, minimise, dock. Run it in a child process: it may end its process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rdkit import Chem

from molediff.config import UserError
from molediff.docking.apart import best_apart
from molediff.docking.ligand import Docked, Ligand, with_poses
from molediff.docking.pdbqt_ligand import LigandPdbqt, atoms_of, faults, onto, to_pdbqt
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_text import rigid_pdbqt
from molediff.docking.scoring import PoseScore, near_box, refused
from molediff.docking.settings import DockConfig, row_seed
from molediff.docking.site import Site


class VinaPocket:
    """Vina with the maps of one pocket: computed once, before any ligand, because Vina ends the process of a ligand
    with an atom type that has no map."""

    def __init__(self, receptor: Receptor, site: Site, seed: int = 0, spacing: float = 0.375):
        """Compute the maps, about 1 s for a box of 25 A.

        Vina takes its seed once, with the maps: it is drawn from the run's and is the same for every ligand, whose
        own randomness is in its conformers. Docking a ligand does not depend on those docked before it.

        Args:
            receptor: atoms without an AutoDock type are left out.
            site: box.
            seed: of the run.
            spacing: of the maps, angstrom.

        Raises:
            UserError: where vina is not installed, or the receptor has no atom near the box.
        """
        vina = _vina()
        self.receptor, self.site = receptor, site
        near = near_box(receptor, site)
        self.engine = vina(sf_name="vina", cpu=1, seed=row_seed(seed, -1), verbosity=0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "receptor.pdbqt"
            path.write_text(rigid_pdbqt(receptor, near))
            self.engine.set_receptor(str(path))
        self.engine.compute_vina_maps([float(x) for x in site.centre], [float(x) for x in site.size], spacing)

    def scores(self, mols: Sequence[Chem.Mol]) -> list[PoseScore | str]:
        """Of every pose; for one that cannot be scored, why."""
        out: list[PoseScore | str] = []
        for mol in mols:
            try:
                out.append(self.score(mol))
            except UserError:  # a ValueError too, but of no pose: meeko is broken
                raise
            except ValueError as error:
                out.append(str(error))
        return out

    def score(self, mol: Chem.Mol, conformer: int = -1) -> PoseScore:
        """Score a pose where it is and minimise it, rings rigid.

        Args:
            mol: with explicit hydrogens.
            conformer: id.

        Raises:
            ValueError: for a ligand meeko refuses or a pose outside the box; the message is the row's reason.
        """
        why = refused(self.site, mol, conformer)
        if why:
            raise ValueError(why)
        written = to_pdbqt(mol, conformer, rigid_rings=True)
        self.engine.set_ligand_from_string(written.text)
        try:
            energies = self.engine.score()
            minimised = self.engine.optimize()
        except RuntimeError as error:  # hydrogens of a pose at the border may lie outside
            raise ValueError(f"Vina refused the pose: {' '.join(str(error).split())}"[:160]) from error
        return PoseScore(
            float(energies[0]), float(minimised[0]), self._optimised(mol, conformer, written), float(energies[1])
        )

    def _optimised(self, mol: Chem.Mol, conformer: int, written: LigandPdbqt) -> np.ndarray:
        """Where optimize() left the ligand."""
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "pose.pdbqt")
            self.engine.write_pose(path)
            return onto(mol, conformer, written, Path(path).read_text())

    def dock(self, ligand: Ligand, config: DockConfig) -> Docked:
        """Search from each conformer of the ligand, merge, keep the best poses.

        Rings of seven and more are opened by meeko, so that they can bend; their bonds count among the rotors that
        Vina divides by, so that scores of such ligands are less negative than those of `score`.

        A pose whose bond lengths, bond orders or stereo are not the ligand's fails the whole ligand, with the reason.
        """
        began = time.process_time()
        if ligand.mol is None:
            return Docked(ligand, None, reason=ligand.reason or "not prepared")
        places, scores = [], []
        wanted = max(config.conformers, 1)
        for conformer in [c.GetId() for c in ligand.mol.GetConformers()][:wanted]:
            try:
                found = self._search(ligand.mol, conformer, config)
            except UserError:  # as above
                raise
            except ValueError as error:
                return Docked(ligand, None, seconds=time.process_time() - began, reason=str(error))
            for where, score in found:
                places.append(where)
                scores.append(score)
        heavy = [a.GetIdx() for a in ligand.mol.GetAtoms() if a.GetAtomicNum() > 1]
        pos = np.array(places).reshape(len(places), ligand.mol.GetNumAtoms(), 3)
        kept = best_apart(pos[:, heavy], scores, config)
        seconds = time.process_time() - began
        if not kept:
            return Docked(ligand, None, seconds=seconds, reason="Vina found no pose in the box")
        return Docked(
            ligand, with_poses(ligand.mol, [places[i] for i in kept]), tuple(scores[i] for i in kept), seconds
        )

    def _search(self, mol: Chem.Mol, conformer: int, config: DockConfig) -> list[tuple[np.ndarray, float]]:
        centred = self._into_box(mol, conformer)
        written = to_pdbqt(centred)
        if written.torsions > config.torsions:
            raise ValueError(f"has {written.torsions} rotatable bonds; at most {config.torsions} (--torsions)")
        self.engine.set_ligand_from_string(written.text)
        try:
            self.engine.dock(config.exhaustiveness, config.poses, config.min_rmsd)
        except RuntimeError as error:
            raise ValueError(f"Vina refused the ligand: {' '.join(str(error).split())}"[:160]) from error
        text = self.engine.poses(config.poses, config.energy_range)
        models = [part for part in text.split("MODEL")[1:] if atoms_of(part)]
        energies = np.atleast_2d(self.engine.energies(config.poses, config.energy_range))
        found = []
        for model, energy in zip(models, energies, strict=True):
            where = onto(centred, -1, written, model)
            wrong = faults(centred, -1, where, written.opened)
            if wrong:
                raise ValueError(wrong)
            found.append((where, float(energy[0])))
        return found

    def _into_box(self, mol: Chem.Mol, conformer: int) -> Chem.Mol:
        """A copy whose one conformer has its centre at the box's: the start is nowhere near any given pose."""
        copy = Chem.Mol(mol, confId=conformer)
        places = copy.GetConformer().GetPositions()
        copy.GetConformer().SetPositions(places - places.mean(0) + self.site.centre)
        return copy


_kept: list[tuple[tuple, VinaPocket]] = []


def pocket_of(receptor: Receptor, site: Site, config: DockConfig) -> VinaPocket:
    """The pocket's maps; those of the last pocket are kept in this process."""
    key = (id(receptor), id(site), config.seed, config.spacing)
    if not _kept or _kept[0][0] != key:
        _kept[:] = [(key, VinaPocket(receptor, site, config.seed, config.spacing))]
    return _kept[0][1]


def dock_vina(receptor: Receptor, site: Site, ligand: Ligand, config: DockConfig) -> Docked:
    """Dock one ligand; the engine 'vina' of `molediff.docking.engines`."""
    return pocket_of(receptor, site, config).dock(ligand, config)


def _vina():
    try:
        from vina import Vina
    except ImportError as error:
        raise UserError(
            f"Vina is not installed ({error}). Type: pip install -e '.[dock]' in the clone (Python below 3.13), "
            "or use --engine torch."
        ) from error
    return Vina
