"""Uniqueness, novelty, hashes, audit, diversity and flags."""

import numpy as np
import pytest

from molediff.evaluation.errors import InputError
from molediff.evaluation.flags import impossible
from molediff.evaluation.identity import inchikey, inchikey_hashes, novelty, uniqueness
from molediff.evaluation.memory import audit, internal_diversity

from .molecules import SMALL, embedded


@pytest.mark.parametrize("smiles", SMALL)
def test_a_record_and_its_smiles_have_one_key(smiles):
    assert inchikey(embedded(smiles)) == inchikey(smiles) != ""


def test_enantiomers_have_one_key():
    assert inchikey("C[C@H](F)Cl") == inchikey("C[C@@H](F)Cl")


def test_hashes_are_sorted_unique_and_survive_nonsense():
    found = inchikey_hashes(["CCO", "OCC", "CC", "not a molecule", ""])
    assert found.dtype == np.uint64 and len(found) == 2 and found[0] < found[1]


def test_novelty_under_both_denominators():
    train = inchikey_hashes(["CCO"])
    found = novelty(["OCC", "OCC", "CC", "CCC"], train)
    assert (found["n"], found["copies"], found["without_key"]) == (4, 2, 0)
    assert found["novel_per_unique"] == pytest.approx(200 / 3)
    assert found["novel_per_all"] == 50


def test_hashes_of_the_wrong_type_are_refused():
    with pytest.raises(InputError, match="uint64"):
        novelty(["CC"], np.array([1, 2]))


def test_uniqueness_says_its_n():
    assert uniqueness(["A", "A", "B", ""]) == {
        "n": 3,
        "unique": 2,
        "duplicates": 1,
        "uniqueness": pytest.approx(200 / 3),
    }
    assert np.isnan(uniqueness([])["uniqueness"])


def test_audit_finds_copies_and_neighbours():
    found = audit(["CCO", "c1ccccc1C"], ["OCC", "c1ccccc1", "bad("])
    assert (found["n"], found["n_train"], found["identical_fingerprints"]) == (2, 2, 1)
    assert sum(found["histogram"]) == 2
    assert {pair[1] for pair in found["pairs"]} == {"OCC", "c1ccccc1"}


def test_diversity_by_hand():
    assert internal_diversity(["CCO", "OCC"])["n"] == 2
    assert internal_diversity(["CCO", "OCC"])["diversity"] == pytest.approx(0)
    assert np.isnan(internal_diversity(["CCO"])["diversity"])


def test_impossible_published_row_is_flagged():
    row = {"validity": {"value": 93.0}, "valid_unique": {"value": 91.3}, "valid_unique_novel": {"value": 95.8}}
    flags = impossible(row)
    assert len(flags) == 2 and all(flag.startswith("impossible") for flag in flags)
    assert not impossible({"validity": {"value": 93.0}, "valid_unique": {"value": 91.3}})


def test_better_than_the_data_is_flagged():
    data = {"molecule_stability": {"value": 95.2}}
    assert impossible({"molecule_stability": {"value": 98.0, "spread": 0.5}}, data)
    assert not impossible({"molecule_stability": {"value": 95.9, "spread": 0.5}}, data)
