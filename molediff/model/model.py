"""A denoiser with everything it was trained with."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from molediff.model.settings import ModelConfig, network_settings
from molediff.noise import Draws, Process, Times
from molediff.structures import Condition, Estimate, Molecules


@dataclass(frozen=True)
class SizePrior:
    """How many atoms molecules of the training set have."""

    counts: dict[int, int] = field(default_factory=dict)
    """atoms -> molecules."""


class Model(nn.Module):
    """Denoiser + process + vocabulary + size prior + settings."""

    def __init__(self, config: ModelConfig, sizes: SizePrior):
        """A model with fresh weights.

        Raises:
            UserError: for settings that do not exist.
        """
        super().__init__()
        self.config, self.sizes, self.vocabulary = config, sizes, config.vocabulary
        self.process = Process.build(config.process, config.vocabulary.sizes)
        network, settings = network_settings(config)
        self.denoiser = network(settings, self.process.classes, config.vocabulary.sizes, config.process.scale)

    def forward(self, noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        """Estimate the clean molecule from a noisy state at ``times``."""
        return self.denoiser(*self.process.view(noisy, times), condition)

    def loss(self, clean: Molecules, condition: Condition, times: Times, draws: Draws) -> dict[str, Tensor]:
        """Corrupt, estimate, compare; see `Process.loss`."""
        noisy = self.process.corrupt(clean, times, draws, condition)
        return self.process.loss(self(noisy, times, condition), clean, times, condition.known)

    @property
    def parameter_count(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.denoiser.parameters())
