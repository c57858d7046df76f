"""Where poses of a known molecule come from before they are relaxed and ranked. One a file."""

from molediff.pipelines.proposals.diffusion import DiffusionPoses
from molediff.pipelines.proposals.random import RandomPoses

PROPOSERS = {
    "diffusion": "poses by a model that reads the pocket (--model), relaxed and ranked",
    "random": "the control of diffusion: conformers placed at random in the pocket, relaxed and ranked",
}
"""Name -> what it is; engines of `molediff dock` beside those of `molediff.docking.engines`."""

__all__ = ["PROPOSERS", "DiffusionPoses", "RandomPoses"]
