"""Poses relaxed in their pocket: raw and relaxed side by side, nothing dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rdkit import Chem

from molediff.docking.pool import run_all
from molediff.docking.receptor import Receptor
from molediff.docking.refine import USUAL, RefineConfig, RefineTask
from molediff.pipelines.library import Kept, opened_poses
from molediff.pipelines.lines import mark_of

FIGURES = (
    "vina_raw", "vina_relaxed", "internal_raw", "internal_relaxed", "pocket_raw", "pocket_relaxed", "moved",
)  # fmt: skip
"""Columns of the table, in kcal/mol; ``moved`` in angstrom. See `molediff.docking.refine.Refined`."""
SECONDS = 600.0
"""Of computing a pose may take."""


@dataclass(frozen=True)
class Refinement:
    """One row a pose asked for."""

    mols: list[Chem.Mol | None]
    """Relaxed, hydrogens explicit; None where it failed."""
    table: pd.DataFrame
    """pose, name, method, `FIGURES`, note, reason."""

    @property
    def counts(self) -> dict[str, int]:
        """Poses requested, relaxed, failed."""
        relaxed = sum(m is not None for m in self.mols)
        return {"requested": len(self.mols), "relaxed": relaxed, "failed": len(self.mols) - relaxed}

    def save(self, folder: Path | str) -> Path:
        """Write refined.sdf and table.csv."""
        from molediff.report.files import write_sdf, write_table

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        names = [str(n) for n in self.table["name"]]
        records = self.table.to_dict("records")
        properties = [
            {k: r[k] for k in ("pose", "name", "method", "vina_raw", "vina_relaxed", "moved")} for r in records
        ]
        write_sdf(self.mols, names, properties, folder / "refined.sdf")
        write_table(self.table, folder / "table.csv")
        return folder


class Refine:
    """Relaxation of poses.

    >>> out = Refine()(receptor, "poses.sdf")  # doctest: +SKIP
    """

    def __init__(self, method: str = USUAL, steps: int = 300, same_isomer: bool = True):
        """A pipeline.

        Args:
            method: one of `molediff.docking.refine.METHODS`.
            steps: at most.
            same_isomer: whether poses that relax to another stereoisomer are refused.

        Raises:
            UserError: for another method, or steps below 1.
        """
        self.config = RefineConfig(method, steps, same_isomer)

    def __call__(
        self,
        receptor: Receptor,
        poses: Path | str | Sequence[Chem.Mol | None],
        workers: int = 0,
        progress: Callable[[int, int], None] | None = None,
        parts: Path | None = None,
    ) -> Refinement:
        """Relax every pose. The result does not depend on the number of workers.

        Args:
            receptor: prepared protein; it does not move.
            poses: SD file, or RDKit molecules with one conformer each.
            workers: child processes; 0 for one a core.
            progress: (poses done, poses).
            parts: folder in which finished poses are kept, so that a run can be resumed.

        Raises:
            UserError: for a file that cannot be read or holds no poses.
        """
        rows = opened_poses(poses)
        path = None if parts is None else parts / "poses.jsonl"
        kept = Kept(rows, path, mark_of(receptor, None, self.config, rows), progress)

        def keep(number: int, result: dict | None, reason: str) -> None:
            failed = {"block": "", "raw": "", "note": "", "reason": reason, "figures": {}}
            kept.add(kept.left[number], failed if result is None else result)

        if kept.left:
            run_all(RefineTask(receptor, self.config), kept.left, workers, SECONDS, keep)
        found = [kept.results[row.row] for row in rows]
        table = pd.DataFrame(
            {"pose": row.row, "name": row.name, "method": self.config.method}
            | {f: result["figures"].get(f) for f in FIGURES}
            | {"note": result["note"], "reason": result["reason"]}
            for row, result in zip(rows, found, strict=True)
        )
        table[list(FIGURES)] = table[list(FIGURES)].astype(float).round(4)
        return Refinement(
            [Chem.MolFromMolBlock(r["block"], removeHs=False) if r["block"] else None for r in found], table
        )
