"""Floor 3: networks that estimate the clean molecule. One a file, listed in `DENOISERS`."""

from __future__ import annotations

from molediff.denoisers.attention import Attention, AttentionConfig
from molediff.denoisers.egnn import EGNN, EGNNConfig

DENOISERS = {"attention": (Attention, AttentionConfig), "egnn": (EGNN, EGNNConfig)}
"""Every network by name, with its settings. The tests of symmetry run on each."""

__all__ = ["DENOISERS", "EGNN", "Attention", "AttentionConfig", "EGNNConfig"]
