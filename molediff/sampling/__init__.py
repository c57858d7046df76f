"""Floor 4: from noise to molecules."""

from molediff.sampling.forbidden import without_bonds
from molediff.sampling.guidance import Energy, GuidanceConfig, guide, tempered
from molediff.sampling.joined import joined
from molediff.sampling.loop import Constrain, Resample, evaluations, sample, time_grid
from molediff.sampling.methods import METHODS, SECOND_LOOKS, Before, Denoise, Problem
from molediff.sampling.opened import opened
from molediff.sampling.precision import PRECISIONS
from molediff.sampling.settings import SamplingConfig
from molediff.sampling.sided import sided
from molediff.sampling.sizes import draw_hydrogens, draw_new, draw_sizes, parse_atoms
from molediff.sampling.steering import Reward, SteeringConfig, groups, looks, resampling
from molediff.sampling.valence import within_valence

__all__ = [
    "METHODS",
    "PRECISIONS",
    "SECOND_LOOKS",
    "Before",
    "Constrain",
    "Denoise",
    "Energy",
    "GuidanceConfig",
    "Problem",
    "Resample",
    "Reward",
    "SamplingConfig",
    "SteeringConfig",
    "draw_hydrogens",
    "draw_new",
    "draw_sizes",
    "evaluations",
    "groups",
    "guide",
    "joined",
    "looks",
    "opened",
    "parse_atoms",
    "resampling",
    "sample",
    "sided",
    "tempered",
    "time_grid",
    "within_valence",
    "without_bonds",
]
