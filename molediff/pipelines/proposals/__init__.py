"""Where poses of a known molecule come from before they are relaxed and ranked. One a file."""

from molediff.pipelines.proposals.diffusion import DiffusionPoses
from molediff.pipelines.proposals.random import RandomPoses

__all__ = ["DiffusionPoses", "RandomPoses"]
