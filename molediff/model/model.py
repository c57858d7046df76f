"""A denoiser with everything it was trained with."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from molediff.config import UserError
from molediff.model.settings import ModelConfig, network_settings
from molediff.noise import Draws, Process, Times
from molediff.sampling.settings import SamplingConfig
from molediff.structures import Condition, EncodedPocket, Estimate, Molecules, Pocket


@dataclass(frozen=True)
class SizePrior:
    """How many atoms molecules of the training set have."""

    counts: dict[int, int] = field(default_factory=dict)
    """atoms -> molecules."""
    in_pockets: dict[int, int] = field(default_factory=dict)
    """atoms -> ligand poses of the complexes trained on beside them; empty for a model of free molecules."""

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest number of atoms trained on; (0, 0) when nothing is known."""
        return (min(self.counts), max(self.counts)) if self.counts else (0, 0)

    def seen(self, in_pocket: bool) -> SizePrior:
        """What the model was trained on where it is asked: in a pocket the ligands of complexes too.

        Args:
            in_pocket: whether the molecules are made in a pocket.
        """
        if not in_pocket:
            return SizePrior(self.counts)
        both = Counter(self.counts) + Counter(self.in_pockets)
        return SizePrior(dict(sorted(both.items())))


@dataclass(frozen=True)
class Source:
    """Where a model came from."""

    name: str = "untrained"
    """Name of its folder."""
    checksum: str = ""
    """sha256 of its weights, hexadecimal."""
    about: dict = field(default_factory=dict)
    """Data, training command, measured figures."""
    folder: Path | None = None
    """Where it lies."""


class Model(nn.Module):
    """Denoiser + process + vocabulary + size prior + settings."""

    def __init__(self, config: ModelConfig, sizes: SizePrior, source: Source | None = None):
        """A model with fresh weights.

        Args:
            config: what it is made of.
            sizes: of the training molecules.
            source: for a model that was loaded.

        Raises:
            UserError: for settings that do not exist.
        """
        super().__init__()
        self.config, self.sizes, self.vocabulary = config, sizes, config.vocabulary
        self.source = source or Source()
        self.process = Process.build(config.process, config.vocabulary.sizes)
        network, settings = network_settings(config)
        self.denoiser = network(settings, self.process.classes, config.vocabulary.sizes, config.process.scale)
        self._compiled: Callable[..., Estimate] | None = None

    def forward(self, noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        """Estimate the clean molecule from a noisy state at ``times``.

        A pocket that is not encoded yet is encoded here; in a loop over steps do so before, by `encode`.

        Raises:
            UserError: for a pocket that the network cannot read.
        """
        if isinstance(condition.pocket, Pocket):
            condition = dataclasses.replace(condition, pocket=self.encode(condition.pocket))
        if self.self_conditioned and condition.previous is None:
            # One graph to compile, whether or not it has said anything.
            unsaid = Estimate.unsaid(noisy.pos, self.vocabulary.sizes)
            condition = dataclasses.replace(condition, previous=unsaid)
        network = self._compiled if self._compiled is not None and _ordinary(noisy) else self.denoiser
        return network(*self.process.view(noisy, times), condition)

    def recommended(self, steps: int, kind: str = "free") -> dict:
        """Settings of `molediff.sampling.SamplingConfig` that were measured to suit it where nothing is given.

        Few steps want other settings than many: of the rows that its description lists under ``sampling`` for a kind
        of task, each with the least number of ``steps`` that it is for, the last that fits counts; nothing where none
        does.

        Args:
            steps: of the run.
            kind: free (from nothing), pocket (the same in one), fragments (given atoms), fragments in a pocket, retype
                or lead.
        """
        rows = [row for row in self.source.about.get("sampling", []) if row.get("kind", "free") == kind]
        row = max((row for row in rows if row["steps"] <= steps), key=lambda one: one["steps"], default={})
        return {name: value for name, value in row.items() if name not in ("steps", "kind")}

    def usual_steps(self, kind: str = "free") -> int:
        """Steps from noise to data that its description recommends for a kind of task, see `recommended`; else 50."""
        return self.source.about.get("usual_steps", {}).get(kind, SamplingConfig.steps)

    @property
    def reads_pockets(self) -> bool:
        """Whether it can be given a pocket."""
        return getattr(self.denoiser, "reads_pockets", False)

    @property
    def self_conditioned(self) -> bool:
        """Whether the network reads what it said in the step before."""
        return getattr(self.denoiser, "recall", None) is not None

    def encode(self, pocket: Pocket) -> EncodedPocket:
        """What the network reads of a pocket: once a complex.

        Raises:
            UserError: when the network reads no pockets.
        """
        if not self.reads_pockets:
            raise UserError(
                f"The model '{self.source.name}' knows no pockets: it was built and trained without. "
                "Give another --model; 'molediff models' says which know pockets."
            )
        return self.denoiser.encode(pocket)

    def compile_network(self) -> None:
        """Run batches of ordinary shape through torch.compile: a minute or two at first, then about 1.5 times faster.

        One graph serves them all. Odd shapes (few molecules, tiny ones) would each be compiled anew and run eagerly.
        """
        compiled = torch.compile(self.denoiser, dynamic=True)
        # A plain function, so that the network is not registered twice.
        self._compiled = lambda *inputs: compiled(*inputs)

    def loss(self, clean: Molecules, condition: Condition, times: Times, draws: Draws) -> dict[str, Tensor]:
        """Corrupt, estimate, compare; see `Process.loss`."""
        noisy = self.process.corrupt(clean, times, draws, condition)
        return self.process.loss(self(noisy, times, condition), clean, times, condition.known)

    def recalling(self, clean: Molecules, condition: Condition, times: Times, draws: Draws) -> Condition:
        """The condition with what the network says of the same noisy molecules at first sight, without gradient."""
        kind = clean.pos.device.type
        # Autocast of older torch would keep the weights it casts here, which have no gradient, for the second look.
        settings = {"dtype": torch.get_autocast_dtype(kind), "enabled": torch.is_autocast_enabled(kind)}
        plain = torch.autocast(kind, **settings, cache_enabled=False)
        with torch.no_grad(), plain:
            noisy = self.process.corrupt(clean, times, draws, condition)
            return dataclasses.replace(condition, previous=self(noisy, times, condition))

    def loss_on_second_look(
        self, clean: Molecules, condition: Condition, times: Times, draws: Draws
    ) -> dict[str, Tensor]:
        """`loss` of a network that hears what it says of the same noisy molecules at first sight."""
        return self.loss(clean, self.recalling(clean, condition, times, draws), times, draws)

    @property
    def parameter_count(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.denoiser.parameters())


def _ordinary(noisy: Molecules) -> bool:
    """More molecules than atoms, and more than a handful of atoms."""
    molecules, atoms = noisy.mask.shape
    return molecules > atoms > 11
