"""Categorical noise: q(x_t | x_0) = a onehot(x_0) + (1 - a) base. Pure functions (Austin et al., 2021, D3PM)."""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12


def uniform(classes: int) -> Tensor:
    """(K,) every class alike."""
    return torch.full((classes,), 1 / classes)


def absorbing(classes: int) -> Tensor:
    """(K + 1,) everything ends in one more class, the mask."""
    return torch.nn.functional.one_hot(torch.tensor(classes), classes + 1).float()


BASES = {"uniform": uniform, "absorbing": absorbing}
"""Where categorical noise leads, by name."""


def forward(x: Tensor, keep: Tensor, base: Tensor) -> Tensor:
    """q(x_t | x_start): stay with probability ``keep``, else draw from the base.

    Args:
        x: (...) int64 classes.
        keep: broadcasts against x, a(t) / a(start).
        base: (K,)

    Returns:
        (..., K)
    """
    onehot = torch.nn.functional.one_hot(x, len(base)).to(base)
    return keep.unsqueeze(-1) * onehot + (1 - keep.unsqueeze(-1)) * base


def posterior(p0: Tensor, x: Tensor, keep_t: Tensor, keep_s: Tensor, base: Tensor) -> Tensor:
    """p(x_s | x_t) for s < t: the exact posterior q(x_s | x_t, x_0), averaged over an estimate of x_0.

    Args:
        p0: (..., K) probabilities of the clean class (0 for an absorbing class).
        x: (...) int64 noisy classes at t.
        keep_t, keep_s: a(t) and a(s), a(s) >= a(t), broadcasting against x.
        base: (K,)

    Returns:
        (..., K), sums to 1.
    """
    keep_t, keep_s = keep_t.unsqueeze(-1), keep_s.unsqueeze(-1)
    onehot = torch.nn.functional.one_hot(x, len(base)).to(p0)
    base = base.to(p0)
    base_x = base[x].unsqueeze(-1)
    reach = keep_t * onehot + (1 - keep_t) * base_x  # q(x_t | x_0 = k) for each k
    weight = torch.where(reach > 0, p0.clamp(min=TINY) / reach.clamp(min=TINY), 0.0)
    onward = keep_t / keep_s
    likely = onward * onehot + (1 - onward) * base_x  # q(x_t | x_s = k)
    joint = likely * (keep_s * weight + (1 - keep_s) * base * weight.sum(-1, keepdim=True))
    return joint / joint.sum(-1, keepdim=True)


def draw(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Inverse-CDF sample, one uniform number a site, so that the noise alone decides.

    Args:
        probabilities: (..., K)
        uniform: (...) in [0, 1)

    Returns:
        (...) int64
    """
    cdf = probabilities.cumsum(-1)
    index = (uniform.unsqueeze(-1) * cdf[..., -1:] >= cdf).sum(-1)
    return index.clamp(max=probabilities.shape[-1] - 1)
