"""The loss: zero when all is right, by hand otherwise, and deaf to what it should not hear."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import one_hot

from molediff.noise import Process, ProcessConfig, Times
from molediff.structures import Estimate, Known, Molecules, take

PARTS = ("pos", "atom", "charge", "bond")
T = Times(*(torch.tensor([0.6, 0.3, 0.5, 0.4], dtype=torch.float64) * f for f in (1.0, 0.9, 0.8, 0.7)))


def perfect(x: Molecules, classes=(5, 3, 4)) -> Estimate:
    sure = [1e4 * one_hot(f, k).double() for f, k in zip((x.atom, x.charge, x.bond), classes, strict=True)]
    return Estimate(x.pos, *sure)


def random_estimate(x: Molecules) -> Estimate:
    g = torch.Generator().manual_seed(4)
    b, n = x.mask.shape
    shapes = ((b, n, 3), (b, n, 5), (b, n, 3), (b, n, n, 4))
    return Estimate(*(torch.randn(s, generator=g, dtype=torch.float64) for s in shapes))


@pytest.mark.parametrize("given", ["nothing", "graph", "fragment"])
def test_perfect_estimate_costs_nothing(process, molecules, condition, given):
    x = molecules()
    losses = process.loss(perfect(x), x, T, condition(x, given).known)
    assert all(abs(v.item()) < 1e-12 for v in losses.values())


@pytest.mark.parametrize("part", PARTS)
def test_each_part_sees_its_own_mistakes(process, molecules, condition, part):
    x = molecules()
    wrong = perfect(x).replace(**{part: getattr(random_estimate(x), part)})
    losses = process.loss(wrong, x, T, condition(x, "nothing").known)
    for name in PARTS:
        assert (losses[name] > 1e-3) == (name == part)
    weight = getattr(process.config, f"weight_{part}")
    torch.testing.assert_close(losses["loss"], weight * losses[part])


def by_hand(process: Process, e: Estimate, x: Molecules, known: Known, row: int) -> dict[str, float]:
    """One molecule, written out atom by atom."""
    n, c = int(x.sizes[row]), process.config
    rho = process.schedule.rho(T.pos)[row].item() * c.scale
    boosts = {f: min(c.rate_clip, 1 / (1 - process.keep(getattr(T, f))[row].item())) for f in PARTS[1:]}
    sums = {f: [] for f in PARTS}
    for i in range(n):
        if not known.pos[row, i]:
            square = sum((e.pos[row, i, a] - x.pos[row, i, a]).item() ** 2 for a in range(3)) / 3
            sums["pos"].append(square * (rho**2 + c.scale**2) / (rho * c.scale) ** 2)
        for f in ("atom", "charge"):
            if not getattr(known, f)[row, i]:
                sums[f].append(-boosts[f] * getattr(e, f)[row, i].log_softmax(-1)[getattr(x, f)[row, i]].item())
        for j in range(n):
            if i != j and not known.bond[row, i, j]:
                sums["bond"].append(-boosts["bond"] * e.bond[row, i, j].log_softmax(-1)[x.bond[row, i, j]].item())
    return {f: sum(v) / max(1, len(v)) for f, v in sums.items()}


@pytest.mark.parametrize("given", ["nothing", "graph", "fragment"])
def test_loss_equals_the_sum_by_hand(process, molecules, condition, given):
    x = molecules()
    e, known = random_estimate(x), condition(x, given).known
    losses = process.loss(e, x, T, known)
    rows = [by_hand(process, e, x, known, row) for row in range(len(x))]
    for name in PARTS:
        assert losses[name].item() == pytest.approx(sum(r[name] for r in rows) / len(rows), rel=1e-5)


@pytest.mark.parametrize("given", ["nothing", "graph", "fragment"])
def test_padding_and_known_parts_are_not_looked_at(process, molecules, condition, given):
    """Nonsense there, even NaN, changes nothing; the same nonsense elsewhere does."""
    x = molecules()
    known, e = condition(x, given).known, random_estimate(x)
    ignored = {f: ~x.mask | getattr(known, f) for f in PARTS[:3]} | {"bond": ~x.pair_mask | known.bond}
    nonsense = {f: torch.where(ignored[f][..., None], float("nan"), getattr(e, f)) for f in PARTS}
    before, after = process.loss(e, x, T, known), process.loss(e.replace(**nonsense), x, T, known)
    assert all(torch.equal(before[name], after[name]) for name in before)
    if given == "nothing":
        bad = replace(e, pos=e.pos.clone())
        bad.pos[0, 0] = float("nan")
        assert process.loss(bad, x, T, known)["pos"].isnan()


def test_batch_loss_is_the_mean_over_molecules(process, molecules, condition):
    x = molecules()
    e, known = random_estimate(x), condition(x, "nothing").known
    alone = []
    for row, n in enumerate(x.sizes.tolist()):
        one = take(x, [row])
        cut = Estimate(*(getattr(e, f)[row : row + 1, :n] for f in PARTS[:3]), e.bond[row : row + 1, :n, :n])
        t = Times(*(getattr(T, f)[row : row + 1] for f in PARTS))
        alone.append(process.loss(cut, one, t, Known.nothing(one)))
    together = process.loss(e, x, T, known)
    for name in together:
        torch.testing.assert_close(together[name], torch.stack([a[name] for a in alone]).mean())


def test_boost_is_clipped_where_nothing_is_corrupted(molecules):
    """At t = 0 the rate is 0; an estimate that knows nothing costs rate_clip ln K."""
    process = Process.build(ProcessConfig(rate_clip=7.0), (5, 3, 4))
    x = molecules((2, 4))
    e = Estimate(x.pos, *(torch.zeros(*f.shape, k) for f, k in ((x.atom, 5), (x.charge, 3), (x.bond, 4))))
    losses = process.loss(e, x, Times(torch.ones(2), *(torch.zeros(2),) * 3), Known.nothing(x))
    assert losses["atom"].item() == pytest.approx(7 * torch.tensor(5.0).log().item())
    assert losses["bond"].item() == pytest.approx(7 * torch.tensor(4.0).log().item())
