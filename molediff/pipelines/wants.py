"""What molecules should be: ranges of properties that sampling is steered to, and that the table answers for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import inf, isfinite, nan

import torch
from rdkit import Chem
from rdkit.rdBase import BlockLogs
from torch import Tensor

from molediff.chem import to_rdkit
from molediff.config import UserError, choose
from molediff.evaluation.protocols.chemistry import described, properties
from molediff.model import Model
from molediff.noise import molecule_generator
from molediff.noise.draws import STEERING
from molediff.pipelines.usable import unusable
from molediff.sampling import Resample, SamplingConfig, SteeringConfig, looks, resampling
from molediff.structures import Condition, Molecules, take

SPREAD = {
    "qed": 0.15,
    "sa": 0.6,
    "logp": 1.3,
    "weight": 60.0,
    "tpsa": 25.0,
    "donors": 1.0,
    "acceptors": 1.5,
    "rotatable": 1.8,
    "rings": 1.0,
    "aromatic_rings": 0.9,
    "sp3": 0.2,
    "lipinski_violations": 0.5,
    "rare_rings": 0.5,
}
"""Property -> about its standard deviation among drug-like molecules: what a unit of distance to a range is."""


@dataclass(frozen=True)
class Want:
    """A range of a property, its ends in it."""

    name: str
    """Of `SPREAD`; see `molediff.evaluation.protocols.chemistry.UNITS`."""
    low: float = -inf
    """Least."""
    high: float = inf
    """Most."""

    @classmethod
    def parse(cls, text: str) -> Want:
        """'logp=2..3', 'qed=0.7..' (at least), 'tpsa=..90' (at most), 'rings=3'.

        Raises:
            UserError: for text that is nothing of the kind, and properties that there are not.
        """
        name, _, span = (part.strip() for part in text.partition("="))
        choose("property of --want", name, SPREAD)
        low, dots, high = span.partition("..")
        try:
            found = cls(name, float(low or -inf), float(high or inf) if dots else float(low))
        except ValueError:
            found = None
        if found is None or not found.low <= found.high or not (isfinite(found.low) or isfinite(found.high)):
            raise UserError(
                f"--want takes a property and a range, got '{text}'. Type for example --want logp=2..3, "
                "--want qed=0.7.. or --want tpsa=..90"
            )
        return found

    def distance(self, value: float) -> float:
        """0 within the range, beside it in units of `SPREAD`."""
        return max(self.low - value, value - self.high, 0.0) / SPREAD[self.name]

    def __str__(self) -> str:
        ends = ["" if abs(end) == inf else f"{end:g}" for end in (self.low, self.high)]
        return f"{self.name}={ends[0]}" if self.low == self.high else f"{self.name}={'..'.join(ends)}"


@dataclass(frozen=True)
class Wants:
    """All that is wanted, and how it is steered to."""

    each: tuple[Want, ...]
    """At least one, of different properties."""
    config: SteeringConfig = field(default_factory=SteeringConfig)
    """How."""

    def __post_init__(self):
        self.config.check()
        names = [want.name for want in self.each]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise UserError(f"--want {twice[0]} was given more than once. Give one range.")

    @classmethod
    def of(cls, texts: Sequence[str], config: SteeringConfig | None = None) -> Wants | None:
        """Of texts as `Want.parse` reads them; None where there are none."""
        return cls(tuple(map(Want.parse, texts)), config or SteeringConfig()) if texts else None

    def values(self, mol: Chem.Mol) -> dict[str, float] | None:
        """The properties of a molecule, unsanitised or not; None where it does not sanitise as it is."""
        with BlockLogs():
            bare, _ = described(mol)
            return None if bare is None else {want.name: properties()[want.name](bare) for want in self.each}

    def reward(self, mol: Chem.Mol) -> float:
        """0 where all is as wanted, less by every unit of `SPREAD`; NaN where there is no molecule."""
        found = self.values(mol)
        return nan if found is None else -sum(want.distance(found[want.name]) for want in self.each)

    def columns(self, mols: Sequence[Chem.Mol | None], valid: Sequence[bool]) -> dict:
        """A column a property (of the valid molecules, else NaN), and ``as_wanted``."""
        found = [self.values(mol) if mol is not None and ok else None for mol, ok in zip(mols, valid, strict=True)]
        columns = {want.name: [nan if one is None else round(one[want.name], 4) for one in found] for want in self.each}
        good = [one is not None and all(w.distance(one[w.name]) == 0 for w in self.each) for one in found]
        return columns | {"as_wanted": good}

    def about(self) -> dict:
        """For the record."""
        return {"want": [str(want) for want in self.each], "steering": asdict(self.config)}


@dataclass(frozen=True)
class Steer:
    """The wants in a run of a model: molecules in groups of one size, drawn among each other on the way."""

    wants: Wants
    """What is wanted."""
    model: Model
    """That makes the molecules."""
    sampling: SamplingConfig
    """Of the run."""
    seed: int
    """Of the run."""

    def resample(self, blocks: Sequence[Sequence[int]], indices: Sequence[int], condition: Condition) -> Resample:
        """For a batch.

        Args:
            blocks: rows of each group.
            indices: of the molecules in the run, row by row; what is drawn depends on the first of a group.
            condition: of the batch.
        """
        strengths = looks(self.wants.config, self.model.process, self.sampling)
        generators = [molecule_generator(self.seed, indices[rows[0]], stream=STEERING) for rows in blocks]
        return resampling(strengths, self.rewards, condition.known, blocks, generators)

    def rewards(self, molecules: Molecules) -> Tensor:
        """(B,) float64, see `Wants.reward`; NaN for what is nothing that RDKit could look at."""
        whole, explicit, found = molecules.to("cpu"), self.model.config.explicit_hydrogens, []
        for row in range(len(whole)):
            one = take(whole, [row])
            lost = bool(unusable(one))
            found.append(nan if lost else self.wants.reward(to_rdkit(one, self.model.vocabulary, explicit)[0]))
        return torch.tensor(found, dtype=torch.float64)
