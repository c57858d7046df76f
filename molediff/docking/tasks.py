"""What a docking worker does with one ligand. Results are plain values: they are kept as JSON and read again."""

from __future__ import annotations

import logging
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rdkit
from rdkit import Chem

from molediff.docking.engines import engine, scorer
from molediff.docking.ligand import Docked, Ligand
from molediff.docking.ligands import Row, parse, prepare, unfit
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_files import pdb_text
from molediff.docking.scoring import PoseScore
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site

MARGIN = 2.0
"""Added to each face of the box for scoring, angstrom: docked poses may stand out of it by tenths."""


@dataclass
class DockTask:
    """Prepare a row, dock it, look at its poses."""

    receptor: Receptor
    site: Site
    engine: str
    """Name in `molediff.docking.engines.ENGINES`."""
    config: DockConfig
    protonate: bool = False
    check: bool = True
    """Whether PoseBusters (`dock_fast`) looks at the poses: the best, or every one where ``whole`` asks for more."""
    whole: bool = False
    """Whether every pose gets what `molediff.docking.rank` asks for: PoseBusters, strain, cluster size."""

    def start(self) -> None:
        """Load the engine and compute the maps before there is any ligand.

        Raises:
            UserError: for an engine that is not installed, a box off the protein.
        """
        self.dock = engine(self.engine)
        scorer(self.engine)(self.receptor, self.site, self.config)
        self.judge = Judge(self.receptor, self.site) if self.check else None

    def __call__(self, row: Row) -> dict:
        """{'smiles', 'note', 'reason', 'read', 'prepared', 'scores', 'poses' (mol blocks), 'figures', 'seconds'}.

        ``figures`` holds one dict a pose, of pb_valid, pb_failed, strain and cluster, as far as they were asked for.
        """
        ligand = prepare(row, self.config, self.protonate)
        out = {"smiles": "", "note": ligand.note, "reason": ligand.reason, "read": not parse(row)[1]}
        out |= {"prepared": ligand.mol is not None, "scores": [], "poses": [], "figures": [], "seconds": 0.0}
        if ligand.mol is None:
            return out
        out["smiles"] = Chem.MolToSmiles(Chem.RemoveHs(ligand.mol))
        docked = sound(self.dock(self.receptor, self.site, ligand, self.config))
        out |= {"reason": docked.reason, "seconds": round(docked.seconds, 3)}
        if docked.poses is not None:
            out["scores"] = [round(s, 4) for s in docked.scores]
            out["poses"] = blocks(docked.poses)
            out["figures"] = self.figures(docked.poses)
        return out

    def figures(self, poses: Chem.Mol) -> list[dict]:
        """Of every pose; of the first alone unless ``whole``."""
        ids = [c.GetId() for c in poses.GetConformers()]
        found: list[dict] = [{} for _ in ids]
        for one, k in zip(found, ids if self.whole else ids[:1], strict=False):
            if self.judge is not None:
                one["pb_valid"], one["pb_failed"] = self.judge(Chem.Mol(poses, confId=k))
        if self.whole:
            from molediff.evaluation.strain import strains

            for one, size, strained in zip(found, self.clusters(poses), strains(poses), strict=True):
                energy = strained["strain"]
                one |= {"cluster": size, "strain": None if energy is None else round(energy, 3)}
        return found

    def clusters(self, poses: Chem.Mol) -> list[int]:
        """Of every pose, how many there are near it."""
        from molediff.docking.rank import cluster_sizes  # pandas comes with it

        return cluster_sizes(poses)


def sound(docked: Docked) -> Docked:
    """As it is, or failed with the reason: poses must be finite, of the ligand's atoms, and have a score each.

    Bonds and stereo are checked too, against the first conformer that went in.
    """
    if docked.poses is None:
        return docked
    from molediff.docking.pdbqt_ligand import CLOSURE, isomer

    mol, poses = docked.ligand.mol, docked.poses
    if [a.GetAtomicNum() for a in mol.GetAtoms()] != [a.GetAtomicNum() for a in poses.GetAtoms()]:
        return _failed(docked, "docking changed the atoms of the molecule")
    if poses.GetNumConformers() != len(docked.scores) or not all(map(math.isfinite, docked.scores)):
        return _failed(docked, "docking gave poses without finite scores")
    was = isomer(mol, mol.GetConformer().GetPositions())
    pairs = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()], int).reshape(-1, 2)
    lengths = _lengths(mol.GetConformer().GetPositions(), pairs)
    for conformer in poses.GetConformers():
        places = conformer.GetPositions()
        if not np.isfinite(places).all():
            return _failed(docked, "a pose has no finite positions")
        if len(pairs) and np.abs(_lengths(places, pairs) - lengths).max() > CLOSURE:
            return _failed(docked, "docking broke a bond")
        if (became := isomer(poses, places)) != was:
            return _failed(docked, f"docking changed the molecule: {was} to {became}")
    return docked


def _failed(docked: Docked, reason: str) -> Docked:
    return replace(docked, poses=None, scores=(), reason=reason)


def _lengths(places: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)


def blocks(mol: Chem.Mol) -> list[str]:
    """One mol block a conformer, kekulised."""
    return [Chem.MolToMolBlock(mol, confId=c.GetId()) for c in mol.GetConformers()]


class Judge:
    """PoseBusters' `dock_fast` on a pose in the receptor; atoms beyond 20 A of the box are left out."""

    def __init__(self, receptor: Receptor, site: Site):
        low, high = site.centre - site.size / 2 - 20.0, site.centre + site.size / 2 + 20.0
        near = ((receptor.pos >= low) & (receptor.pos <= high)).all(axis=1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "protein.pdb"
            path.write_text(pdb_text(receptor, near))
            self.protein = Chem.MolFromPDBFile(str(path), sanitize=False, removeHs=False, proximityBonding=False)
        from posebusters import PoseBusters

        logging.getLogger("posebusters").setLevel(logging.CRITICAL)  # else it tells its mode on the screen
        self.busters = PoseBusters(config="dock_fast", max_workers=0)

    def __call__(self, mol: Chem.Mol) -> tuple[bool, str]:
        """(whether every check is passed, names of those that are not); one that was not computed is not passed."""
        from molediff.evaluation.protocols.posebusters import checks_of, not_passed

        handler = rdkit.log_handler
        stream = handler.stream
        try:
            reason = not_passed(checks_of(self.busters.bust([mol], None, self.protein)))
        except Exception as error:  # PoseBusters raises whatever its modules raise
            return False, f"posebusters: {type(error).__name__}"
        finally:  # it leaves RDKit's messages to whatever sys.stderr is at the moment, which may be closed later
            handler.stream = stream
        return not reason, reason


@dataclass
class ScoreTask:
    """Vina's score and minimised score of poses where they are, in one pocket."""

    receptor: Receptor
    site: Site
    engine: str
    """Name in `molediff.docking.engines.ENGINES`."""
    config: DockConfig
    dock: bool = False
    """Whether each pose's molecule is also docked anew, from an embedded conformer."""

    def start(self) -> None:
        """Make ready the box grown by `MARGIN`, in which poses are scored, and the box itself, in which is searched."""
        grown = replace(self.site, size=self.site.size + 2 * MARGIN)
        ready = scorer(self.engine)
        self.pocket = ready(self.receptor, grown, self.config)
        self.search = ready(self.receptor, self.site, self.config) if self.dock else None

    def __call__(self, rows: list[Row]) -> list[dict]:
        """[{'score', 'minimised', 'reason', 'note', 'block' (with hydrogens), 'minimised_block', 'docked', 'read'}]."""
        read = [as_pose(row) for row in rows]
        there = [k for k, (_, mol) in enumerate(read) if mol is not None]
        figures = dict(zip(there, self.pocket.scores([read[k][1] for k in there]), strict=True))
        pairs = enumerate(zip(rows, read, strict=True))
        return [self.one(row, out, mol, figures.get(k)) for k, (row, (out, mol)) in pairs]

    def one(self, row: Row, out: dict, mol: Chem.Mol | None, found: PoseScore | str | None) -> dict:
        """The figures of one pose put to what was read of it."""
        if found is None:
            return out
        if isinstance(found, str):
            return out | {"reason": found}
        moved = Chem.Mol(mol)
        moved.GetConformer().SetPositions(np.ascontiguousarray(found.places))
        out |= {"score": found.score, "minimised": found.minimised, "minimised_block": Chem.MolToMolBlock(moved)}
        if self.dock:
            docked = self.redock(row)
            out |= docked | {"note": "; ".join(filter(None, (out["note"], docked["note"])))}
        return out

    def redock(self, row: Row) -> dict:
        """{'docked': score of the best pose of a search, 'note': why there is none}."""
        ligand: Ligand = prepare(row, replace(self.config, conformers=1))
        docked = self.search.dock(ligand, self.config) if ligand.mol is not None else None
        reason = ligand.reason if docked is None else docked.reason
        if reason:
            return {"docked": None, "note": f"not docked: {reason}"}
        return {"docked": docked.scores[0], "note": ""}


def as_pose(row: Row) -> tuple[dict, Chem.Mol | None]:
    """What `ScoreTask` says of a row before it is scored, and the pose with its hydrogens; None where Vina has none.

    What Vina cannot score, as an element it does not know, is still a pose that others can judge: it has its 'block'.
    """
    out = {"score": None, "minimised": None, "reason": "", "note": "", "block": "", "minimised_block": ""}
    out |= {"docked": None, "read": False}
    mol, out["reason"] = parse(row)
    out["read"] = mol is not None
    if mol is None:
        return out, None
    out["reason"] = unfit(mol, 10**6)
    if not (mol.GetNumConformers() and mol.GetConformer().Is3D()):
        return out | {"reason": out["reason"] or "has no 3D coordinates"}, None
    whole = Chem.AddHs(mol, addCoords=True)
    added = whole.GetNumAtoms() - mol.GetNumAtoms()
    out["note"] = f"{added} hydrogens added" if added else ""
    return out | {"block": Chem.MolToMolBlock(whole)}, None if out["reason"] else whole
