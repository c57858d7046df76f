"""Guidance and temperature wrap a denoiser: the sampler never knows of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from molediff.config import UserError
from molediff.noise import Process, Times
from molediff.sampling.methods import Denoise
from molediff.structures import Condition, EncodedPocket, Estimate, Known, Molecules

Energy = Callable[[Estimate, Molecules], Tensor]
"""(estimate, noisy molecules, for their mask) -> (B,) kcal/mol, differentiable in the estimate's positions."""
SURE = 50.0
"""Logit of what is known."""


@dataclass(frozen=True)
class GuidanceConfig:
    """How an estimate is pushed."""

    scale: float = 1.0
    """Classifier-free scale: 1 is the plain estimate, above 1 goes on in the direction that the pocket gives."""
    pull: float = 0.0
    """Factor on the gradient of the energy, in mol/kcal: 1 / kT at room temperature is 1.7; 0 for none. At 0.3 A
    of noise a pull of 4 is clipped (see ``clip``) from 0.6 kcal/mol/A on: there it gives little but a direction."""
    below: float = 0.3
    """Largest sigma / alpha with gradient guidance, angstrom: before, the estimate is no molecule yet, and pushing it
    costs validity (`experiments/crossdocked`)."""
    clip: float = 0.2
    """Largest push of an atom in one estimate, angstrom."""

    def check(self) -> None:
        """Raise a UserError for settings that cannot be."""
        usual = {"scale": "--guidance-scale 1.5", "pull": "--vina-pull 4", "below": "below=0.3", "clip": "clip=0.2"}
        for name, example in usual.items():
            if not 0 <= getattr(self, name) < float("inf"):
                raise UserError(
                    f"The guidance setting '{name}' must be 0 or more and finite, got {getattr(self, name)}. "
                    f"Type for example {example}"
                )


def guide(denoise: Denoise, process: Process, config: GuidanceConfig, energy: Energy | None = None) -> Denoise:
    """A denoiser under guidance: away from what it would say without the pocket, then down an energy.

    Args:
        denoise: with a pocket in its condition, or nothing changes.
        process: of its model, for noise levels.
        config: how much of each.
        energy: needed where ``config.pull`` is above 0.

    Raises:
        UserError: for settings that cannot be.
    """
    config.check()
    if config.pull and energy is None:
        raise UserError(f"The guidance setting 'pull' is {config.pull}, but there is no energy to go down. Give one.")
    if config.scale != 1:
        denoise = classifier_free(denoise, config.scale)
    if config.pull:
        denoise = downhill(denoise, process, energy, config)
    return denoise


def classifier_free(denoise: Denoise, scale: float) -> Denoise:
    """Without the pocket + scale (with it - without it): positions linearly, categories by log-probabilities.

    Ho & Salimans, 2022, eq. 6, with scale = 1 + w. A molecule without a pocket is left alone.
    """

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        there = denoise(noisy, times, condition)
        if not isinstance(condition.pocket, EncodedPocket):
            return there
        nowhere = torch.ones(len(noisy), dtype=torch.bool, device=noisy.pos.device)
        # What was said before was said in sight of the pocket: without it nothing has been said.
        blind = replace(condition, pocket=condition.pocket.dropped(nowhere), previous=None)
        absent = denoise(noisy, times, blind)

        def blend(name: str) -> Tensor:
            a, b = (getattr(e, name).log_softmax(-1) for e in (there, absent))
            return b + scale * (a - b)

        known = condition.known.pos[..., None]
        pos = torch.where(known, there.pos, absent.pos + scale * (there.pos - absent.pos))
        return there.replace(pos=pos, **{name: blend(name) for name in ("atom", "charge", "bond")})

    return wrapped


def downhill(denoise: Denoise, process: Process, energy: Energy, config: GuidanceConfig) -> Denoise:
    """c - (sigma / alpha)^2 pull grad E(c), each atom's push clipped, below a noise level; known atoms stay.

    The gradient is taken at the estimate c of the clean molecule, as in Chung et al., 2023 (DPS), without the network's
    Jacobian.
    """

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        estimate = denoise(noisy, times, condition)
        rho = process.noise(times)  # (B,) angstrom
        late = (rho > 0) & (rho <= config.below)
        if not bool(late.any()):
            return estimate
        with torch.enable_grad():
            pos = estimate.pos.detach().float().requires_grad_(True)
            value = energy(informed(estimate, noisy, condition.known).replace(pos=pos), noisy)
            (gradient,) = torch.autograd.grad(value.sum(), pos)
        push = -(rho**2)[:, None, None] * config.pull * torch.nan_to_num(gradient)
        size = push.norm(dim=-1, keepdim=True).clamp(min=1e-9)
        push = push * (config.clip / size).clamp(max=1)
        free = (noisy.mask & ~condition.known.pos & late[:, None])[..., None]
        return estimate.replace(pos=estimate.pos + push.to(estimate.pos) * free)

    return wrapped


def informed(estimate: Estimate, noisy: Molecules, known: Known) -> Estimate:
    """The estimate with what is known in place of what the network says of it, which it was never trained to say."""

    def given(logits: Tensor, values: Tensor, where: Tensor) -> Tensor:
        classes = logits.shape[-1]
        sure = torch.nn.functional.one_hot(values.clamp(max=classes - 1), classes).to(logits) * SURE
        return torch.where(where.unsqueeze(-1), sure, logits)

    fields = ("atom", "charge", "bond")
    return estimate.replace(**{k: given(getattr(estimate, k), getattr(noisy, k), getattr(known, k)) for k in fields})


def tempered(denoise: Denoise, temperature: float) -> Denoise:
    """Divide the logits of types, charges and bonds.

    Raises:
        UserError: for a temperature that is not positive.
    """
    if not temperature > 0:
        raise UserError(f"The temperature must be positive, got {temperature}.")

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        e = denoise(noisy, times, condition)
        return e.replace(atom=e.atom / temperature, charge=e.charge / temperature, bond=e.bond / temperature)

    return wrapped


def biased(denoise: Denoise, atom: Sequence[float], bond: Sequence[float]) -> Denoise:
    """Add to the logits of elements and bonds (logit adjustment; Menon et al., 2021, eq. 9).

    Args:
        denoise: estimates the clean molecule.
        atom: one number a clean class of elements, or none at all.
        bond: one number a clean class of bonds, or none at all.

    Raises:
        UserError: by the denoiser made, where the numbers do not fit the model's classes.
    """

    def added(logits: Tensor, bias: Sequence[float], name: str) -> Tensor:
        if not bias:
            return logits
        if len(bias) != logits.shape[-1]:
            raise UserError(
                f"{name} has {len(bias)} numbers, this model has {logits.shape[-1]} classes. Give one for each."
            )
        return logits + torch.tensor(bias, dtype=logits.dtype, device=logits.device)

    def wrapped(noisy: Molecules, times: Times, condition: Condition) -> Estimate:
        e = denoise(noisy, times, condition)
        return e.replace(atom=added(e.atom, atom, "atom_bias"), bond=added(e.bond, bond, "bond_bias"))

    return wrapped if atom or bond else denoise
