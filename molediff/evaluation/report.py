"""What an evaluation found: a table, a summary, statistics; and the four files it becomes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .markdown import summary_markdown


@dataclass(frozen=True)
class Report:
    """The result of `evaluate`.

    Attributes:
        table: one row a molecule asked for, in order. `problem` is '' or why it could not be read; columns of a
            protocol start with its name and an underscore, `<protocol>_reason` says why it failed.
        summary: figures by protocol (`summary['protocols'][name]['figures'][key]` holds value, n, low, high, spread,
            unit, definition), counts of each reason, flags, distances, diversity, audit. Plain JSON types.
        statistics: histograms of the set, see `statistics.statistics`.
        reference: the statistics it was compared with, or None.
    """

    table: pd.DataFrame
    summary: dict
    statistics: dict
    reference: dict | None = None

    def value(self, protocol: str, figure: str) -> float:
        """One figure, for example `report.value('strict', 'strict_validity')`."""
        return self.summary["protocols"][protocol]["figures"][figure]["value"]

    def markdown(self) -> str:
        """The summary as it would stand in a paper."""
        return summary_markdown([self.summary])

    def save(self, folder: str | Path, plots: bool = True) -> list[Path]:
        """Write molecules.csv, summary.json, summary.md and plots.png into a folder; each appears whole or not."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        written = [folder / "molecules.csv", folder / "summary.json", folder / "summary.md"]
        write_text(written[0], self.table.to_csv(index=False))
        write_text(written[1], to_json(self.summary))
        write_text(written[2], self.markdown())
        if plots:
            from .plots import draw

            written.append(folder / "plots.png")
            draw({self.summary["name"]: self.statistics}, self.reference, written[-1])
        return written


def to_json(value: Mapping) -> str:
    """JSON with NaN as null and numpy numbers as plain ones."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, so that nobody reads half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _plain(value):
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
