"""Floor 3: networks that estimate the clean molecule. One a file, listed in `DENOISERS`."""

from __future__ import annotations

from molediff.denoisers.attention import Attention, AttentionConfig

DENOISERS = {"attention": (Attention, AttentionConfig)}
"""Every network by name, with its settings. The tests of symmetry run on each."""

__all__ = ["DENOISERS", "Attention", "AttentionConfig"]
