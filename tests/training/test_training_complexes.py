"""Training on complexes: the frame of the pocket, copies, dropped pockets, resuming, beginning with a trunk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import curve, interrupt, last, small_arrays

from molediff.config import UserError
from molediff.data.complex_batches import read_complexes
from molediff.data.complexes import open_complexes, write_complexes
from molediff.data.module import Batch
from molediff.data.shards import checksum, open_shards, write_shards
from molediff.elements import Vocabulary
from molediff.model import Model, SizePrior, load
from molediff.structures import EncodedPocket
from molediff.training.fit import build, fit
from molediff.training.module import TrainingModule
from molediff.training.plan import Plan

POSES, RECEPTORS = 24, 6
SMALL = {"layers": 1, "width": 16, "vectors": 4, "pair": 8, "hidden": 8, "heads": 4}
READS = {**SMALL, "pocket": 8, "pocket_vectors": 4, "pocket_layers": 1}


@pytest.fixture(scope="session")
def complexes(tmp_path_factory):
    """Chains in shells of atoms, far from the origin of their file."""
    folder, rng = tmp_path_factory.mktemp("data") / "complexes", np.random.default_rng(0)
    write_shards(folder, small_arrays(POSES, seed=1), Vocabulary(), True, {"source": "chains"})
    receptor = np.arange(POSES) % RECEPTORS
    centre = rng.normal(scale=30, size=(RECEPTORS, 3))
    natoms = rng.integers(30, 60, RECEPTORS)
    direction = rng.standard_normal((natoms.sum(), 3))
    shell = direction / np.linalg.norm(direction, axis=1, keepdims=True) * rng.uniform(5, 12, (natoms.sum(), 1))
    arrays = {
        "origin": centre[receptor],
        "receptor": receptor,
        "cluster": receptor,
        "weight": np.ones(POSES),
        "rec_natoms": natoms,
        "rec_pos": np.repeat(centre, natoms, 0) + shell,
        "rec_element": rng.integers(0, 4, natoms.sum()),
        "rec_residue": rng.integers(0, 20, natoms.sum()),
        "rec_backbone": rng.random(natoms.sum()) < 0.5,
        "rec_group": np.concatenate([np.arange(n) // 5 for n in natoms]),
    }
    write_complexes(folder, arrays, [f"set/{k}" for k in range(RECEPTORS)], (("C", "N", "O", "S"), ("ALA",)), {})
    return folder


@pytest.fixture
def on_complexes(configure, complexes):
    def make(out="run", **changes):
        asked = {"model": {"network": READS}, "complexes": str(complexes), "complex_pairs": 600, "complex_copies": 3}
        return configure(out, **(asked | changes))

    return make


def batch(complexes, which=(0, 7, 3), seed=0) -> Batch:
    return Batch(*read_complexes(open_complexes(complexes), np.array(which), np.random.default_rng(seed)))


def shell_of(config) -> TrainingModule:
    return TrainingModule(Model(config.model, SizePrior({5: 1})), config, Plan(1, 10, 10))


def test_the_frame_is_the_pockets_centre_and_nothing_moved(complexes):
    opened, (molecules, _, pocket) = open_complexes(complexes), batch(complexes)
    for row, pose in enumerate((0, 7, 3)):
        ours = molecules.pos[row, : molecules.sizes[row]].double().numpy()
        theirs = pocket.pos[row, pocket.mask[row]].double().numpy()
        assert np.abs(theirs.mean(0)).max() < 1e-4
        everything = opened.arrays["rec_pos"][opened.atoms(opened.arrays["receptor"][pose])].astype(float)
        shift = opened.ligand(pose).astype(float).mean(0) - ours.mean(0)
        distance = np.linalg.norm((theirs + shift)[:, None] - everything[None], axis=-1).min(1)
        assert distance.max() < 1e-4


def test_copies_share_a_pocket_and_differ_in_noise(on_complexes, complexes):
    config = on_complexes(pocket_drop=0.0)
    shell = shell_of(config)
    clean, condition, times, draws = shell.inputs(batch(complexes))
    assert len(clean) == 9 and len(condition.pocket) == 3
    assert torch.equal(clean.pos[0], clean.pos[2]) and not torch.equal(draws.pos[0], draws.pos[2])
    assert times.pos[0] != times.pos[1]
    encoded = shell.encoded((clean, condition, times, draws))[1].pocket
    assert isinstance(encoded, EncodedPocket) and len(encoded) == 9
    assert torch.equal(encoded.scalar[0], encoded.scalar[2]) and not torch.equal(encoded.scalar[0], encoded.scalar[3])


def test_dropped_pockets(on_complexes, complexes):
    shell = shell_of(on_complexes(pocket_drop=1.0))
    inputs = shell.encoded(shell.inputs(batch(complexes)))
    assert not inputs[1].pocket.mask.any()
    half = shell_of(on_complexes(pocket_drop=0.5, complex_copies=40))
    kept = half.encoded(half.inputs(batch(complexes)))[1].pocket.mask.any(1).float().mean()
    assert 0.35 < kept < 0.65


def test_known_fragments_stay_in_the_frame_of_the_pocket(on_complexes, complexes):
    shell = shell_of(on_complexes(fragment_share=1.0, conformer_share=0.0))
    given = batch(complexes)
    clean, condition, *_ = shell.inputs(given)
    assert condition.known.pos.any()
    assert torch.equal(clean.pos[::3], given.molecules.pos)


def test_the_loss_reaches_the_encoder(on_complexes, complexes):
    shell = shell_of(on_complexes(fragment_share=0.3, retype_share=0.2))
    for cross in shell.model.denoiser.cross:  # they begin at zero, and the encoder behind them is not seen
        torch.nn.init.normal_(cross.scalar_out.weight)
    shell.loss(shell.inputs(batch(complexes))).backward()
    silent = [
        n for n, p in shell.model.denoiser.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()
    ]
    assert all("stereo" in n for n in silent), silent  # no molecule here has a tagged centre
    assert shell.model.denoiser.encoder.element.weight.grad.abs().max() > 0


def test_a_run_on_both_cut_off_and_resumed_is_the_same(on_complexes):
    whole = on_complexes("whole", complex_share=0.5)
    fit(whole, quiet=True)
    parts = on_complexes("parts", complex_share=0.5, sample_every=7)
    while not fit(parts, quiet=True, judge=interrupt).complete:
        pass
    assert curve(whole) == curve(parts)
    one, two = (last(c)["state_dict"] for c in (whole, parts))
    assert all(torch.equal(one[k], two[k]) for k in one)
    made = load(f"{whole.out}/model")
    assert made.reads_pockets
    there = open_complexes(whole.complexes)
    seen = np.asarray(there.shards.arrays["natoms"])[there.split()[0]]
    assert made.sizes.in_pockets == dict(zip(*np.unique(seen, return_counts=True), strict=True))
    assert made.sizes.seen(True).range[1] == max(made.sizes.range[1], seen.max())


def test_complexes_may_move_but_not_change(on_complexes, complexes, tmp_path):
    config = on_complexes()
    fit(config)
    model = json.loads((Path(config.out) / "model" / "model.json").read_text())["about"]
    assert model["training"]["complexes"] == complexes.name and len(model["data"]["complexes"]) == 64
    moved = shutil.copytree(complexes, tmp_path / "moved")
    assert fit(on_complexes(complexes=str(moved))).complete
    about = json.loads((moved / "complexes.json").read_text())
    np.save(moved / "weight.npy", np.full(POSES, 2, np.float32))
    about["sha256"]["weight"] = checksum(moved / "weight.npy")
    (moved / "complexes.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=r"complexes: .* with another content"):
        fit(on_complexes(complexes=str(moved)))
    with pytest.raises(UserError, match=r"complexes: '.+' there, '' now"):
        fit(on_complexes(complexes=""))


def test_beginning_with_a_trunk(configure, on_complexes):
    trunk = configure("trunk", model={"network": SMALL})
    fit(trunk, quiet=True)
    config = on_complexes("both", initial=f"{trunk.out}/model", steps=1, finish_steps=1, warmup_steps=1)
    model, _ = build(config, open_shards(config.data), fresh=True)
    wanted = load(f"{trunk.out}/model").denoiser.state_dict()
    ours = model.denoiser.state_dict()
    assert all(torch.equal(ours[k], wanted[k]) for k in wanted) and len(ours) > len(wanted)
    assert (model.denoiser.cross[0].scalar_out.weight == 0).all()
    other = on_complexes("other", initial=f"{trunk.out}/model", model={"network": READS | {"width": 24}})
    with pytest.raises(UserError, match="width"):
        build(other, open_shards(other.data), fresh=True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"network": SMALL}}, "reads no pockets"),
        ({"complex_share": 0.0}, "complex_share"),
        ({"complex_copies": 0}, "complex_copies"),
        ({"model": {"network": READS, "vocabulary": {"elements": ["H", "C", "N", "O"]}}}, "Vocabulary"),
    ],
)
def test_what_does_not_fit_is_refused(on_complexes, changes, said):
    with pytest.raises(UserError, match=said):
        fit(on_complexes(**changes), quiet=True)
