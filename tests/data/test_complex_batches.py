"""Batches of poses: by weight, of like size, a function of (seed, step)."""

from __future__ import annotations

import numpy as np
import pytest

from molediff.data.complex_batches import ComplexBatches, turn_of_complexes


def batches(**changes) -> ComplexBatches:
    rng = np.random.default_rng(0)
    sizes = tuple(int(n) for n in rng.integers(8, 40, 300))
    weights = tuple(float(w) for w in rng.uniform(0.1, 3, 300))
    return ComplexBatches(**({"sizes": sizes, "weights": weights, "budget": 8000, "copies": 4, "seed": 1} | changes))


def test_a_function_of_seed_and_step():
    one, two, other = batches(), batches(), batches(seed=2)
    assert all(np.array_equal(one.of_step(k), two.of_step(k)) for k in (0, 5, 3, 999))
    assert not all(np.array_equal(one.of_step(k), other.of_step(k)) for k in range(5))
    assert one.generator(4, 1).random() != one.generator(4).random()


def test_like_sizes_within_the_budget():
    b = batches()
    sizes = np.array(b.sizes)
    for k in range(200):
        got = sizes[b.of_step(k)]
        assert np.ptp(got) <= 2
        assert (got[0] ** 2) * len(got) * b.copies <= b.budget + got[0] ** 2 * b.copies


def test_weights_come_true():
    """Among poses of all sizes, each is drawn as often as its weight says: batches of small ligands hold more."""
    b = batches(sizes=(10,) * 50 + (20,) * 50 + (40,) * 50, weights=(1.0, 3.0) * 75, budget=64_000)
    counts = np.bincount(np.concatenate([b.of_step(k) for k in range(3000)]), minlength=150).astype(float)
    share = counts / counts.sum()
    for group in (slice(0, 50), slice(50, 100), slice(100, 150)):
        assert share[group].sum() == pytest.approx(1 / 3, abs=0.03)
        assert share[group][1::2].sum() / share[group][::2].sum() == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.7, 1.0])
def test_turns_are_spread_evenly(share):
    turns = [turn_of_complexes(k, share) for k in range(1000)]
    for kind in (True, False):
        numbers = [number for is_complex, number in turns if is_complex is kind]
        assert numbers == list(range(len(numbers)))
    assert abs(sum(t[0] for t in turns) - 1000 * share) <= 1
