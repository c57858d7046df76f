"""Poses that came from elsewhere, as from a diffusion model: checked, relaxed, put in order, the best kept."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from rdkit import Chem
from rdkit.rdBase import BlockLogs

from molediff.chem.asked import graph_as_asked, stereo_as_asked
from molediff.docking.apart import best_apart, cluster_sizes
from molediff.docking.engines import engine
from molediff.docking.ligand import Docked, Ligand, with_poses
from molediff.docking.ligands import Row
from molediff.docking.pdbqt_ligand import isomer
from molediff.docking.receptor import Receptor
from molediff.docking.refine import RefineConfig, refine
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.tasks import DockTask, Judge


def heavy_ligand(ligand: Ligand) -> Chem.Mol:
    """The heavy atoms of a prepared ligand, in the order in which poses are proposed; its conformers stay."""
    heavy = Chem.RemoveAllHs(ligand.mol)
    Chem.AssignStereochemistry(heavy, cleanIt=True, force=True)
    return heavy


@dataclass
class ProposedTask(DockTask):
    """What a worker does with the poses proposed for one ligand: a `DockTask` whose search has been done."""

    relax: RefineConfig | None = field(default_factory=lambda: RefineConfig("vina"))
    """How poses are relaxed; None leaves them as they are."""
    search: str = ""
    """Name in `molediff.docking.engines.ENGINES` of a search whose poses compete with the proposed; none if empty."""

    def start(self) -> None:
        self.dock, self.look = self.choose, engine(self.search) if self.search else None
        self.judge = Judge(self.receptor, self.site) if self.check else None

    def __call__(self, job: tuple[Row, list]) -> dict:
        """As of `DockTask`, of (row, poses (n, heavy atoms, 3) as lists, or one text, why there are none).

        ``note`` says what became of the poses.
        """
        row, self.proposals = job
        self.said, self.sizes = "", []
        out = super().__call__(row)
        return out | {"note": "; ".join(filter(None, (out["note"], self.said)))}

    def clusters(self, poses: Chem.Mol) -> list[int]:
        """Sizes of the clusters among all poses, not among those kept alone."""
        return self.sizes

    def choose(self, receptor: Receptor, site: Site, ligand: Ligand, config: DockConfig) -> Docked:
        """Relax the proposals and keep the best that differ; lowest Vina score first.

        A pose of another stereoisomer, or with bonds that are torn, is refused and counted.
        """
        began = time.process_time()
        none = self.proposals[0] if self.proposals and isinstance(self.proposals[0], str) else ""
        if none and self.look is None:
            return Docked(ligand, None, reason=none)
        proposals = [] if none else self.proposals
        heavy = heavy_ligand(ligand)
        whole = Chem.AddHs(heavy, addCoords=True)
        wanted = isomer(whole, whole.GetConformer().GetPositions())
        kept, refused = [], Counter()
        for proposal in np.asarray(proposals, dtype=float).reshape(-1, heavy.GetNumAtoms(), 3):
            with BlockLogs():
                pose, score, reason = self.relaxed(receptor, heavy, proposal, wanted)
            if reason:
                refused[reason] += 1
            else:
                kept.append((score, pose))
        self.said = f"no poses proposed: {none}" if none else _said(len(proposals), len(kept), refused)
        if self.look is not None:
            searched = self.look(receptor, site, ligand, config)
            kept += (others := _scored(receptor, searched, wanted))
            found = f"{len(searched.scores)} poses by the search of {self.search}, {len(others)} used"
            self.said += f"; {found}" if searched.poses is not None else f"; none by {self.search}: {searched.reason}"
        if not kept:
            return Docked(replace(ligand, mol=whole), None, reason=f"no pose can be used ({self.said})")
        order = np.argsort([score for score, _ in kept], kind="stable")
        scores = np.array([kept[k][0] for k in order])
        places = np.array([kept[k][1] for k in order])
        heavies = places[:, : heavy.GetNumAtoms()]
        first = best_apart(heavies, scores, config)
        self.sizes = cluster_sizes(heavies, first)
        poses = with_poses(whole, places[first])
        seconds = time.process_time() - began
        return Docked(replace(ligand, mol=whole), poses, tuple(float(s) for s in scores[first]), seconds)

    def relaxed(self, receptor: Receptor, heavy: Chem.Mol, places: np.ndarray, wanted: str):
        """(positions with hydrogens, Vina score, '') or (None, inf, why it is refused)."""
        if not np.isfinite(places).all():
            return None, np.inf, "not finite"
        pose = with_poses(heavy, [places])
        # What has no stereochemistry can only have lost its shape.
        changed = "of another stereoisomer" if any(mark in wanted for mark in "@/\\") else "with a centre out of shape"
        if not stereo_as_asked(pose):
            return None, np.inf, changed
        if self.relax is None:
            done, score = Chem.AddHs(pose, addCoords=True), None
        else:
            found = refine(receptor, pose, self.relax)
            done, score = found.mol, found.figures.get("vina_relaxed")
            if done is None:
                return None, np.inf, changed if "stereochemistry" in found.reason else f"not relaxed: {found.reason}"
        if not graph_as_asked(Chem.RemoveAllHs(done)):
            return None, np.inf, "with bonds torn or made"
        if isomer(done, done.GetConformer().GetPositions()) != wanted:
            return None, np.inf, changed
        return done.GetConformer().GetPositions(), _score(receptor, done) if score is None else score, ""


def _scored(receptor: Receptor, docked: Docked, wanted: str) -> list[tuple[float, np.ndarray]]:
    """Poses of a search as those that were proposed: (score, places in the order of RDKit's AddHs).

    Scored each for itself as they are: a search's own scores count the ligand's energy against its best pose. The
    hydrogen of C=NH, whose side nobody asked for, goes to the side that the proposals have.
    """
    if docked.poses is None:
        return []
    atoms = list(docked.poses.GetAtoms())
    heavy = [a.GetIdx() for a in atoms if a.GetAtomicNum() > 1]
    order = heavy + [n.GetIdx() for k in heavy for n in atoms[k].GetNeighbors() if n.GetAtomicNum() == 1]
    found = []
    for conformer in docked.poses.GetConformers():
        pose = Chem.RenumberAtoms(Chem.Mol(docked.poses, confId=conformer.GetId()), order)
        score = _score(receptor, pose)
        if isomer(pose, pose.GetConformer().GetPositions()) != wanted:
            pose = Chem.AddHs(Chem.RemoveAllHs(pose), addCoords=True)
        places = pose.GetConformer().GetPositions()
        if isomer(pose, places) == wanted:
            found.append((score, places))
    return found


def _score(receptor: Receptor, mol: Chem.Mol) -> float:
    """Vina's, of a pose as it is, kcal/mol."""
    import torch

    from molediff.docking.torch_vina.energy import LigandTerms, score
    from molediff.docking.torch_vina.maps import receptor_terms

    pos = torch.tensor(mol.GetConformer().GetPositions())[None]
    return float(score(pos, LigandTerms.of(mol), receptor_terms(receptor)).total[0])


def _said(n: int, kept: int, refused: Counter) -> str:
    parts = [f"{count} {reason}" for reason, count in sorted(refused.items())]
    return f"{n} poses proposed, {kept} used" + "".join(f", {part}" for part in parts)
