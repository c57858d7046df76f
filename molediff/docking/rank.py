"""One rule that puts the poses of a ligand in order.

    value = Vina score + strain_weight max(0, min(strain, strain_most) - strain_free)
            + invalid (if PoseBusters objects) - cluster_weight ln(cluster size)
            + denoising_weight (denoising error, less the least of the ligand's)

in kcal/mol, lowest first. Vina's score leaves out what the ligand pays for its shape, passes poses that PoseBusters
rejects, and knows nothing of how wide a minimum is; the size of a pose's cluster stands for the last. The denoising
error is what a diffusion model thinks of the pose (`molediff.pipelines.denoising`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from rdkit import Chem

from molediff.config import UserError
from molediff.docking import apart
from molediff.docking.settings import DockConfig

COLUMNS = ("row", "pose", "score")
"""A table must have these; ``strain``, ``pb_valid``, ``cluster``, ``denoising_error`` count where they are there."""


@dataclass(frozen=True)
class RankRule:
    """Weights of the rule; experiments/docking_astex says what they do."""

    strain_weight: float = 0.05
    """Of each kcal/mol of strain beyond ``strain_free``."""
    strain_free: float = 10.0
    """Strain that costs nothing, kcal/mol: bound ligands have some."""
    strain_most: float = 60.0
    """Strain beyond this costs no more, kcal/mol: force fields exaggerate clashes."""
    invalid: float = 3.0
    """Cost of a pose PoseBusters objects to, kcal/mol."""
    cluster_weight: float = 0.3
    """Of the logarithm of the cluster size."""
    denoising_weight: float = 0.0
    """Of the denoising error, kcal/mol a unit."""

    def __post_init__(self):
        negative = [name for name, value in vars(self).items() if not value >= 0]
        if negative:
            raise UserError(f"Weights of the ranking must not be negative; {', '.join(negative)} is.")


RANKS = {
    "vina": RankRule(strain_weight=0.0, invalid=0.0, cluster_weight=0.0),
    "rule": RankRule(),
    "model": RankRule(strain_weight=0.0, invalid=0.0, cluster_weight=0.0, denoising_weight=1.0),
}
"""Name of an order -> its weights: the engine's score alone, the rule, or the score and a diffusion model's error."""
WHOLE = ("rule",)
"""Orders that look at strain, PoseBusters and cluster size of every pose."""
DENOISED = ("model",)
"""Orders that ask a diffusion model about every pose."""


COMPARED = 9
"""Poses that an order which is not the engine's chooses among, at least."""


def searched(config: DockConfig, order: str) -> DockConfig:
    """What an engine is asked for where poses come in an order of `RANKS`: enough poses to choose among."""
    return config if order == "vina" else replace(config, poses=max(config.poses, COMPARED))


def values(table: pd.DataFrame, rule: RankRule | None = None) -> pd.Series:
    """What the rule gives each pose, kcal/mol.

    Args:
        table: one row a pose: ``row`` (ligand), ``pose`` (from 1), ``score``; if there: ``strain`` (kcal/mol),
            ``pb_valid`` (True, False), ``cluster`` (poses in its cluster, from 1), ``denoising_error``. A value that is
            missing (NaN, None) costs nothing; a missing score puts the pose last.
        rule: weights.

    Raises:
        UserError: for a table without one of `COLUMNS`, or a cluster size below 1.
    """
    rule = rule or RankRule()
    missing = [c for c in COLUMNS if c not in table]
    if missing:
        raise UserError(
            f"To rank poses the table needs the columns {', '.join(COLUMNS)}; {', '.join(missing)} missing."
        )
    value = pd.to_numeric(table["score"], errors="coerce").fillna(np.inf).astype(float)
    if "strain" in table:
        strain = pd.to_numeric(table["strain"], errors="coerce").clip(upper=rule.strain_most)
        value = value + rule.strain_weight * (strain - rule.strain_free).clip(lower=0).fillna(0)
    if "pb_valid" in table:
        value = value + rule.invalid * table["pb_valid"].map(lambda v: v is not None and not pd.isna(v) and not bool(v))
    if "cluster" in table:
        size = pd.to_numeric(table["cluster"], errors="coerce").fillna(1)
        if (size < 1).any():
            raise UserError(f"A cluster holds at least its own pose; got a size of {size.min():g}.")
        value = value - rule.cluster_weight * np.log(size)
    if "denoising_error" in table:
        error = pd.to_numeric(table["denoising_error"], errors="coerce").astype(float)
        # Errors of different molecules cannot be compared: each ligand's best pose pays nothing.
        least = error.groupby(table["row"].to_numpy()).transform("min")
        value = value + (rule.denoising_weight * (error - least)).fillna(0)
    return value


def rank(table: pd.DataFrame, rule: RankRule | None = None) -> pd.DataFrame:
    """The table with ``value`` and ``rank`` (1 is best, within each ligand), ordered by ligand and rank.

    Poses of equal value keep Vina's order. Nothing is dropped. Arguments and errors: see `values`.
    """
    ranked = table.assign(value=values(table, rule))
    ranked = ranked.sort_values(["row", "value", "pose"], kind="stable").reset_index(drop=True)
    ranked["rank"] = ranked.groupby("row").cumcount() + 1
    return ranked


def pose_table(row: int, scores: list[float], figures: list[dict]) -> pd.DataFrame:
    """The poses of one ligand as `rank` wants them.

    Args:
        row: of the ligand.
        scores: of its poses, the engine's best first, kcal/mol.
        figures: of `molediff.docking.tasks.DockTask`, one a pose; {} where nothing was computed.
    """
    columns = ("pb_valid", "pb_failed", "strain", "cluster", "denoising_error")
    lines = [
        {"row": row, "pose": k + 1, "score": score} | {key: found.get(key) for key in columns}
        for k, (score, found) in enumerate(zip(scores, figures, strict=True))
    ]
    return pd.DataFrame(lines, columns=["row", "pose", "score", *columns])


def cluster_sizes(poses: Chem.Mol, radius: float = apart.CLUSTER) -> list[int]:
    """For every conformer, how many conformers (itself included) lie within ``radius`` of it.

    Args:
        poses: conformers in one frame; they are not superposed.
        radius: RMSD of heavy atoms, angstrom, symmetry not considered.
    """
    heavy = [a.GetIdx() for a in poses.GetAtoms() if a.GetAtomicNum() > 1]
    pos = np.array([c.GetPositions()[heavy] for c in poses.GetConformers()]).reshape(poses.GetNumConformers(), -1, 3)
    return apart.cluster_sizes(pos, range(len(pos)), radius)
