import pytest
import torch

from molediff.config import UserError
from molediff.sampling import draw_hydrogens, draw_new, draw_sizes, parse_atoms

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


def hydrogens(heavy, slots=1, pieces=1, draws=2000):
    generator = torch.Generator().manual_seed(heavy)
    return [draw_hydrogens(heavy, slots, pieces, generator) for _ in range(draws)]


QM9_CUTS = {1: 1.23, 2: 1.46, 3: 2.59, 4: 3.22, 5: 3.65, 6: 4.82, 7: 5.70, 8: 6.23}
"""New heavy atoms -> mean of new hydrogens less open valences, over 20,000 cuts through single bonds outside rings."""


@pytest.mark.parametrize("heavy", QM9_CUTS)
def test_new_hydrogens_are_as_many_as_in_qm9_on_average(heavy):
    # Many open valences, so that nothing is cut off at 0.
    mean = sum(hydrogens(heavy, slots=20)) / 2000 - 20
    assert mean == pytest.approx(QM9_CUTS[heavy], abs=0.6)


def test_a_link_takes_two_valences_a_fragment_and_nothing_goes_below_zero():
    one, two = hydrogens(4, slots=20), hydrogens(4, slots=20, pieces=2)
    assert [a - 2 for a in one] == two
    assert min(hydrogens(1, slots=0, pieces=3)) == 0


def test_new_atoms_depend_on_seed_and_index_alone_and_follow_what_was_asked():
    counts = dict.fromkeys(range(3, 30), 1)

    def draw(atoms, indices, known=6):
        return draw_new(counts, known, atoms, 7, indices, lambda k, g: draw_hydrogens(k, 2, 1, g))

    assert draw("2-4", range(40))[20:] == draw("2-4", range(20, 40))
    assert {heavy for heavy, _ in draw("2-4", range(100))} == {2, 3, 4}
    assert len({heavy for heavy, _ in draw("", range(200))}) > 5
    with pytest.raises(UserError, match="no room"):
        draw("", [0], known=29)
    with pytest.raises(UserError, match="--atoms"):
        draw("some", [0])


def test_with_implied_hydrogens_the_molecule_has_a_size_of_the_histogram():
    drawn = draw_new({10: 1, 14: 1}, 8, "", 0, range(60), lambda k, g: 0)
    assert {(8 + heavy, light) for heavy, light in drawn} == {(10, 0), (14, 0)}
