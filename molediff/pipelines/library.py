"""A run over a library: its rows, those that an earlier run has finished, and those that are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rdkit import Chem

from molediff.config import UserError
from molediff.docking.ligands import Row, read_library, rows_of
from molediff.pipelines.lines import Lines

Progress = Callable[[int, int], None]
"""(rows done, rows asked for)."""
POSES = (".sdf", ".mol")
"""Files that hold coordinates."""


def opened(library: Path | str | Sequence[Chem.Mol | str | None]) -> list[Row]:
    """Rows of a file (.smi, .sdf, .csv), or of SMILES and RDKit molecules.

    Raises:
        UserError: for a file that cannot be read.
    """
    return read_library(library) if isinstance(library, (str, Path)) else rows_of(list(library))


def opened_poses(poses: Path | str | Sequence[Chem.Mol | None]) -> list[Row]:
    """Rows of an SD file, or of RDKit molecules with one conformer each.

    Raises:
        UserError: for a file that cannot be read or holds no coordinates.
    """
    if isinstance(poses, (str, Path)) and Path(poses).suffix.lower() not in POSES:
        raise UserError(f"'{poses}' holds no poses. Give an SD file with 3D coordinates: --molecules poses.sdf")
    return opened(poses)


class Kept:
    """The results of a run, row by row, kept in a file so that it can be resumed."""

    def __init__(self, rows: Sequence[Row], path: Path | None, mark: str, progress: Progress | None = None):
        """Open what is there; a run that goes on says so at once.

        Args:
            rows: asked for.
            path: of `Lines`; None keeps nothing on disk.
            mark: of all that decides the results, see `molediff.pipelines.lines.mark_of`.
            progress: told how many rows are done, now if any are, and after every row.
        """
        self.rows, self.lines, self.progress = rows, Lines(path, mark), progress
        self.left = [row for row in rows if row.row not in self.lines.known]
        """Rows without a result when the run began."""
        if len(self.left) < len(rows):
            self._tell()

    def add(self, row: Row, result: dict) -> None:
        """Keep the result of a row."""
        self.lines.add(row.row, result)
        self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(len(self.lines.known), len(self.rows))

    @property
    def results(self) -> dict[int, dict]:
        """By row."""
        return self.lines.known
