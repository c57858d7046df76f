"""Generation: reproducible, complete, and honest about what failed."""

import numpy as np
import pytest
import torch
from rdkit import Chem

from molediff.config import UserError
from molediff.model import Model, ModelConfig, SizePrior
from molediff.pipelines import Generate
from molediff.pipelines.batching import plan


@pytest.fixture(scope="module")
def made(small_model):
    return Generate(small_model)(n=7, seed=4, steps=4, batch=3)


def positions(mols):
    return [m.GetConformer().GetPositions() for m in mols]


def test_one_row_and_one_molecule_for_each_asked(made):
    assert len(made.mols) == len(made.table) == 7
    assert list(made.table["index"]) == list(range(7))
    assert [m.GetNumAtoms() for m in made.mols] == list(made.table["atoms"])
    assert made.counts["requested"] == 7
    invalid = made.table[~made.table.strictly_valid]
    assert (invalid.reason != "").all()


def test_the_same_seed_gives_the_same_bit_for_bit(made, small_model):
    again = Generate(small_model)(n=7, seed=4, steps=4, batch=3)
    assert again.table.equals(made.table)
    for a, b in zip(positions(made.mols), positions(again.mols), strict=True):
        assert np.array_equal(a, b)


def test_another_batch_or_number_changes_rounding_only(made, small_model):
    for other in (
        Generate(small_model)(n=7, seed=4, steps=4, batch=7),
        Generate(small_model)(n=9, seed=4, steps=4, batch=2),
    ):
        for a, b in zip(positions(made.mols), positions(other.mols), strict=False):
            assert np.allclose(a, b, atol=1e-3)


def test_another_seed_gives_other_molecules(made, small_model):
    other = Generate(small_model)(n=7, seed=5, steps=4, batch=3)
    assert not any(
        a.shape == b.shape and np.allclose(a, b)
        for a, b in zip(positions(made.mols), positions(other.mols), strict=True)
    )


def test_sizes_as_asked_and_out_of_domain_said(small_model):
    out = Generate(small_model)(n=4, steps=2, atoms="9")
    assert set(out.table.atoms) == {9}
    assert not out.table.in_domain.any()


def test_nan_is_a_failed_row_and_the_others_finish(small_model):
    plain = Generate(small_model)(n=6, seed=1, steps=3, batch=6)

    def poisoned(noisy, times, condition):
        estimate = small_model(noisy, times, condition)
        worst = noisy.sizes == noisy.sizes.max()
        return estimate.replace(pos=torch.where(worst[:, None, None], float("nan"), estimate.pos))

    out = Generate(small_model, poisoned)(n=6, seed=1, steps=3, batch=6)
    failed = out.table.atoms == out.table.atoms.max()
    assert failed.any()
    assert not failed.all()
    assert (out.table.reason[failed] == "sampling gave no finite positions").all()
    assert [m is None for m in out.mols] == list(failed)
    assert out.counts["failed"] == failed.sum()
    assert out.table[~failed].equals(plain.table[~failed])


def test_more_bonds_than_a_molecule_has_are_a_failed_row(small_model):
    def bound(noisy, times, condition):
        estimate = small_model(noisy, times, condition)
        crowded = noisy.sizes == noisy.sizes.max()
        single = torch.nn.functional.one_hot(torch.ones_like(noisy.bond), estimate.bond.shape[-1]) * 99.0
        return estimate.replace(bond=torch.where(crowded[:, None, None, None], single, estimate.bond))

    out = Generate(small_model, bound)(n=2, seed=1, steps=2, atoms="70")  # RDKit takes all memory at some 200 atoms
    assert out.mols == [None, None] and out.counts["failed"] == 2
    assert out.table.reason[0] == "sampling gave 2415 bonds between 70 atoms"


def test_out_of_memory_halves_the_batch_with_the_same_result(small_model):
    plain = Generate(small_model)(n=8, seed=2, steps=3, batch=8)
    sizes_seen = []

    def greedy(noisy, times, condition):
        sizes_seen.append(len(noisy))
        if len(noisy) > 2:
            raise torch.OutOfMemoryError("too many")
        return small_model(noisy, times, condition)

    out = Generate(small_model, greedy)(n=8, seed=2, steps=3, batch=8)
    assert set(sizes_seen) == {8, 4, 2}
    for a, b in zip(positions(plain.mols), positions(out.mols), strict=True):
        assert np.allclose(a, b, atol=1e-3)


def test_a_run_cut_off_goes_on_with_the_same_result(small_model, tmp_path):
    plain = Generate(small_model)(n=9, seed=2, steps=3, batch=2)
    calls = []

    def dies(noisy, times, condition):
        calls.append(1)
        if len(calls) > 7:
            raise KeyboardInterrupt
        return small_model(noisy, times, condition)

    with pytest.raises(KeyboardInterrupt):
        Generate(small_model, dies)(n=9, seed=2, steps=3, batch=2, parts=tmp_path)
    kept = sorted(tmp_path.glob("batch-*.npz"))
    assert kept
    kept[0].write_bytes(kept[0].read_bytes()[:100])  # a damaged part is made again
    again = Generate(small_model)(n=9, seed=2, steps=3, batch=2, parts=tmp_path)
    assert again.table.equals(plain.table)
    for a, b in zip(positions(plain.mols), positions(again.mols), strict=True):
        assert np.array_equal(a, b)


def test_trajectory_ends_at_the_molecule(small_model):
    out = Generate(small_model)(n=5, seed=4, steps=4, batch=3, trajectory=2)
    assert len(out.trajectory.states) == len(out.trajectory.estimates) == 4
    assert np.allclose(out.trajectory.states[-1].pos[0].numpy(), out.mols[2].GetConformer().GetPositions(), atol=1e-5)


def test_an_absorbing_model_never_leaves_masks_behind():
    from molediff.noise import ProcessConfig

    torch.manual_seed(0)
    network = {"layers": 1, "width": 16, "vectors": 8, "pair": 8, "hidden": 8, "heads": 4}
    model = Model(ModelConfig(network=network, process=ProcessConfig(base="absorbing")), SizePrior({6: 1})).eval()
    out = Generate(model)(n=4, steps=3)
    assert all(m is not None and m.GetNumAtoms() == 6 for m in out.mols)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 0}, "at least 1"),
        ({"batch": 0}, "--batch"),
        ({"stps": 4}, "Did you mean 'steps'"),
        ({"trajectory": 99}, "--trajectory"),
        ({"method": "heuns"}, "Allowed"),
        ({"temperature": "hot"}, "number"),
    ],
)
def test_bad_arguments_say_what_is_allowed(small_model, change, message):
    with pytest.raises(UserError, match=message):
        Generate(small_model)(**{"n": 2, "steps": 2, **change})


def test_plan_holds_everyone_once_like_sizes_together():
    sizes = [5, 3, 9, 3, 5, 5, 8]
    batches = plan(sizes, 3)
    assert sorted(i for b in batches for i in b) == list(range(7))
    assert [sizes[i] for b in batches for i in b] == sorted(sizes)


def test_save_writes_every_file_and_the_sdf_reads_back(made, tmp_path):
    made.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"molecules.sdf", "molecules.csv", "grid.png"}
    back = list(Chem.SDMolSupplier(str(tmp_path / "molecules.sdf"), sanitize=False, removeHs=False))
    assert len(back) == 7
    for a, b in zip(made.mols, back, strict=True):
        assert [x.GetAtomicNum() for x in a.GetAtoms()] == [x.GetAtomicNum() for x in b.GetAtoms()]
        assert [x.GetFormalCharge() for x in a.GetAtoms()] == [x.GetFormalCharge() for x in b.GetAtoms()]
        assert {(x.GetBeginAtomIdx(), x.GetEndAtomIdx(), x.GetBondType()) for x in a.GetBonds()} == {
            (x.GetBeginAtomIdx(), x.GetEndAtomIdx(), x.GetBondType()) for x in b.GetBonds()
        }
        assert np.allclose(a.GetConformer().GetPositions(), b.GetConformer().GetPositions(), atol=1e-4)
        assert {"index", "seed", "model", "checksum", "steps", "method"} <= set(b.GetPropNames())


def test_only_the_elements_asked_for(small_model):
    """An untrained network would make any."""
    out = Generate(small_model)(n=12, steps=3, atoms="9", elements="c,F")
    assert {a.GetSymbol() for m in out.mols for a in m.GetAtoms()} <= {"C", "F", "H"}
    free = Generate(small_model)(n=12, steps=3, atoms="9")
    assert not {a.GetSymbol() for m in free.mols for a in m.GetAtoms()} <= {"C", "F", "H"}


@pytest.mark.parametrize(
    ("elements", "words"), [("C,Xx", "does not know 'Xx'"), ("C,,N", "does not know ''"), ("H", "leaves nothing")]
)
def test_elements_that_cannot_be(small_model, elements, words):
    with pytest.raises(UserError, match=words):
        Generate(small_model)(n=1, steps=2, elements=elements)


@pytest.mark.parametrize("index", [0, 3])
def test_a_trajectory_survives_halving(small_model, index):
    """Out of memory above two molecules: the frames are those of the molecule, and of the attempt that succeeded."""

    def tight(noisy, times, condition):
        if len(noisy) > 2:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"
            )
        return small_model(noisy, times, condition)

    out = Generate(small_model, tight)(n=4, seed=4, steps=3, atoms="9", trajectory=index)
    assert len(out.trajectory.states) == len(out.trajectory.estimates) == 3
    last = out.trajectory.states[-1].pos[0].numpy()
    assert np.allclose(last, out.mols[index].GetConformer().GetPositions(), atol=1e-5)


def test_parts_of_another_run_are_made_again(small_model, tmp_path):
    asked = {"n": 3, "atoms": "6", "steps": 2, "parts": tmp_path}
    first = Generate(small_model)(**asked, seed=0)
    for other in ({"seed": 1}, {"seed": 0, "atoms": "9", "n": 5}, {"seed": 0, "temperature": 0.5}, {"seed": 0}):
        kept = Generate(small_model)(**asked | other)
        fresh = Generate(small_model)(**asked | other | {"parts": None})
        for a, b in zip(positions(kept.mols), positions(fresh.mols), strict=True):
            assert np.array_equal(a, b)
    assert np.array_equal(positions(first.mols)[0], positions(kept.mols)[0])
