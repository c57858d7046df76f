import pytest

from molediff.config import UserError
from molediff.sampling import draw_sizes, parse_atoms

COUNTS = {3: 1, 10: 50, 12: 49}


def test_sizes_depend_on_seed_and_index_alone():
    assert draw_sizes(COUNTS, 5, range(100))[40:60] == draw_sizes(COUNTS, 5, range(40, 60))
    assert draw_sizes(COUNTS, 5, range(100)) != draw_sizes(COUNTS, 6, range(100))


def test_sizes_follow_the_histogram():
    drawn = draw_sizes(COUNTS, 0, range(3000))
    assert set(drawn) <= set(COUNTS)
    assert drawn.count(10) / 3000 == pytest.approx(0.5, abs=0.04)
    assert drawn.count(3) / 3000 == pytest.approx(0.01, abs=0.008)


def test_a_range_inside_the_histogram_keeps_its_weights_and_one_outside_is_flat():
    assert parse_atoms("10-12", COUNTS) == {10: 50, 12: 49}
    assert parse_atoms("10-14", COUNTS) == dict.fromkeys(range(10, 15), 1)
    assert parse_atoms("40", COUNTS) == {40: 1}


@pytest.mark.parametrize("text", ["", "x", "0", "9-4", "-3"])
def test_nonsense_is_refused_with_an_example(text):
    with pytest.raises(UserError, match="--atoms"):
        parse_atoms(text, COUNTS)


def test_no_histogram_says_what_to_type():
    with pytest.raises(UserError, match="--atoms 12-20"):
        draw_sizes({}, 0, [0])
