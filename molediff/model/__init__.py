"""Floor 5: the trained bundle, and models on disk."""

from molediff.model.files import bundled, describe, load, save
from molediff.model.model import Model, SizePrior, Source
from molediff.model.settings import ModelConfig

__all__ = ["Model", "ModelConfig", "SizePrior", "Source", "bundled", "describe", "load", "save"]
