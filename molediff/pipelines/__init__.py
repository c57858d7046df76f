"""Floor 6: a file or molecules in, molecules and a table out."""

from molediff.pipelines.conformers import Conformers, Ensemble
from molediff.pipelines.dock import Dock, Docking
from molediff.pipelines.dock_proposed import DockProposed
from molediff.pipelines.frame import Frame, cut_pocket
from molediff.pipelines.generate import Generate, Generation
from molediff.pipelines.in_pocket import InPocket, PocketGeneration
from molediff.pipelines.refine import Refine, Refinement
from molediff.pipelines.score import Score, Scoring

__all__ = [
    "Conformers",
    "Dock",
    "DockProposed",
    "Docking",
    "Ensemble",
    "Frame",
    "Generate",
    "Generation",
    "InPocket",
    "PocketGeneration",
    "Refine",
    "Refinement",
    "Score",
    "Scoring",
    "cut_pocket",
]
