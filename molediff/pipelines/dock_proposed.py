"""A library into a pocket by poses that a model proposes; relaxed, ranked and written as those of any engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rdkit import Chem

from molediff.config import UserError, choose, from_dict
from molediff.docking.engines import engine
from molediff.docking.ligands import Row, prepare, read_library, rows_of
from molediff.docking.pool import default_workers, run_all
from molediff.docking.proposed import ProposedTask, heavy_ligand
from molediff.docking.rank import RANKS, WHOLE, searched
from molediff.docking.receptor import Receptor
from molediff.docking.refine import RefineConfig
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.model import Model
from molediff.pipelines.denoising import Review, asks_model
from molediff.pipelines.dock import FAILED, Docking, Progress, as_it_is, collect
from molediff.pipelines.lines import Lines

Proposer = Callable[[Chem.Mol, int, int, int], np.ndarray]
"""(heavy atoms of a ligand, its row, poses, seed) -> (poses, atoms, 3); see `molediff.pipelines.proposals`."""
CHUNK = 32
"""Ligands whose poses are proposed before they are relaxed."""
NO = "none"
"""Word for poses that are not relaxed."""


@dataclass(frozen=True)
class ProposedConfig:
    """What is done with proposed poses."""

    samples: int = 40
    """Poses proposed a ligand, before the best are kept."""
    relax: str = "vina"
    """How they are relaxed: one of `molediff.docking.refine.METHODS`, or none."""

    def __post_init__(self):
        if self.samples < 1:
            raise UserError(f"--samples must be at least 1, got {self.samples}. Type for example --samples 40")
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
        rank: str = "vina",
        samples: int = 40,
        relax: str = "vina",
        model: Model | None = None,
        search: str = "",
        **more,
    ):
        """A pipeline.

        Args:
            propose: where poses come from.
            name: of it, for the record.
            rank: order of a ligand's poses, one of `molediff.docking.rank.RANKS`.
            samples, relax: see `ProposedConfig`.
            model: that reads pockets, for rank 'model'.
            search: engine of `molediff.docking.engines.ENGINES` whose poses compete with the proposed ones; none where
                it is empty.
            more: fields of `molediff.docking.settings.DockConfig`.

        Raises:
            UserError: for settings that do not exist or cannot be.
        """
        choose("rank", rank, RANKS)
        self.propose, self.name, self.rank = propose, name, rank
        if search:
            engine(search)
        self.model, self.search = model if asks_model(rank, model) else None, search
        self.proposed, self.config = ProposedConfig(samples, relax), from_dict(DockConfig, more, "dock")

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
        rows = read_library(library) if isinstance(library, (str, Path)) else rows_of(list(library))
        kept = Lines(None if parts is None else parts / "ligands.jsonl")
        proposals = Lines(None if parts is None else parts / "proposals.jsonl")
        left = [row for row in rows if row.row not in kept.known]
        asks = self.model is not None
        review = Review.of(self.model, self.rank, receptor, site, check) if asks and left else as_it_is
        check = check and not asks  # the review looks at the pose that comes first
        relax = None if self.proposed.relax == NO else RefineConfig(self.proposed.relax)
        config = searched(self.config, self.rank)
        task = ProposedTask(receptor, site, self.name, config, protonate, check, self.rank in WHOLE, relax,
                            self.search)  # fmt: skip
        for k in range(0, len(left), CHUNK):
            chunk = left[k : k + CHUNK]
            for row in chunk:
                if row.row not in proposals.known:
                    proposals.add(row.row, self._proposals(row, protonate))
            jobs = [(row, proposals.known[row.row]["poses"]) for row in chunk]

            def keep(number: int, result: dict | None, reason: str, chunk=chunk) -> None:
                row = chunk[number].row
                proposed = any(not isinstance(one, str) for one in proposals.known[row]["poses"])
                result = FAILED | {"reason": reason, "prepared": proposed} if result is None else result
                result["seconds"] = round(result.get("seconds", 0.0) + proposals.known[row]["seconds"], 3)
                kept.add(row, review(result))
                if progress is not None:
                    progress(len(kept.known), len(rows))

            run_all(task, jobs, min(workers or default_workers(), len(jobs)), self.config.seconds, keep)
        about = {"engine": self.name, **asdict(self.config), **asdict(self.proposed), "protonate": protonate}
        about |= {"search": self.search} if self.search else {}
        return collect(rows, kept.known, about | {"site": site.how, "rank": self.rank})

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
