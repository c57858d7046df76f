"""Figures of poses in a pocket."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
from rdkit import Chem

from molediff.config import UserError, choose, from_dict
from molediff.docking.engines import scorer, usual_engine
from molediff.docking.ligand_bonds import as_molecule
from molediff.docking.ligands import Row, rows_of
from molediff.docking.pool import default_workers, run_all
from molediff.docking.receptor import Receptor
from molediff.docking.receptor_files import pdb_text
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.tasks import ScoreTask
from molediff.pipelines.library import opened_poses

CHUNK = 25
"""Poses a worker takes at once: computing the maps costs more than scoring so many."""
NOTHING = {
    "score": None,
    "minimised": None,
    "note": "",
    "block": "",
    "minimised_block": "",
    "docked": None,
    "read": True,
}


@dataclass(frozen=True)
class Scoring:
    """Figures of every pose asked for."""

    table: pd.DataFrame
    """One row a pose: `molediff.evaluation.poses.pose_figures`, with vina_score, vina_minimised (and vina_docked)."""
    minimised: list[Chem.Mol | None]
    """Poses after Vina's local optimisation; None where there is none."""
    interactions: pd.DataFrame | None = None
    """One row an interaction, of full figures."""
    counts: dict[str, int] = field(default_factory=dict)
    """requested, read, prepared, scored, pb_valid, failed."""

    def save(self, folder: Path | str) -> Path:
        """Write table.csv, minimised.sdf and interactions.csv; see `molediff.report.docking`."""
        from molediff.report.docking import write_scoring

        return write_scoring(self, Path(folder))


class Score:
    """Figures of poses, fast or full.

    >>> out = Score("fast")(receptor, site, "poses.sdf", reference)  # doctest: +SKIP
    """

    def __init__(self, figures: str = "fast", engine: str = "", **settings):
        """A pipeline.

        Args:
            figures: of `molediff.evaluation.poses.FIGURES`: 'fast', or 'full', which also docks each pose's molecule
                anew and judges strain and interactions.
            engine: whose Vina scores, of `molediff.docking.engines.ENGINES`; '' for vina where it is installed, else
                torch.
            settings: fields of `molediff.docking.settings.DockConfig`.

        Raises:
            UserError: for other figures; for an engine that does not exist or is not installed.
        """
        from molediff.evaluation.poses import FIGURES

        self.asked = choose("--figures", figures, FIGURES)
        self.figures, self.config = figures, from_dict(DockConfig, settings, "score")
        self.engine = engine or usual_engine()
        scorer(self.engine)

    def __call__(
        self,
        receptor: Receptor,
        site: Site,
        poses: Path | str | Sequence[Chem.Mol | None],
        reference: Chem.Mol | None = None,
        workers: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Scoring:
        """Judge every pose where it is. Hydrogens that are missing are added and the note says so.

        Args:
            receptor: prepared protein.
            site: box; a pose outside it is a row with its reason.
            poses: SD file, or RDKit molecules with one conformer each.
            reference: pose to compare with.
            workers: child processes; 0 for one a core.
            progress: (poses done, poses) of Vina's part.

        Raises:
            UserError: for a file that cannot be read or holds no SD records, a box off the protein.
        """
        return self._judged(receptor, site, [opened_poses(poses)], reference, workers, progress)[0]

    def sets(
        self,
        receptor: Receptor,
        site: Site,
        sets: Sequence[Sequence[Chem.Mol | None]],
        reference: Chem.Mol | None = None,
        workers: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Scoring]:
        """Judge several sets of poses in one go: libraries are loaded and maps computed once for all.

        Arguments, results and errors as of `__call__`; ``progress`` counts the poses of all sets.
        """
        return self._judged(receptor, site, [rows_of(list(poses)) for poses in sets], reference, workers, progress)

    def _judged(self, receptor, site, sets: list[list[Row]], reference, workers: int, progress) -> list[Scoring]:
        """One result a set."""
        from molediff.evaluation.errors import InputError
        from molediff.evaluation.poses import interaction_table, pose_figures, with_vina

        rows = [replace(row, row=k) for k, row in enumerate(row for one in sets for row in one)]
        found = self._vina(receptor, site, rows, workers, progress)
        mols = [Chem.MolFromMolBlock(f["block"], removeHs=False) if f["block"] else None for f in found]
        names = [row.name for row in rows]
        with tempfile.TemporaryDirectory() as folder:
            protein = Path(folder) / "protein.pdb"
            protein.write_text(pdb_text(receptor))
            try:
                table = pose_figures(
                    mols, protein, as_molecule(reference), self.figures, names, workers=workers or default_workers()
                )
            except InputError as error:
                raise UserError(str(error)) from error
        table = with_vina(table, [f["score"] for f in found], [f["minimised"] for f in found])
        if self.asked.docked:
            table["vina_docked"] = pd.to_numeric(pd.Series([f["docked"] for f in found]), errors="coerce")
        ours, theirs = [f["reason"] for f in found], list(table["reason"])
        table["reason"] = [
            a if not b or m is None else "; ".join(filter(None, (a, b)))
            for a, b, m in zip(ours, theirs, mols, strict=True)
        ]
        table["note"] = [f["note"] for f in found]
        moved = [
            Chem.MolFromMolBlock(f["minimised_block"], removeHs=False) if f["minimised_block"] else None for f in found
        ]
        out, start = [], 0
        for one in sets:
            part = slice(start, start := start + len(one))
            own = table.iloc[part].reset_index(drop=True).assign(pose=range(len(one)))
            long = interaction_table(own) if self.asked.interactions else None
            out.append(Scoring(own, moved[part], long, self._counts(own, found[part], mols[part])))
        return out

    def _vina(self, receptor, site, rows, workers: int, progress) -> list[dict]:
        """Vina's part, in children."""
        chunks = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
        task = ScoreTask(receptor, site, self.engine, self.config, self.asked.docked)
        results: dict[int, dict] = {}

        def keep(number: int, result: list[dict] | None, reason: str) -> None:
            chunk = chunks[number]
            for row, one in zip(chunk, result or [NOTHING | {"reason": reason}] * len(chunk), strict=True):
                results[row.row] = one
            if progress is not None:
                progress(len(results), len(rows))

        limit = self.config.seconds * (CHUNK if self.asked.docked else 1)  # the limit is of a search
        run_all(task, chunks, workers, limit, keep)
        lost = [row for row in rows if results[row.row] == NOTHING | {"reason": results[row.row]["reason"]}]
        if lost:  # a chunk died: each of its poses alone, so that one pose costs only itself

            def alone(number: int, result: list[dict] | None, reason: str) -> None:
                results[lost[number].row] = result[0] if result else NOTHING | {"reason": reason}

            run_all(task, [[row] for row in lost], workers, self.config.seconds, alone)
        return [results[row.row] for row in rows]

    def _counts(self, table: pd.DataFrame, found: list[dict], mols: list) -> dict[str, int]:
        scored = sum(f["score"] is not None for f in found)
        return {
            "requested": len(found),
            "read": sum(f["read"] for f in found),
            "prepared": sum(m is not None for m in mols),
            "scored": scored,
            "pb_valid": int(table["pb_valid"].sum()),
            "failed": len(found) - scored,
        }
