"""What a model is made of, as plain values that travel with its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from molediff.config import choose, from_dict
from molediff.denoisers import DENOISERS
from molediff.elements import Vocabulary
from molediff.noise import ProcessConfig


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to build a model before its weights are loaded."""

    denoiser: str = "attention"
    """Name of the network, see `molediff.denoisers.DENOISERS`."""
    network: dict[str, Any] = field(default_factory=dict)
    """Settings of the network that differ from its defaults."""
    process: ProcessConfig = field(default_factory=ProcessConfig)
    """Noise and loss."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    """Elements and formal charges."""
    explicit_hydrogens: bool = True
    """Whether hydrogens are atoms, or implied."""

    @property
    def hydrogen(self) -> int | None:
        """Class of hydrogen atoms; None where hydrogens are implied."""
        return (
            self.vocabulary.elements.index("H") if self.explicit_hydrogens and "H" in self.vocabulary.elements else None
        )


def network_settings(config: ModelConfig):
    """The network's class and its settings dataclass.

    Raises:
        UserError: for an unknown network or setting.
    """
    network, settings = choose("denoiser", config.denoiser, DENOISERS)
    return network, from_dict(settings, config.network, "network")
