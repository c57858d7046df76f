"""Floor 3: networks that estimate the clean molecule. One a file, listed in `DENOISERS`."""

from __future__ import annotations

from molediff.denoisers.attention import Attention, AttentionConfig
from molediff.denoisers.egnn import EGNN, EGNNConfig
from molediff.denoisers.tensor_product import TensorProduct, TensorProductConfig

DENOISERS = {
    "attention": (Attention, AttentionConfig),
    "egnn": (EGNN, EGNNConfig),
    "tensor_product": (TensorProduct, TensorProductConfig),
}
"""Every network by name, with its settings. The tests of symmetry run on each."""

__all__ = [
    "DENOISERS",
    "EGNN",
    "Attention",
    "AttentionConfig",
    "EGNNConfig",
    "TensorProduct",
    "TensorProductConfig",
]
