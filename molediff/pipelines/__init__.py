"""Floor 6: a file or molecules in, molecules and a table out."""

from molediff.pipelines.conformers import Conformers, Ensemble
from molediff.pipelines.dock import Dock, Docking
from molediff.pipelines.generate import Generate, Generation
from molediff.pipelines.refine import Refine, Refinement
from molediff.pipelines.score import Score, Scoring

__all__ = [
    "Conformers",
    "Dock",
    "Docking",
    "Ensemble",
    "Generate",
    "Generation",
    "Refine",
    "Refinement",
    "Score",
    "Scoring",
]
