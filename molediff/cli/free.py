"""What generate does where there is no pocket."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

MODEL = "qm9"
"""Model by default."""


@dataclass(frozen=True)
class Free:
    """No pocket: what `molediff.cli.in_pocket.Place` answers where there is one."""

    receptor: None = None
    """There is none."""
    frame: None = None
    """Nothing that a model would read."""

    @property
    def about(self) -> dict:
        """Nothing more for run.json."""
        return {}

    def decisive(self, args: argparse.Namespace) -> dict:
        """Nothing beside the other arguments decides the result."""
        return {}

    def denoiser(self, args: argparse.Namespace, model) -> None:
        """The model alone."""

    def finish(self, result, args: argparse.Namespace, parts: Path):
        """Write the molecules; the same `molediff.pipelines.Generation`."""
        result.save(args.out)
        return result

    def report(self, made) -> None:
        """There are no poses to speak of."""
