"""Guidance and temperature wrap a denoiser: the sampler never knows of them."""

from __future__ import annotations

from molediff.config import UserError
from molediff.noise import Times
from molediff.sampling.methods import Denoise
from molediff.structures import Condition, Estimate, Molecules


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
