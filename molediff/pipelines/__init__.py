"""Floor 6: a file or molecules in, molecules and a table out."""

from molediff.pipelines.conformers import Conformers, Ensemble
from molediff.pipelines.generate import Generate, Generation

__all__ = ["Conformers", "Ensemble", "Generate", "Generation"]
