"""What is wanted: read from text, measured as the judge does, steered to, and answered for in the table."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from molediff.config import UserError
from molediff.evaluation.protocols.chemistry import UNITS, chemistry, properties
from molediff.pipelines import Generate
from molediff.pipelines.batching import blank, plan, plan_groups, rows_of, run_batch
from molediff.pipelines.wants import SPREAD, Steer, Want, Wants
from molediff.sampling import SamplingConfig, SteeringConfig
from molediff.structures import Condition

ASPIRIN = Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O")
NUMBERS = st.floats(-1e4, 1e4).map(lambda x: float(f"{x:g}"))


@given(st.sampled_from(sorted(SPREAD)), NUMBERS, NUMBERS)
def test_what_is_said_of_a_range_is_read_as_the_same(name, a, b):
    for want in (Want(name, min(a, b), max(a, b)), Want(name, low=a), Want(name, high=b), Want(name, a, a)):
        assert Want.parse(str(want)) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("logp=2..3", Want("logp", 2, 3)),
        ("qed=.7..", Want("qed", low=0.7)),
        ("tpsa = ..90", Want("tpsa", high=90)),
        ("rings=3", Want("rings", 3, 3)),
        ("logp=-1.5..-.5", Want("logp", -1.5, -0.5)),
        ("sp3=0.5...9", Want("sp3", 0.5, 0.9)),
    ],
)
def test_ranges_as_people_type_them(text, want):
    assert Want.parse(text) == want


@pytest.mark.parametrize(
    "text", ["logp", "logp=", "logp=..", "logp=3..2", "logp=a..b", "logp=nan..", "qed=-inf..inf", "logp=2..3..4"]
)
def test_a_range_that_is_none_is_refused_with_what_to_type(text):
    with pytest.raises(UserError, match=r"--want logp=2\.\.3"):
        Want.parse(text)


def test_a_property_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"'logP'.*logp"):
        Want.parse("logP=2..3")
    with pytest.raises(UserError, match="more than once"):
        Wants.of(["logp=2..", "logp=..3"])
    assert Wants.of([]) is None


def test_every_property_of_the_judge_can_be_wanted_and_is_the_same():
    assert set(SPREAD) == set(UNITS) == set(properties())
    found = chemistry(ASPIRIN)
    wants = Wants(tuple(Want(name, low=0.0) for name in SPREAD))
    assert wants.values(ASPIRIN) == {name: found[name] for name in SPREAD}
    assert found["lipinski_violations"] == 0
    assert found["weight"] == pytest.approx(180.16, abs=0.01)


def test_the_reward_is_0_within_and_falls_by_the_spread_beside():
    weight = chemistry(ASPIRIN)["weight"]
    assert Wants.of([f"weight={weight}"]).reward(ASPIRIN) == 0
    assert Wants.of(["weight=..120.16"]).reward(ASPIRIN) == pytest.approx(-1, abs=1e-3)
    assert Wants.of(["weight=300.16..400"]).reward(ASPIRIN) == pytest.approx(-2, abs=1e-3)
    both = Wants.of(["weight=..120.16", "rings=3"])
    assert both.reward(ASPIRIN) == pytest.approx(-3, abs=1e-3)
    assert np.isnan(both.reward(Chem.MolFromSmiles("C=C(C)(C)(C)C", sanitize=False)))


def test_what_does_not_fit_lies_in_the_table():
    wants = Wants.of(["rings=1", "logp=0..2"])
    torn = Chem.MolFromSmiles("C=C(C)(C)(C)C", sanitize=False)
    columns = wants.columns([ASPIRIN, Chem.MolFromSmiles("CCO"), torn, None], [True, True, False, False])
    assert columns["as_wanted"] == [True, False, False, False]
    assert columns["rings"][:2] == [1, 0]
    assert np.isnan(columns["logp"][2:]).all()
    # a molecule that is not valid is not as wanted, whatever its figures
    assert wants.columns([ASPIRIN], [False])["as_wanted"] == [False]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 12), st.randoms())
def test_a_batch_holds_whole_groups_of_like_size(lengths, batch, random):
    edges = np.concatenate([[0], np.cumsum(lengths)])
    groups = [list(range(a, b)) for a, b in pairwise(edges)]
    sizes = [random.randint(3, 6) for _ in groups]
    each = [sizes[k] for k, group in enumerate(groups) for _ in group]
    batches = plan_groups(each, batch, groups)
    assert sorted(group for part in batches for group in part) == groups
    found = [each[group[0]] for part in batches for group in part]
    assert found == sorted(found)
    for part in batches:
        assert len(part) == 1 or sum(map(len, part)) <= batch
        assert [row for rows in rows_of(part) for row in rows] == list(range(sum(map(len, part))))


def test_alone_each_is_a_group():
    sizes = [5, 3, 4, 3, 5, 5, 2]
    assert plan(sizes, 3) == [[6, 1, 3], [2, 0, 4], [5]]


def test_steered_molecules_come_in_groups_of_one_size_again_and_again(small_model):
    wish = {"want": ["rings=0"], "steering": SteeringConfig(group=3)}
    made = Generate(small_model)(n=7, seed=4, steps=6, batch=3, **wish)
    again = Generate(small_model)(n=7, seed=4, steps=6, batch=7, **wish)
    assert made.table.smiles.tolist() == again.table.smiles.tolist()
    plain = Generate(small_model)(n=7, seed=4, steps=6)
    assert made.table.atoms.tolist() == [plain.table.atoms[k] for k in (0, 0, 0, 3, 3, 3, 3)]
    assert made.about["want"] == ["rings=0"]
    assert made.about["steering"]["group"] == 3
    assert made.counts["as_wanted"] == made.table.as_wanted.sum()


def test_without_strength_the_molecules_are_those_that_were_not_steered(small_model):
    still = SteeringConfig(group=7, strength=0.0)
    made = Generate(small_model)(n=4, seed=2, steps=5, atoms="6", want=["rings=0"], steering=still)
    plain = Generate(small_model)(n=4, seed=2, steps=5, atoms="6")
    for a, b in zip(made.mols, plain.mols, strict=True):
        assert np.array_equal(a.GetConformer().GetPositions(), b.GetConformer().GetPositions())


def test_memory_that_runs_out_leaves_groups_whole(small_model):
    config, wants = SamplingConfig(steps=6), Wants.of(["rings=0"], SteeringConfig(group=2))
    steer = Steer(wants, small_model, config, 0)
    given, indices, groups = blank([5] * 6), list(range(6)), [[0, 1], [2, 3], [4, 5]]

    def made(most):
        def denoise(noisy, times, condition):
            if len(noisy) > most:
                raise MemoryError
            return small_model(noisy, times, condition)

        def nothing(part, rows):
            return Condition.nothing(part)

        return run_batch(small_model, given, nothing, 0, indices, config, denoise, None, None, groups, steer.resample)

    assert torch.allclose(made(6).pos, made(2).pos, atol=1e-3)
    with pytest.raises(MemoryError):
        made(1)


def test_molecules_with_no_bonds_to_speak_of_or_far_too_many_are_looked_at(small_model):
    steer = Steer(Wants.of(["rings=0"]), small_model, SamplingConfig(), 0)
    one = blank([90])
    assert steer.rewards(one).item() == 0  # ninety atoms, none of them bonded
    full = one.replace(bond=one.pair_mask.long())
    assert np.isnan(steer.rewards(full).item())
    assert np.isnan(steer.rewards(one.replace(pos=one.pos + float("inf"))).item())


def test_a_trajectory_cannot_be_kept(small_model):
    with pytest.raises(UserError, match="Leave one out"):
        Generate(small_model)(n=2, steps=2, want=["rings=0"], trajectory=0)


def test_steered_to_few_rings_the_bundled_model_makes_fewer():
    pipeline = Generate.from_pretrained("qm9")

    def rings(**settings):
        out = pipeline(n=32, seed=0, steps=20, want=["rings=0"], steering=SteeringConfig(**settings))
        assert out.counts["strictly_valid"] >= 26
        return out.counts["as_wanted"]

    assert rings() >= rings(strength=0.0) + 8
