"""Floor 3: schedules, noise on positions and on categories, and the joint process."""

from molediff.noise.draws import Draws, MoleculeNoise, batch_draws, molecule_generator
from molediff.noise.process import Process, ProcessConfig, Times
from molediff.noise.schedules import SCHEDULES, Cosine, Exploding, NoiseSchedule, Straight

__all__ = [
    "SCHEDULES",
    "Cosine",
    "Draws",
    "Exploding",
    "MoleculeNoise",
    "NoiseSchedule",
    "Process",
    "ProcessConfig",
    "Straight",
    "Times",
    "batch_draws",
    "molecule_generator",
]
