"""The table of ligand sizes: more room, larger molecules; draws that depend on (volume, seed, i) alone."""

from itertools import pairwise

import numpy as np
import pytest

from molediff.docking.cavities import free_volume
from molediff.sampling.pocket_sizes import PocketSizes, pocket_sizes
from molediff.sampling.sizes import draw_sizes


def mean(histogram):
    return sum(n * x for n, x in histogram.items()) / sum(histogram.values())


def test_more_room_means_larger_molecules():
    means = [mean(pocket_sizes().histogram(v)) for v in range(0, 900, 25)]
    assert all(b >= a for a, b in pairwise(means))
    assert 15 < means[0] < 25 and 28 < means[-1] < 40 and means[-1] > means[0] + 5


def test_between_two_rows_their_mixture():
    table = PocketSizes((100.0, 200.0), ({10: 1.0}, {20: 1.0}))
    assert table.histogram(50) == table.histogram(100) == {10: 1.0}
    assert table.histogram(125) == pytest.approx({10: 0.75, 20: 0.25})
    assert table.histogram(300) == {20: 1.0}


def test_a_draw_depends_on_its_own_number():
    table = pocket_sizes()
    all_of_them = draw_sizes(table.histogram(250.0), 7, range(50))
    assert draw_sizes(table.histogram(250.0), 7, range(20, 50)) == all_of_them[20:]
    assert draw_sizes(table.histogram(250.0), 8, range(50)) != all_of_them
    assert len(set(all_of_them)) > 5
    wide = draw_sizes(table.histogram(250.0), 1, range(2000))
    assert np.mean(wide) == pytest.approx(mean(table.histogram(250.0)), abs=0.6)


def shell(radius: float) -> np.ndarray:
    """Points on a sphere, dense enough to leave no way out."""
    k = np.arange(3000) + 0.5
    z, phi = 1 - 2 * k / 3000, np.pi * (1 + 5**0.5) * k
    return radius * np.stack([np.sqrt(1 - z**2) * np.cos(phi), np.sqrt(1 - z**2) * np.sin(phi), z], 1)


def test_room_in_a_hollow_sphere_is_its_volume():
    for radius in (6.0, 9.0):
        inside = 4 / 3 * np.pi * (radius - 3.0) ** 3
        assert free_volume(shell(radius) + 40.0, np.full(3, 40.0)) == pytest.approx(inside, rel=0.15)
    assert free_volume(shell(14.0), np.zeros(3)) == 0  # rays end before they meet the wall


def test_no_room_in_the_open_or_far_away():
    sheet = np.stack(np.meshgrid(np.arange(-15.0, 15), np.arange(-15.0, 15), [0.0]), -1).reshape(-1, 3)
    assert free_volume(sheet, np.array([0.0, 0.0, 6.0])) == 0
    assert free_volume(shell(5.0), np.full(3, 500.0)) == 0
