"""Guidance: what it must leave alone, what it must be equal to, and the direction it pushes in."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from molediff.config import UserError
from molediff.elements import Vocabulary
from molediff.noise import Process, ProcessConfig, Times
from molediff.sampling.guidance import GuidanceConfig, classifier_free, downhill, guide, informed
from molediff.structures import Condition, EncodedPocket, Estimate, Known, Molecules

B, N = 3, 5


@pytest.fixture
def process():
    return Process.build(ProcessConfig(), Vocabulary().sizes)


@pytest.fixture
def noisy():
    g = torch.Generator().manual_seed(0)
    mask = torch.arange(N) < torch.tensor([5, 3, 4])[:, None]
    zero = torch.zeros(B, N, dtype=torch.long)
    pos = torch.randn(B, N, 3, generator=g) * mask[..., None]
    return Molecules(pos, zero, zero, torch.zeros(B, N, N, dtype=torch.long), mask)


def pocket(b: int = B) -> EncodedPocket:
    return EncodedPocket(
        torch.zeros(b, 2, 3), torch.ones(b, 2, dtype=torch.bool), torch.zeros(b, 2, 4), torch.zeros(b, 2, 3, 1)
    )


def network(noisy, times, condition):
    """What it says hangs on whether it sees a pocket."""
    sees = condition.pocket.mask.any(1).float() if condition.pocket is not None else torch.zeros(len(noisy))
    g = torch.Generator().manual_seed(1)
    logits = [torch.randn(2, *shape, generator=g) for shape in ((B, N, 5), (B, N, 3), (B, N, N, 4))]
    mixed = [torch.where(sees.view(-1, *[1] * (x.dim() - 2)).bool(), x[0], x[1]) for x in logits]
    return Estimate(noisy.pos + sees[:, None, None], *mixed)


def at(rho: float, process) -> Times:
    return Times.same(process.schedule.time_of(torch.full((B,), rho / process.config.scale)))


def test_scale_one_and_zero_are_the_two_estimates(noisy, process):
    condition = replace(Condition.nothing(noisy), pocket=pocket())
    without = replace(condition, pocket=pocket().dropped(torch.ones(B, dtype=torch.bool)))
    for scale, wanted in ((1.0, condition), (0.0, without)):
        found, said = classifier_free(network, scale)(noisy, None, condition), network(noisy, None, wanted)
        torch.testing.assert_close(found.pos, said.pos)
        torch.testing.assert_close(found.bond.softmax(-1), said.bond.softmax(-1))


def test_larger_scales_go_on_in_a_line(noisy):
    condition = replace(Condition.nothing(noisy), pocket=pocket())
    one, two, three = (classifier_free(network, s)(noisy, None, condition).pos for s in (1.0, 2.0, 3.0))
    torch.testing.assert_close(three - two, two - one)
    assert (two - one).abs().max() > 0.5


def test_without_a_pocket_nothing_changes(noisy):
    condition = Condition.nothing(noisy)
    assert torch.equal(classifier_free(network, 3.0)(noisy, None, condition).pos, network(noisy, None, condition).pos)


def spring(estimate, noisy):
    """Pulls all atoms to (9, 0, 0)."""
    return ((estimate.pos - torch.tensor([9.0, 0, 0])).square().sum(-1) * noisy.mask).sum(1)


def test_downhill_lowers_the_energy_late_and_not_before(noisy, process):
    condition, config = Condition.nothing(noisy), GuidanceConfig(pull=1.0, below=1.0, clip=0.2)
    wrapped = downhill(network, process, spring, config)
    plain = network(noisy, at(0.5, process), condition)
    pushed = wrapped(noisy, at(0.5, process), condition)
    assert (spring(pushed, noisy) < spring(plain, noisy)).all()
    size = (pushed.pos - plain.pos).norm(dim=-1)
    assert size.max() <= 0.2 + 1e-6 and (size[~noisy.mask] == 0).all()
    assert torch.equal(wrapped(noisy, at(1.5, process), condition).pos, network(noisy, at(1.5, process), condition).pos)


def test_the_push_is_the_gradient_times_the_variance(noisy, process):
    """-(sigma / alpha)^2 pull grad E, where it is not clipped."""
    config = GuidanceConfig(pull=0.01, below=1.0, clip=100.0)
    plain = network(noisy, None, Condition.nothing(noisy))
    pushed = downhill(network, process, spring, config)(noisy, at(0.5, process), Condition.nothing(noisy))
    gradient = 2 * (plain.pos - torch.tensor([9.0, 0, 0])) * noisy.mask[..., None]
    torch.testing.assert_close(pushed.pos - plain.pos, -0.25 * 0.01 * gradient, rtol=1e-4, atol=1e-6)


def test_known_atoms_stay(noisy, process):
    known = Known.nothing(noisy)
    known = replace(known, pos=known.pos.clone())
    known.pos[:, 0] = True
    condition = replace(Condition.nothing(noisy), known=known, pocket=pocket())
    config = GuidanceConfig(scale=2.0, pull=1.0)
    found = guide(network, process, config, spring)(noisy, at(0.5, process), condition)
    assert torch.equal(found.pos[:, 0], network(noisy, None, condition).pos[:, 0])


def test_a_gradient_that_is_not_finite_pushes_nothing(noisy, process):
    def broken(estimate, noisy):
        return (estimate.pos * float("nan")).sum((1, 2))

    found = downhill(network, process, broken, GuidanceConfig(pull=1.0))(
        noisy, at(0.5, process), Condition.nothing(noisy)
    )
    assert torch.equal(found.pos, network(noisy, None, Condition.nothing(noisy)).pos)


@pytest.mark.parametrize("bad", [{"scale": -1.0}, {"clip": float("nan")}, {"pull": float("inf")}])
def test_settings_that_cannot_be(process, bad):
    with pytest.raises(UserError, match=next(iter(bad))):
        guide(network, process, GuidanceConfig(**bad))


def test_an_energy_sees_what_is_known_not_what_is_said_of_it(noisy):
    g = torch.Generator().manual_seed(5)
    atom, bond = torch.randint(0, 5, (B, N), generator=g), torch.randint(0, 4, (B, N, N), generator=g)
    noisy = noisy.replace(atom=atom * noisy.mask, bond=bond * noisy.pair_mask)
    estimate = network(noisy, None, Condition.nothing(noisy))
    known = Known.graph(noisy, torch.tensor([True] + [False] * (len(noisy) - 1)))
    seen = informed(estimate, noisy, known)
    assert torch.equal(seen.atom.argmax(-1)[0][noisy.mask[0]], noisy.atom[0][noisy.mask[0]])
    assert torch.equal(seen.bond.argmax(-1)[0][noisy.pair_mask[0]], noisy.bond[0][noisy.pair_mask[0]])
    for name in ("atom", "charge", "bond"):
        assert torch.equal(getattr(seen, name)[1:], getattr(estimate, name)[1:])


def test_a_pull_without_an_energy_is_refused():
    with pytest.raises(UserError, match="no energy"):
        guide(lambda *_: None, None, GuidanceConfig(pull=1.0))
