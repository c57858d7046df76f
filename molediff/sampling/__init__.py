"""Floor 4: from noise to molecules."""

from molediff.sampling.guidance import tempered
from molediff.sampling.loop import sample, time_grid
from molediff.sampling.methods import METHODS, TWICE, Before, Denoise, Problem, evaluations
from molediff.sampling.precision import PRECISIONS
from molediff.sampling.settings import SamplingConfig
from molediff.sampling.sizes import draw_hydrogens, draw_new, draw_sizes, parse_atoms

__all__ = [
    "METHODS",
    "PRECISIONS",
    "TWICE",
    "Before",
    "Denoise",
    "Problem",
    "SamplingConfig",
    "draw_hydrogens",
    "draw_new",
    "draw_sizes",
    "evaluations",
    "parse_atoms",
    "sample",
    "tempered",
    "time_grid",
]
