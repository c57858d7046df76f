"""Settings of sampling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SamplingConfig:
    """How noise becomes molecules."""

    steps: int = 50
    """Steps from noise to data; any number from 1 on."""
    method: str = "churn"
    """A name from `molediff.sampling.METHODS`."""
    temperature: float = 0.9
    """Logits of types, charges and bonds are divided by it; below 1 sharpens."""
    bend: float = 2.0
    """How far steps gather at middle noise levels, see `molediff.noise.gaussian.arcsin_grid`; 0 is geometric."""
    churn: float = 0.4
    """Noise added before a step, as a share of its level (Karras et al., 2022, algorithm 2, who divide it by the number
    of steps and go to 0.41 at most); only by method churn."""
    churn_low: float = 0.03
    """Smallest sigma / alpha (in units of the coordinate scale) with churn."""
    churn_high: float = 3.0
    """Largest sigma / alpha with churn."""
    precision: str = "float32"
    """A name from `molediff.sampling.PRECISIONS`: float32 or bf16."""
    start: float = 0.0
    """Largest sigma / alpha to start from, in units of the coordinate scale; 0 for the model's own."""
    end: float = 0.0
    """Smallest sigma / alpha that the network is asked at, in units of the coordinate scale; 0 for the model's own."""
    category_noise: float = 1.0
    """sigma / alpha of types, charges and bonds as a multiple of that of positions, above 0; below 1 they are decided
    first, above 1 last. At the first step from noise they are taken for pure noise whatever it is."""
    atom_bias: tuple[float, ...] = ()
    """Added to the logits of the elements, one number a class, after the temperature; empty for none. Sampling
    favours what is common: `molediff.data.marginals.balance` gives rare elements their due."""
    bond_bias: tuple[float, ...] = ()
    """The same of bonds: none, single, double, triple."""
    join: bool = False
    """Whether pieces are brought together in the late steps, see `molediff.sampling.joined`; where all bonds are given
    there are none. Put there by `molediff.pipelines.constraints`: `sample` alone does not."""
    valence: bool = False
    """Whether late estimates give atoms only bonds that they can have, by another order, element or charge, see
    `molediff.sampling.valence`; where all bonds are given there is nothing to choose. Put there as ``join`` is."""
    largest_ring: int = 0
    """Bonds that lie only in rings of more atoms than this are opened in the late steps, see
    `molediff.sampling.opened`; 0 for none. Put there as ``join`` is."""
    change: float = 1.0
    """Share of the steps that are run, the last ones; below 1 the given molecules are changed, not made from noise."""

    @property
    def steps_run(self) -> int:
        """Steps that are run: all, or the share ``change`` of them, at least one."""
        return max(1, round(self.change * self.steps))
