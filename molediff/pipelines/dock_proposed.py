"""A library into a pocket by poses that a model proposes; relaxed, ranked and written as those of any engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem

from molediff.config import UserError
from molediff.docking.engines import engine
from molediff.docking.ligands import Row, prepare
from molediff.docking.pool import run_all
from molediff.docking.proposed import ProposedTask, heavy_ligand
from molediff.docking.rank import WHOLE, searched
from molediff.docking.receptor import Receptor
from molediff.docking.refine import RefineConfig
from molediff.docking.site import Site
from molediff.model import Model
from molediff.pipelines.dock import FAILED, Docking, checksum, collect, reviewer
from molediff.pipelines.dock_engines import ENGINES, NO, OTHER, settled
from molediff.pipelines.library import Kept, Progress, opened
from molediff.pipelines.lines import Lines, mark_of

Proposer = Callable[[Chem.Mol, int, int, int], np.ndarray]
"""(heavy atoms of a ligand, its row, poses, seed) -> (poses, atoms, 3); see `molediff.pipelines.proposals`."""
CHUNK = 32
"""Ligands whose poses are proposed before they are relaxed."""


@dataclass(frozen=True)
class ProposedConfig:
    """What is done with proposed poses."""

    samples: int
    """Poses proposed a ligand, before the best are kept."""
    relax: str
    """How they are relaxed: one of `molediff.docking.refine.METHODS`, or none."""

    def __post_init__(self):
        if self.samples < 1:
            raise UserError(
                f"--samples must be at least 1, got {self.samples}. Type for example --samples {OTHER.samples}"
            )
        if self.relax != NO:
            RefineConfig(self.relax)


class DockProposed:
    """Docking of a library by proposed poses.

    >>> out = DockProposed(DiffusionPoses(model, frame), "diffusion")(receptor, site, "lib.smi")  # doctest: +SKIP
    """

    def __init__(
        self,
        propose: Proposer,
        name: str,
        rank: str = "",
        samples: int | None = None,
        relax: str = "",
        model: Model | None = None,
        search: str | None = None,
        **more,
    ):
        """A pipeline; what is not given is as in `molediff.pipelines.dock_engines.ENGINES`, as of the command.

        Args:
            propose: where poses come from. What decides them beside the name, the row and the seed it may tell as
                ``mark``, a tuple: a run does not go on from poses of another mark.
            name: of it: of an engine, or any other.
            rank: order of a ligand's poses, one of `molediff.docking.rank.RANKS`; '' for 'vina' without a model.
            samples, relax: see `ProposedConfig`.
            model: that reads pockets, for rank 'model'.
            search: engine of `molediff.docking.engines.ENGINES` whose poses compete with the proposed ones; '' for
                none.
            more: fields of `molediff.docking.settings.DockConfig`.

        Raises:
            UserError: for settings that do not exist or cannot be.
        """
        usual = ENGINES.get(name, OTHER)
        self.propose, self.name = propose, name
        self.search = usual.search if search is None else search
        if self.search:
            engine(self.search)
        self.rank, self.model, self.config = settled(name, rank, model, more)
        self.proposed = ProposedConfig(usual.samples if samples is None else samples, relax or usual.relax)

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
        """Dock every row, `CHUNK` at a time: poses are proposed here, then relaxed and ranked in children.

        Arguments, result and errors as of `molediff.pipelines.dock.Dock`.
        """
        rows = opened(library)
        config, relax = searched(self.config, self.rank), self.relax
        source = (self.name, getattr(self.propose, "mark", ()), self.proposed.samples, self.config, protonate, rows)
        decisive = (*source, relax, self.search, config, check, self.rank, checksum(self.model))
        kept = Kept(rows, _in(parts, "ligands.jsonl"), mark_of(receptor, site, *decisive), progress)
        proposals = Lines(_in(parts, "proposals.jsonl"), mark_of(receptor, site, *source))
        review, check = reviewer(self.model, self.rank, receptor, site, check, bool(kept.left))
        whole = self.rank in WHOLE
        task = ProposedTask(receptor, site, self.name, config, protonate, check, whole, relax, self.search)
        for k in range(0, len(kept.left), CHUNK):
            chunk = kept.left[k : k + CHUNK]
            for row in chunk:
                if row.row not in proposals.known:
                    proposals.add(row.row, self._proposals(row, protonate))
            made = [proposals.known[row.row] for row in chunk]

            def keep(number: int, result: dict | None, reason: str, chunk=chunk, made=made) -> None:
                proposed = any(not isinstance(one, str) for one in made[number]["poses"])
                result = FAILED | {"reason": reason, "prepared": proposed} if result is None else result
                result["seconds"] = round(result.get("seconds", 0.0) + made[number]["seconds"], 3)
                kept.add(chunk[number], review(result))

            jobs = [(row, one["poses"]) for row, one in zip(chunk, made, strict=True)]
            run_all(task, jobs, workers, self.config.seconds, keep)
        about = {"engine": self.name, **asdict(self.config), **asdict(self.proposed), "protonate": protonate}
        about |= {"search": self.search} if self.search else {}
        return collect(rows, kept.results, about | {"site": site.how, "rank": self.rank})

    @property
    def relax(self) -> RefineConfig | None:
        """How proposed poses are relaxed; None where they are not."""
        return None if self.proposed.relax == NO else RefineConfig(self.proposed.relax)

    def _proposals(self, row: Row, protonate: bool) -> dict:
        """{'poses', 'seconds'} of a row; no poses where the row cannot be used, which the worker says again."""
        began = time.process_time()
        ligand = prepare(row, self.config, protonate)
        if ligand.mol is None:
            return {"poses": [], "seconds": 0.0}
        try:
            made = self.propose(heavy_ligand(ligand), row.row, self.proposed.samples, self.config.seed)
            poses = np.round(made, 5).tolist()
        except UserError as error:  # an element or charge that the model does not know
            poses = [str(error)]
        return {"poses": poses, "seconds": time.process_time() - began}


def _in(folder: Path | None, name: str) -> Path | None:
    """A file of a folder that there may be none of."""
    return None if folder is None else folder / name
