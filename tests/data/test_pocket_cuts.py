"""Cuts hold whole residues, where they should, no more than asked, and are drawn by their generator alone."""

import numpy as np
import pytest

from molediff.data.pocket_cuts import BOX, MISSED, NEAR, SPHERE, draw_cut, near, nearest_residues, whole_residues


@pytest.fixture(scope="module")
def receptor() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residues of seven atoms filling a cube with an edge of 50 A, and a ligand in its middle."""
    rng = np.random.default_rng(0)
    centres = np.stack(np.meshgrid(*[np.arange(-25, 26, 4.0)] * 3), -1).reshape(-1, 3)
    centres = centres[np.linalg.norm(centres, axis=1) > 4]
    pos = (centres[:, None] + rng.normal(size=(len(centres), 7, 3))).reshape(-1, 3)
    group = np.repeat(rng.permutation(len(centres)), 7)
    return pos.astype(np.float32), group.astype(np.int32), rng.uniform(-2.5, 2.5, size=(20, 3)).astype(np.float32)


def is_whole(mask: np.ndarray, group: np.ndarray) -> bool:
    counts = np.bincount(group[mask], minlength=group.max() + 1)
    return bool(np.isin(counts, (0, 7)).all())


def test_residues_near_the_ligand(receptor):
    pos, group, ligand = receptor
    distance = np.linalg.norm(pos[:, None] - ligand, axis=-1).min(1)
    for radius in (5.0, 8.0):
        mask = near(pos, group, ligand, radius)
        assert set(group[mask]) == set(group[distance <= radius])
        assert is_whole(mask, group)
    assert not near(pos, group, ligand + 500, 8.0).any()


def test_a_draw_depends_on_its_generator_alone(receptor):
    for seed in range(20):
        one, other = np.random.default_rng(seed), np.random.default_rng(seed)
        assert np.array_equal(draw_cut(*receptor, one), draw_cut(*receptor, other))
        # the next draw of a run does not depend on what this one became
        pos, group, ligand = receptor
        draw_cut(pos[:70], group[:70], ligand, np.random.default_rng(seed))
        assert one.random() == other.random()


def test_draws_are_whole_and_not_too_large(receptor):
    rng = np.random.default_rng(1)
    sizes = [draw_cut(*receptor, rng, most) for most in (500, 300, 40) for _ in range(60)]
    for k, mask in enumerate(sizes):
        assert is_whole(mask, receptor[1])
        assert 7 <= mask.sum() <= (500, 300, 40)[k // 60]
    assert max(mask.sum() for mask in sizes) > 450
    assert draw_cut(*receptor, rng, most=3).sum() == 7


def test_half_are_near_the_ligand_and_half_are_round_a_point(receptor):
    """With room for all, each cut is one of the three kinds; their counts are those of chance."""
    pos, group, ligand = receptor
    rng, kinds = np.random.default_rng(2), {"ligand": 0, "sphere": 0, "box": 0}
    centre = ligand.mean(0)
    middle = np.array([pos[group == g].mean(0) for g in range(group.max() + 1)])
    of_ligand = {tuple(sorted(set(group[near(pos, group, ligand, r)]))) for r in np.arange(NEAR[0], NEAR[1], 0.005)}
    for _ in range(300):
        mask = draw_cut(pos, group, ligand, rng, most=100_000)
        chosen = sorted(set(group[mask].tolist()))
        away = np.abs(middle[chosen] - centre)
        assert away.max() < BOX[1] / 2 + MISSED + 4
        corner = np.sort(away, axis=1)[:, 0].max()
        if tuple(chosen) in of_ligand:
            kinds["ligand"] += 1
        elif corner > SPHERE[1] / np.sqrt(3) + MISSED / np.sqrt(3) + 1:
            kinds["box"] += 1
        else:
            kinds["sphere"] += 1
    # 150, 75, 75 are expected; five standard deviations; small boxes look like spheres
    assert 107 <= kinds["ligand"] <= 193
    assert kinds["sphere"] + kinds["box"] >= 107
    assert min(kinds.values()) > 20


def test_the_nearest_residues_stay():
    group = np.repeat([2, 0, 1, 3], [3, 4, 2, 5])
    distance = np.repeat([5.0, 1.0, 9.0, 3.0], [3, 4, 2, 5])
    chosen = whole_residues(group != 1, group)
    assert sorted(set(group[nearest_residues(chosen, group, distance, 9)].tolist())) == [0, 3]
    assert sorted(set(group[nearest_residues(chosen, group, distance, 12)].tolist())) == [0, 2, 3]
    assert set(group[nearest_residues(chosen, group, distance, 1)].tolist()) == {0}
    assert set(group[nearest_residues(chosen & False, group, distance, 9)].tolist()) == {0}
