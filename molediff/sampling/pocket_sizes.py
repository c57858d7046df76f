"""How many heavy atoms the ligand of a pocket has, given the room there: a table fitted on crystal structures.

The table holds histograms at some volumes (`molediff.docking.cavities.free_volume`); between two of them their mixture
holds, so that the mean grows without jumps. experiments/pocket_sizes/fit.py made it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

TABLE = "pocket_sizes.json"


@dataclass(frozen=True)
class PocketSizes:
    """Histograms of ligand sizes at some volumes."""

    volumes: tuple[float, ...]
    """Rising, cubic angstrom."""
    shares: tuple[dict[int, float], ...]
    """Heavy atoms -> share of the ligands, one histogram a volume."""

    def histogram(self, volume: float) -> dict[int, float]:
        """Heavy atoms -> share of the ligands of pockets with this much room.

        Args:
            volume: of `molediff.docking.cavities.free_volume`, cubic angstrom; beyond the ends the last one holds.
        """
        k = min(max(bisect_right(self.volumes, volume), 1), len(self.volumes) - 1)
        low, high = self.volumes[k - 1], self.volumes[k]
        share = min(max((volume - low) / (high - low), 0.0), 1.0)
        a, b = self.shares[k - 1], self.shares[k]
        mixed = {n: (1 - share) * a.get(n, 0.0) + share * b.get(n, 0.0) for n in sorted({*a, *b})}
        return {n: x for n, x in mixed.items() if x > 0}


@cache
def pocket_sizes() -> PocketSizes:
    """The table that comes along."""
    rows = json.loads(files("molediff.sampling").joinpath(TABLE).read_text())["rows"]
    return PocketSizes(
        tuple(float(row["volume"]) for row in rows),
        tuple({int(n): float(x) for n, x in row["shares"].items()} for row in rows),
    )
