"""Poses by diffusion: the graph is known, the model makes coordinates in the pocket."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from rdkit import Chem

from molediff.model import Model
from molediff.pipelines.batching import DEFAULT_BATCH, plan, run_batch
from molediff.pipelines.frame import Frame
from molediff.pipelines.tasks.pose import Pose
from molediff.sampling import Denoise, SamplingConfig, time_grid

MOST = 1_000_000
"""Poses a ligand at most, so that no two of a run share their noise."""


@dataclass(frozen=True)
class DiffusionPoses:
    """(molecule, row, n, seed) -> poses."""

    model: Model
    """That reads pockets."""
    frame: Frame
    """The pocket, encoded by the model."""
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    """How noise becomes poses."""
    batch: int = DEFAULT_BATCH
    """Poses at once."""
    denoise: Denoise | None = None
    """The model's denoiser under guidance; its own when None."""

    def __post_init__(self):
        time_grid(self.model.process, self.sampling)  # says now what cannot be

    @property
    def mark(self) -> tuple:
        """What decides the poses beside the pocket; guidance is not looked into."""
        return self.model.source.checksum, self.frame.origin.round(3), self.frame.atoms, self.sampling

    def __call__(self, mol: Chem.Mol, row: int, n: int, seed: int) -> np.ndarray:
        """Poses of a molecule; the noise of pose k depends on (seed, row, k) alone.

        Args:
            mol: heavy atoms, sanitised, stereochemistry assigned.
            row: place in the library.
            n: poses.
            seed: of the run.

        Returns:
            (n, atoms, 3) in the frame of the receptor, angstrom.

        Raises:
            UserError: for what the model does not know.
        """
        task = Pose(mol, self.model, self.frame)
        config = task.settings(self.sampling, self.model)
        sizes = task.sizes(self.model, n, seed)
        device = next(self.model.parameters()).device
        denoise = task.guided(self.denoise or self.model)
        out = np.empty((n, sizes[0], 3))
        for members in plan(sizes, self.batch):
            given = task.given([sizes[i] for i in members], members).to(device)
            numbers = [row * MOST + i for i in members]
            made = run_batch(self.model, given, task.condition, seed, numbers, config, denoise)
            out[members] = made.pos.double().cpu().numpy() + self.frame.origin
        return out
