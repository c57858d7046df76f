"""The curves of a run as CSV files in which every step stands once, however often the run was cut off."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from molediff.whole_files import write_whole

LOSS = ("step", "molecules", "loss", "pos", "atom", "charge", "bond", "norm", "rate", "skipped", "seconds")
"""Columns of loss.csv: means over the steps since the line before; molecules seen; norm of the gradient before
clipping; learning rate; steps skipped for want of a finite loss; seconds trained, over all sittings."""
QUALITY = ("step", "molecules", "requested", "strictly_valid", "connected", "unique", "molecule_stability", "seconds")
"""Columns of quality.csv: shares in percent of the molecules requested; seconds taken by sampling. Of a model whose
hydrogens are implied ``strictly_valid`` is strict-heavy, and stability has no meaning."""


def read_curve(path: Path) -> list[dict[str, float]]:
    """The lines of a curve as numbers; empty cells are left out, a line cut off in the middle too."""
    if not path.is_file():
        return []
    lines = path.read_text().splitlines(keepends=True)
    # Without its line feed the last line was cut off while it was written.
    whole = [line for line in lines if line.endswith("\n")]
    return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(whole)]


def write_line(path: Path, columns: tuple[str, ...], values: Mapping[str, float]) -> None:
    """Append a line, and the header to a new file."""
    new = not path.is_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    if new:
        writer.writeheader()
    # Seven digits are what float32 holds.
    writer.writerow({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in values.items()})
    with open(path, "a") as f:
        f.write(text.getvalue())


def cut(path: Path, step: int) -> None:
    """Take the lines after a step out: they will be written again."""
    if not path.is_file():
        return
    lines = path.read_text().splitlines(keepends=True)
    if not lines or not lines[0].endswith("\n"):
        path.unlink()
        return
    kept = [line for line in lines[1:] if line.endswith("\n") and int(line.split(",", 1)[0]) <= step]
    write_whole(path, "".join(lines[:1] + kept))


class Curves(Logger):
    """Lightning's logger of loss.csv (metrics ``train/...``) and quality.csv (``quality/...``)."""

    def __init__(self, folder: Path, step: int):
        """Open the curves of a run.

        Args:
            folder: they lie in.
            step: of the checkpoint the run goes on from; later lines are cut.
        """
        super().__init__()
        self.folder = folder
        self.files = {"train": (folder / "loss.csv", LOSS), "quality": (folder / "quality.csv", QUALITY)}
        if rank_zero_only.rank == 0:
            for path, _ in self.files.values():
                cut(path, step)

    @property
    def name(self) -> str:
        return "curves"

    @property
    def version(self) -> str:
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> None:
        return None

    @rank_zero_only
    def log_hyperparams(self, params, *args, **kwargs) -> None:
        return None

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for prefix, (path, columns) in self.files.items():
            values = {k.removeprefix(f"{prefix}/"): v for k, v in metrics.items() if k.startswith(f"{prefix}/")}
            if values:
                write_line(path, columns, {"step": step, **values})
