"""The joint noise process of a molecule: four fields, each corrupted on its own, one network sees all."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from molediff.config import UserError, choose
from molediff.geometry import centre
from molediff.noise import categorical, gaussian
from molediff.noise.draws import Draws
from molediff.noise.schedules import SCHEDULES, NoiseSchedule
from molediff.structures import Condition, Estimate, Known, Levels, Molecules


@dataclass(frozen=True)
class ProcessConfig:
    """Settings of the noise and of the loss."""

    schedule: str = "exploding"
    """cosine, straight or exploding (see `molediff.noise.schedules`)."""
    base: str = "uniform"
    """Where types, charges and bonds end: uniform or absorbing."""
    scale: float = 1.72
    """Standard deviation of centred coordinates, angstrom (QM9 1.72, drug-like heavy atoms 2.41)."""
    rho_min: float = 0.002
    """Smallest sigma / alpha, in units of ``scale``."""
    rho_max: float = 80.0
    """Largest sigma / alpha, in units of ``scale``."""
    rho_log_mean: float = -1.26
    """Mean of ln(sigma / alpha) in training (VEDA, 2025)."""
    rho_log_std: float = 1.41
    """Standard deviation of ln(sigma / alpha) in training."""
    weight_pos: float = 1.0
    """Loss weight of positions."""
    weight_atom: float = 0.2
    """Loss weight of elements."""
    weight_charge: float = 0.2
    """Loss weight of formal charges."""
    weight_bond: float = 1.0
    """Loss weight of bonds."""
    rate_clip: float = 10.0
    """Categorical losses are weighted by min(rate_clip, 1 / corruption rate)."""


@dataclass(frozen=True)
class Times:
    """A time for each field, t = 0 data, t = 1 noise; each (B,)."""

    pos: Tensor
    atom: Tensor
    charge: Tensor
    bond: Tensor

    @classmethod
    def same(cls, t: Tensor) -> Times:
        """One time for all fields."""
        return cls(t, t, t, t)


@dataclass(frozen=True)
class Process:
    """Knows how to corrupt, how to weigh the loss and how to step; never what the network is."""

    config: ProcessConfig
    schedule: NoiseSchedule
    atom_base: Tensor = field(repr=False)
    charge_base: Tensor = field(repr=False)
    bond_base: Tensor = field(repr=False)

    @classmethod
    def build(cls, config: ProcessConfig, sizes: tuple[int, int, int]) -> Process:
        """The process for a vocabulary's class counts (atoms, charges, bonds).

        Raises:
            UserError: for a base or a schedule that does not exist, or a least noise that is none.
        """
        base, schedule = choose("base", config.base, categorical.BASES), choose("schedule", config.schedule, SCHEDULES)
        if not schedule.time_of(torch.tensor(float(config.rho_min), dtype=torch.float64)) > 0:
            raise UserError(
                f"rho_min is {config.rho_min}, no noise at all on the schedule '{config.schedule}'. "
                f"The usual value is {ProcessConfig.rho_min}."
            )
        return cls(config, schedule, *(base(k) for k in sizes))

    @property
    def classes(self) -> tuple[int, int, int]:
        """Number of noisy classes of atoms, charges and bonds; one more than clean ones with an absorbing base."""
        return len(self.atom_base), len(self.charge_base), len(self.bond_base)

    def keep(self, t: Tensor) -> Tensor:
        """a(t) = 1 / (1 + rho): the probability that a category has not been replaced."""
        return 1 / (1 + self.schedule.rho(t))

    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha, sigma in angstrom) as (B, 1, 1)."""
        alpha, sigma = self.schedule.alpha_sigma(t)
        return alpha[:, None, None], sigma[:, None, None] * self.config.scale

    def noise(self, times: Times) -> Tensor:
        """(B,) sigma / alpha of positions, angstrom: how far an atom may still lie from where it belongs."""
        return self.schedule.rho(times.pos) * self.config.scale

    def training_times(self, b: int, generator: torch.Generator | None = None) -> Times:
        """Times of a training batch: ln(sigma / alpha) is normal, the same for all fields."""
        c = self.config
        log_rho = c.rho_log_mean + c.rho_log_std * torch.randn(b, generator=generator)
        return Times.same(self.schedule.time_of(log_rho.exp().clamp(c.rho_min, c.rho_max)))

    def view(self, noisy: Molecules, times: Times) -> tuple[Molecules, Levels]:
        """What the network gets: x_t / alpha_t in the frame of the clean world, and how noisy each field is."""
        alpha, sigma = self.alpha_sigma(times.pos)
        rates = [1 - self.keep(t) for t in (times.atom, times.charge, times.bond)]
        return noisy.replace(pos=noisy.pos / alpha), Levels((sigma / alpha)[:, 0, 0], *rates)

    def prior(self, t: Tensor, draws: Draws, condition: Condition, given: Molecules) -> Molecules:
        """Pure noise at the largest time, with what is known kept.

        Args:
            t: (B,) the first time.
            draws: random numbers.
            condition: says what is known.
            given: holds the known values and which atoms there are; its other values are not looked at.
        """
        mask = given.mask
        sigma = self.alpha_sigma(t)[1]
        pos = sigma * _free(draws.pos, mask, condition)
        pairs = given.pair_mask
        one = torch.ones_like(mask, dtype=draws.pos.dtype)
        atom = categorical.draw(self.atom_base.to(one) * one[..., None], draws.atom) * mask
        charge = categorical.draw(self.charge_base.to(one) * one[..., None], draws.charge) * mask
        bond = categorical.draw(self.bond_base.to(one).expand(*pairs.shape, -1), draws.bond) * pairs
        return self.restore(Molecules(pos, atom, charge, bond, mask), given, condition.known, Times.same(t))

    def corrupt(
        self, x: Molecules, to: Times, draws: Draws, condition: Condition, start: Times | None = None
    ) -> Molecules:
        """q(x_to | x_start), every field at its own time; known parts stay clean.

        Args:
            x: clean molecules (start None), else noisy ones at ``start``.
            to: the later times.
            draws: random numbers.
            condition: what is known; with nothing known, noise has no centre of mass.
            start: earlier times; None for clean data.
        """
        zero = torch.zeros_like(to.pos)
        start = start or Times.same(zero)
        clean = (torch.ones_like(zero)[:, None, None], zero[:, None, None])
        noisy_start = start.pos[:, None, None] > 0
        begin = tuple(torch.where(noisy_start, a, b) for a, b in zip(self.alpha_sigma(start.pos), clean, strict=True))
        pos = gaussian.renoise(x.pos, begin, self.alpha_sigma(to.pos), _free(draws.pos, x.mask, condition))

        def jump(field: Tensor, a: Tensor, b: Tensor, base: Tensor, uniform: Tensor) -> Tensor:
            keep = (self.keep(b) / self.keep(a)).view(-1, *[1] * (field.dim() - 1)).expand(field.shape)
            return categorical.draw(categorical.forward(field, keep, base.to(keep)), uniform)

        noisy = Molecules(
            pos=pos * x.mask[..., None],
            atom=jump(x.atom, start.atom, to.atom, self.atom_base, draws.atom) * x.mask,
            charge=jump(x.charge, start.charge, to.charge, self.charge_base, draws.charge) * x.mask,
            bond=jump(x.bond, start.bond, to.bond, self.bond_base, draws.bond) * x.pair_mask,
            mask=x.mask,
        )
        # What is known was clean at start too, up to the factor alpha.
        given = x.replace(pos=x.pos / begin[0])
        return self.restore(noisy, given, condition.known, to)

    def restore(self, noisy: Molecules, given: Molecules, known: Known, times: Times) -> Molecules:
        """Put what is known back: positions as alpha x_0, so that the network sees them where they are."""
        alpha = self.alpha_sigma(times.pos)[0]
        return noisy.replace(
            pos=torch.where(known.pos[..., None], alpha * given.pos, noisy.pos),
            atom=torch.where(known.atom, given.atom, noisy.atom),
            charge=torch.where(known.charge, given.charge, noisy.charge),
            bond=torch.where(known.bond, given.bond, noisy.bond),
        )

    def loss(self, estimate: Estimate, clean: Molecules, times: Times, known: Known) -> dict[str, Tensor]:
        """The four losses, unweighted means over molecules, and their weighted sum ``loss``.

        Positions: squared error / c_out^2 (Karras et al., 2022). Categories: cross-entropy, weighted by the inverse
        corruption rate. Each is a mean over the atoms or pairs of a molecule that are not known; a molecule without
        any counts as 0.
        """
        c = self.config
        weight = gaussian.clean_weight(self.noise(times), c.scale)
        square = (estimate.pos.float() - clean.pos).square().mean(-1)
        pairs = clean.pair_mask & ~known.bond
        parts = {
            "pos": _mean(square, clean.mask & ~known.pos) * weight,
            "atom": _mean(_entropy(estimate.atom, clean.atom), clean.mask & ~known.atom) * self._boost(times.atom),
            "charge": _mean(_entropy(estimate.charge, clean.charge), clean.mask & ~known.charge)
            * self._boost(times.charge),
            "bond": _mean(_entropy(estimate.bond, clean.bond), pairs) * self._boost(times.bond),
        }
        parts = {name: value.mean() for name, value in parts.items()}
        total = (
            c.weight_pos * parts["pos"]
            + c.weight_atom * parts["atom"]
            + c.weight_charge * parts["charge"]
            + c.weight_bond * parts["bond"]
        )
        return {"loss": total, **parts}

    def _boost(self, t: Tensor) -> Tensor:
        rate = 1 - self.keep(t)
        return (1 / rate.clamp(min=1e-9)).clamp(max=self.config.rate_clip)

    def step(
        self,
        noisy: Molecules,
        estimate: Estimate,
        at: Times,
        to: Times,
        draws: Draws,
        condition: Condition,
        given: Molecules,
        eta: float = 0.0,
    ) -> Molecules:
        """One step from ``at`` to the earlier ``to``; the last one, to t = 0, takes the most probable categories.

        A field that is at t = 0 already keeps its values: fields may arrive one after the other.

        Args:
            noisy: state at ``at``.
            estimate: of the clean molecule, from ``noisy`` (or a combination of several).
            draws: random numbers.
            condition, given: what is known, and its values.
            eta: share of fresh Gaussian noise, see `gaussian.step`.
        """
        pos = gaussian.step(
            noisy.pos,
            estimate.pos,
            self.alpha_sigma(at.pos),
            self.alpha_sigma(to.pos),
            eta,
            _free(draws.pos, noisy.mask, condition),
        )
        pos = torch.where(at.pos[:, None, None] > 0, pos, noisy.pos)

        def back(x: Tensor, logits: Tensor, t: Tensor, s: Tensor, base: Tensor, uniform: Tensor) -> Tensor:
            shape = (-1, *[1] * (x.dim() - 1))
            p0 = logits.to(pos.dtype).softmax(-1)
            p0 = torch.nn.functional.pad(p0, (0, len(base) - p0.shape[-1]))
            keep_t, keep_s = (self.keep(time).view(shape).expand(x.shape) for time in (t, s))
            p = categorical.posterior(p0, x, keep_t, keep_s, base)
            last = (s == 0).view(shape).expand(x.shape)
            stepped = torch.where(last, logits.argmax(-1), categorical.draw(p, uniform))
            return torch.where((t > 0).view(shape), stepped, x)

        stepped = Molecules(
            pos=pos * noisy.mask[..., None],
            atom=back(noisy.atom, estimate.atom, at.atom, to.atom, self.atom_base, draws.atom) * noisy.mask,
            charge=back(noisy.charge, estimate.charge, at.charge, to.charge, self.charge_base, draws.charge)
            * noisy.mask,
            bond=back(noisy.bond, estimate.bond, at.bond, to.bond, self.bond_base, draws.bond) * noisy.pair_mask,
            mask=noisy.mask,
        )
        return self.restore(stepped, given, condition.known, to)


def _free(normal: Tensor, mask: Tensor, condition: Condition) -> Tensor:
    """Noise without centre of mass where nothing anchors a molecule in space (Hoogeboom et al., 2022)."""
    if condition.pocket is not None:
        return normal * mask[..., None]
    anchored = condition.known.pos.any(1)[:, None, None]
    return torch.where(anchored, normal * mask[..., None], centre(normal, mask))


def _entropy(logits: Tensor, target: Tensor) -> Tensor:
    k = logits.shape[-1]
    return cross_entropy(logits.float().reshape(-1, k), target.reshape(-1), reduction="none").view(target.shape)


def _mean(x: Tensor, mask: Tensor) -> Tensor:
    """(B, ...) to (B,): mean where mask, 0 where nothing is."""
    axes = tuple(range(1, x.dim()))
    return torch.where(mask, x, 0.0).sum(axes) / mask.sum(axes).clamp(min=1)
