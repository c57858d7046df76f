"""Gaussian noise on coordinates: x_t = alpha x_0 + sigma eps. Pure functions; the caller centres."""

from __future__ import annotations

import torch
from torch import Tensor


def renoise(x: Tensor, start: tuple[Tensor, Tensor], to: tuple[Tensor, Tensor], normal: Tensor) -> Tensor:
    """Carry x from one time to a later one: q(x_to | x_start).

    Args:
        x: (B, N, 3) at ``start``.
        start, to: (alpha, sigma), each (B, 1, 1); clean data is (1, 0).
        normal: (B, N, 3) standard normal.
    """
    ratio = to[0] / start[0]
    variance = to[1] ** 2 - (ratio * start[1]) ** 2
    return ratio * x + variance.clamp(min=0).sqrt() * normal


def step(
    x: Tensor, clean: Tensor, at: tuple[Tensor, Tensor], to: tuple[Tensor, Tensor], eta: float, normal: Tensor
) -> Tensor:
    """The one step toward an estimate.

    x_s = alpha_s c + sqrt(sigma_s^2 - (eta k)^2) (x_t - alpha_t c) / sigma_t + eta k z,
    k^2 = (sigma_s / sigma_t)^2 (sigma_t^2 - (alpha_t / alpha_s)^2 sigma_s^2).

    eta = 1 is DDPM (Ho et al., 2020), eta = 0 is DDIM (Song et al., 2021, eq. 12) and, on the straight schedule,
    the Euler step of flow matching.

    Args:
        x: (B, N, 3) at the noisier time t.
        clean: (B, N, 3) estimate c of x_0.
        at, to: (alpha, sigma) of t and of s, each (B, 1, 1), sigma_t > 0.
        eta: share of the fresh noise, 0 to 1.
        normal: (B, N, 3) standard normal z.
    """
    (alpha_t, sigma_t), (alpha_s, sigma_s) = at, to
    k2 = (sigma_s / sigma_t) ** 2 * (sigma_t**2 - (alpha_t / alpha_s * sigma_s) ** 2)
    fresh2 = eta**2 * k2.clamp(min=0)
    kept = (sigma_s**2 - fresh2).clamp(min=0).sqrt()
    return alpha_s * clean + kept * (x - alpha_t * clean) / sigma_t + fresh2.sqrt() * normal


def clean_weight(rho: Tensor, scale: float) -> Tensor:
    """Loss weight 1 / c_out^2 = (rho^2 + scale^2) / (rho scale)^2 (Karras et al., 2022, table 1), in 1 / A^2.

    Args:
        rho: sigma / alpha in angstrom, > 0.
        scale: standard deviation of the data's coordinates, angstrom.
    """
    return (rho**2 + scale**2) / (rho * scale) ** 2


MOST_BEND = 2.75
"""Largest bend of `arcsin_grid`: with more than 1 / (1 - 2 / pi) = 2.752, noise would rise in the middle."""


def arcsin_grid(steps: int, low: float, high: float, bend: float = 2.0) -> Tensor:
    """Noise levels for ``steps`` steps, from ``high`` to ``low`` and then 0 (VEDA, 2025).

    log-spaced at w(u) = (1 - bend) u + bend (2 / pi) asin(sqrt(u)): bend = 0 is geometric, larger values put more
    steps where the molecule forms.

    Args:
        steps: at least 1.
        low: of the last look of the network.
        high: of the first.
        bend: 0 to `MOST_BEND`.

    Returns:
        (steps + 1,) float64, strictly falling.
    """
    u = torch.linspace(1, 0, steps, dtype=torch.float64) if steps > 1 else torch.ones(1, dtype=torch.float64)
    w = (1 - bend) * u + bend * (2 / torch.pi) * torch.asin(u.sqrt())
    return torch.cat([low * (high / low) ** w, torch.zeros(1, dtype=torch.float64)])
