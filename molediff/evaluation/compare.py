"""Several sets side by side: one table, one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError
from .evaluation import evaluate
from .markdown import summary_markdown
from .report import Report, to_json, write_text


@dataclass(frozen=True)
class Comparison:
    """Reports in the order given."""

    reports: tuple[Report, ...]

    def markdown(self) -> str:
        """One table, one column a set."""
        return summary_markdown([report.summary for report in self.reports])

    def save(self, folder: str | Path, plots: bool = True) -> list[Path]:
        """summary.md, summary.json and plots.png of all; molecules.csv holds all rows, column `set` says whose."""
        import pandas as pd

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / name for name in ("molecules.csv", "summary.json", "summary.md")]
        tables = [report.table.assign(set=report.summary["name"]) for report in self.reports]
        write_text(written[0], pd.concat(tables, ignore_index=True).to_csv(index=False))
        write_text(written[1], to_json({report.summary["name"]: report.summary for report in self.reports}))
        write_text(written[2], self.markdown())
        if plots:
            from .plots import draw

            written.append(folder / "plots.png")
            sets = {report.summary["name"]: report.statistics for report in self.reports}
            draw(sets, self.reports[0].reference, written[-1])
        return written


def compare(files: Sequence, names: Sequence[str] | None = None, **settings) -> Comparison:
    """Evaluate several sets with the same settings (those of `evaluate`).

    Args:
        files: files or lists of molecules.
        names: one a set, all different; file names without their ending by default, folders where those are alike.
        **settings: as `evaluate` takes them.
    """
    paths = [Path(one) if isinstance(one, (str, Path)) else Path(f"set{i + 1}") for i, one in enumerate(files)]
    stems = [path.stem for path in paths]
    # Every output of `molediff generate` is called molecules.sdf.
    default = stems if len(set(stems)) == len(stems) else [path.resolve().parent.name for path in paths]
    names = list(names) if names else default
    if len(names) != len(files) or len(set(names)) != len(names):
        raise InputError(
            f"{len(files)} sets and the names {', '.join(names)}. Give one different name a set: --names "
            + ",".join(f"name{i + 1}" for i in range(len(files)))
        )
    return Comparison(tuple(evaluate(one, name=name, **settings) for one, name in zip(files, names, strict=True)))
