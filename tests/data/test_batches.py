"""Batches: every molecule once an epoch, from (seed, step) alone, within the budget."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molediff.data.batches import Batches


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=300),
    budget=st.integers(1, 20_000),
    seed=st.integers(0, 2**31),
    epoch=st.integers(0, 5),
)
def test_every_molecule_once_an_epoch_in_batches_of_one_size(sizes, budget, seed, epoch):
    batches = Batches(tuple(sizes), budget, seed)
    drawn = batches.epoch(epoch)
    assert sorted(np.concatenate(drawn).tolist()) == list(range(len(sizes)))
    assert len(drawn) == len(batches)
    for batch in drawn:
        n = {sizes[i] for i in batch}
        assert len(n) == 1
        # the number of batches is rounded, so a batch holds at most half as many again, and always one molecule
        assert len(batch) <= max(1, 1.5 * (budget // n.pop() ** 2) + 1)


def test_steps_are_epochs_laid_end_to_end_and_can_be_asked_in_any_order():
    sizes = tuple(np.random.default_rng(0).integers(3, 12, 500).tolist())
    batches, fresh = Batches(sizes, 2_000, 7), Batches(sizes, 2_000, 7)
    length = len(batches)
    laid = [batch for epoch in range(3) for batch in batches.epoch(epoch)]
    for step in (3 * length - 1, 0, length, length - 1, 2 * length + 3, 1):
        assert np.array_equal(fresh.of_step(step), laid[step])
    assert any(not np.array_equal(a, b) for a, b in zip(batches.epoch(0), batches.epoch(1), strict=True))
    assert any(
        not np.array_equal(a, b) for a, b in zip(batches.epoch(0), Batches(sizes, 2_000, 8).epoch(0), strict=True)
    )


def test_the_order_is_that_of_runs_already_made():
    """A resumed run must meet the batches that it would have met."""
    sizes = tuple(np.random.RandomState(3).randint(3, 30, 4_000).tolist())
    batches = Batches(sizes, 41_472, 5)
    digest = hashlib.sha256()
    for step in (0, 1, 17, 100, 301):
        digest.update(batches.of_step(step).astype(np.int64).tobytes())
    assert digest.hexdigest() == "963e8d12635a9d0f493a81b1138d332fde10f58f558bd88bb0c92b2d87ad0b1a"


@pytest.mark.parametrize("seed", [0, 1])
def test_usual_batches_are_near_the_budget(seed):
    sizes = (18,) * 12_800 + (9,) * 51_200
    pairs = [len(b) * sizes[b[0]] ** 2 for b in Batches(sizes, 41_472, seed).epoch(0)]
    assert min(pairs) > 0.95 * 41_472
    assert max(pairs) < 1.05 * 41_472
