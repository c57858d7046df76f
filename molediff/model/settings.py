"""What a model is made of, as plain values that travel with its weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from molediff.config import UserError, choose, from_dict
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
        UserError: for an unknown network or setting, and walks where hydrogens are atoms.
    """
    network, settings = choose("denoiser", config.denoiser, DENOISERS)
    made = from_dict(settings, config.network, "network")
    if config.explicit_hydrogens and getattr(made, "walks", 0):
        raise UserError(
            f"network.walks is {made.walks}, but explicit_hydrogens is true: walks are counted on bonds between heavy "
            "atoms. Set walks: 0, or explicit_hydrogens: false."
        )
    return network, made
