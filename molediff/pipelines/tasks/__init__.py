"""What the molecules of a run begin from: nothing, fragments, positions, a lead, or a graph. One a file."""

from molediff.pipelines.tasks.grow import Grow
from molediff.pipelines.tasks.optimise import Optimise
from molediff.pipelines.tasks.pose import Pose
from molediff.pipelines.tasks.retype import Retype
from molediff.pipelines.tasks.task import Task

__all__ = ["Grow", "Optimise", "Pose", "Retype", "Task"]
