"""Floor 5: the trained bundle."""

from molediff.model.model import Model, SizePrior
from molediff.model.settings import ModelConfig

__all__ = ["Model", "ModelConfig", "SizePrior"]
