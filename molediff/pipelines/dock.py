"""A library into a pocket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd
from rdkit import Chem

from molediff.docking.engines import engine as load_engine
from molediff.docking.engines import usual_engine
from molediff.docking.ligands import Row
from molediff.docking.pool import run_all
from molediff.docking.rank import RANKS, WHOLE, pose_table, rank, searched
from molediff.docking.receptor import Receptor
from molediff.docking.site import Site
from molediff.docking.tasks import DockTask
from molediff.model import Model
from molediff.pipelines.denoising import Review
from molediff.pipelines.dock_engines import settled
from molediff.pipelines.library import Kept, Progress, opened
from molediff.pipelines.lines import mark_of
from molediff.pipelines.poses import Poses

FAILED = {"smiles": "", "note": "", "read": True, "prepared": False, "scores": [], "poses": [], "figures": []}
"""Of a ligand that took its worker down."""
RANKING = ["row", "name", "rank", "pose", "value", "score", "pb_valid", "pb_failed", "strain", "cluster"]
RANKING += ["denoising_error"]
"""Columns of poses.csv."""


@dataclass(frozen=True)
class Docking:
    """What a run made: one row a ligand asked for."""

    poses: list[Poses]
    """Of each ligand by rank, RDKit molecules with hydrogens, one conformer each, in the receptor's frame; none where
    it failed."""
    table: pd.DataFrame
    """row, name, smiles (as docked), poses, and of the pose of rank 1: score and value (kcal/mol), pb_valid,
    pb_failed; note, reason."""
    scores: list[list[float]]
    """Of each pose, kcal/mol, in the order of ``poses``."""
    ranking: pd.DataFrame
    """One row a pose: row, name, rank (from 1), pose (the engine's number, from 1), value, score (kcal/mol), pb_valid,
    pb_failed, strain (kcal/mol), cluster, denoising_error; empty where a figure was not asked for. See
    `molediff.docking.rank`."""
    seconds: list[float]
    """Of search, each ligand; no part of the table, which is the same for the same arguments."""
    about: dict = field(default_factory=dict)
    """Engine, settings, box."""
    reached: dict[str, int] = field(default_factory=dict)
    """How many ligands were read and prepared."""

    @property
    def counts(self) -> dict[str, int]:
        """Ligands requested, read, prepared, docked, PB-valid (best pose), failed."""
        t = self.table
        docked = int((t.poses > 0).sum())
        valid = int((t.pb_valid == True).sum())  # noqa: E712, the column holds None where nothing was checked
        return {"requested": len(t), **self.reached, "docked": docked, "pb_valid": valid, "failed": len(t) - docked}

    def save(self, folder: Path | str) -> Path:
        """Write poses.sdf, best.sdf, table.csv, poses.csv and seconds.csv; see `molediff.report.docking`."""
        from molediff.report.docking import write_docking

        return write_docking(self, Path(folder))


class Dock:
    """Docking of a library.

    >>> out = Dock("vina", exhaustiveness=8, seed=1)(receptor, site, "library.smi")  # doctest: +SKIP
    """

    def __init__(self, engine: str = "", rank: str = "", model: Model | None = None, **settings):
        """A pipeline; what is not given is as in `molediff.pipelines.dock_engines.ENGINES`, as of the command.

        Args:
            engine: 'vina' or 'torch'; '' for vina where it is installed, else torch.
            rank: order of a ligand's poses, one of `molediff.docking.rank.RANKS`; 'rule' looks at every pose (strain,
                PoseBusters, cluster size), 'model' asks a diffusion model about every pose, 'vina' is the engine's
                order. '' is 'model' where a model is given, as the command gives one, and 'vina' where none is.
            model: that reads pockets, for rank 'model'.
            settings: fields of `molediff.docking.settings.DockConfig`; torch searches with exhaustiveness 32.

        Raises:
            UserError: for an engine or order that is not there, settings that do not exist or cannot be, an order that
                needs a model and has none.
        """
        self.engine = engine or usual_engine()
        load_engine(self.engine)
        self.rank, self.model, self.config = settled(self.engine, rank, model, settings)

    def __call__(
        self,
        receptor: Receptor,
        site: Site,
        library: Path | str | Sequence[Chem.Mol | str | None],
        workers: int = 0,
        protonate: bool = False,
        check: bool = True,
        progress: Progress | None = None,
        parts: Path | None = None,
    ) -> Docking:
        """Dock every row. The result does not depend on the number of workers, nor on workers or runs that died.

        Args:
            receptor: prepared protein.
            site: box.
            library: a file (.smi, .sdf, .csv), or SMILES and RDKit molecules.
            workers: child processes; 0 for one a core.
            protonate: set acids and bases to their state at pH 7.4.
            check: whether PoseBusters looks at the best pose of each ligand, or at all that are ranked.
            progress: called after every ligand.
            parts: folder in which finished ligands are kept, so that a run can be resumed.

        Raises:
            UserError: for a library that cannot be read, a box off the protein, a package that is missing.
        """
        rows = opened(library)
        config = searched(self.config, self.rank)
        decisive = (self.engine, config, protonate, check, self.rank, checksum(self.model), rows)
        path = None if parts is None else parts / "ligands.jsonl"
        kept = Kept(rows, path, mark_of(receptor, site, *decisive), progress)
        review, check = reviewer(self.model, self.rank, receptor, site, check, bool(kept.left))
        task = DockTask(receptor, site, self.engine, config, protonate, check, self.rank in WHOLE)

        def keep(number: int, result: dict | None, reason: str) -> None:
            kept.add(kept.left[number], review(FAILED | {"reason": reason} if result is None else result))

        if kept.left:
            run_all(task, kept.left, workers, self.config.seconds, keep)
        about = {"engine": self.engine, **asdict(self.config), "protonate": protonate, "site": site.how}
        return collect(rows, kept.results, about | {"rank": self.rank})


def checksum(model: Model | None) -> str:
    """Of the model that is asked about poses; '' where none is."""
    return "" if model is None else model.source.checksum


def reviewer(
    model: Model | None, order: str, receptor: Receptor, site: Site, check: bool, needed: bool
) -> tuple[Callable[[dict], dict], bool]:
    """(what is done with the result of a ligand once it is there, whether the workers check its poses themselves).

    Args:
        model: that is asked about poses; None where none is.
        order: of the poses.
        receptor, site: where they lie.
        check: whether PoseBusters looks at them: where a model is asked, at the pose that comes first, here.
        needed: whether any ligand is left to do.
    """
    if model is None:
        return as_it_is, check
    return (Review.of(model, order, receptor, site, check) if needed else as_it_is), False


def as_it_is(result: dict) -> dict:
    """Where no model is asked."""
    return result


def collect(rows: Sequence[Row], results: dict[int, dict], about: dict) -> Docking:
    """The run's result from what the workers gave: ``about['poses']`` a ligand, in the order ``about['rank']``."""
    table, poses, scores, seconds, ranking = [], [], [], [], []
    for row in rows:
        found = results[row.row]
        order = rank(pose_table(row.row, found["scores"], found["figures"]), RANKS[about["rank"]]).head(about["poses"])
        order["value"] = order["value"].round(4)
        order.insert(1, "name", row.name)
        ranking += order.to_dict("records")
        poses.append(Poses(tuple(found["poses"][k - 1] for k in order["pose"])))
        scores.append([found["scores"][k - 1] for k in order["pose"]])
        seconds.append(found.get("seconds", 0.0))
        first = order.iloc[0].to_dict() if found["poses"] else {}
        table.append(
            {
                "row": row.row,
                "name": row.name,
                "smiles": found["smiles"],
                "poses": len(order),
                "score": first.get("score"),
                "value": first.get("value"),
                "pb_valid": first.get("pb_valid"),
                "pb_failed": first.get("pb_failed") or "",
                "note": found["note"],
                "reason": found["reason"],
            }
        )
    reached = {key: sum(bool(results[row.row][key]) for row in rows) for key in ("read", "prepared")}
    whole = pd.DataFrame(ranking, columns=RANKING)
    numbers = pd.DataFrame(table).astype({"score": float, "value": float})
    return Docking(poses, numbers, scores, whole, seconds, about, reached)
