"""What a run leaves: quality, pictures, a model."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from runs import interrupt, last

from molediff.config import UserError
from molediff.model import Model, SizePrior, load
from molediff.pipelines import Generate
from molediff.training.curve import read_curve
from molediff.training.export import begin_with
from molediff.training.fit import export_last, fit
from molediff.training.plots import thinned
from molediff.training.quality import missing


def test_quality_is_sampled_with_averaged_weights(configure):
    asked = []

    def judge(model, seed):
        assert not model.training and not torch.is_grad_enabled()
        asked.append(model.denoiser.embed_atom.weight.clone())
        torch.rand(3)  # must not disturb the training
        return {"strictly_valid": 12.5, "molecule_stability": 3.0}

    with_quality, without = configure("with", sample_every=10), configure("without")
    fit(with_quality, judge=judge)
    fit(without)
    rows = read_curve(Path(with_quality.out) / "log" / "quality.csv")
    assert [(row["step"], row["strictly_valid"]) for row in rows] == [(10, 12.5), (20, 12.5), (30, 12.5)]
    state = last(with_quality)
    assert torch.equal(asked[-1], state["molediff"]["average"]["embed_atom.weight"])
    assert not torch.equal(asked[-1], state["state_dict"]["model.denoiser.embed_atom.weight"])
    for name, value in last(without)["state_dict"].items():
        assert torch.equal(value, state["state_dict"][name])


def test_quality_is_skipped_once_without_rdkit(configure, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    assert missing() == "rdkit"
    assert fit(configure(sample_every=5)).complete
    assert capsys.readouterr().err.count("rdkit is not installed") == 1


def test_quality_of_a_real_model(configure, monkeypatch):
    pytest.importorskip("rdkit")
    monkeypatch.setattr("molediff.training.quality.SAMPLES", 6)
    monkeypatch.setattr("molediff.training.quality.STEPS", 3)
    config = configure(sample_every=30)
    fit(config)
    (row,) = read_curve(Path(config.out) / "log" / "quality.csv")
    assert row["requested"] == 6
    assert all(0 <= row[k] <= 100 for k in ("strictly_valid", "connected", "unique", "molecule_stability"))


def test_model_and_picture_at_the_end(configure):
    config = configure(sample_every=10)
    outcome = fit(config, command="molediff train c.yaml", judge=lambda model, seed: {"strictly_valid": 50.0})
    assert outcome.model == Path(config.out) / "model"
    assert (Path(config.out) / "loss.png").stat().st_size > 10_000
    model = load(outcome.model)
    average = last(config)["molediff"]["average"]
    for name, value in model.denoiser.named_parameters():
        torch.testing.assert_close(value.detach(), average[name], rtol=1e-3, atol=1e-6)
    about = model.source.about
    assert about["steps"] == 30 and about["finished"] and about["quality"]["strictly_valid"] == 50.0
    assert str(Path(config.out).parent) not in json.dumps(about)
    assert sum(model.sizes.counts.values()) == 96


def test_export_before_the_end(configure):
    with pytest.raises(UserError, match="nothing to export"):
        export_last(configure())
    fit(configure(sample_every=7), judge=interrupt)
    model = load(export_last(configure(), "molediff train c.yaml"))
    assert model.source.about["steps"] == 8 and not model.source.about["finished"]


def test_begin_with_a_model(configure):
    first = configure("first")
    model = fit(first).model
    # A run of no rate at all shows what it began with.
    second = configure("second", initial=str(model), learning_rate=0.0, weight_decay=0.0)
    fit(second)
    a, b = load(model).denoiser.state_dict(), last(second)["molediff"]["average"]
    for name, value in b.items():
        torch.testing.assert_close(a[name], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("more", [{"walks": 5}, {"self_conditioning": True}, {"walks": 5, "self_conditioning": True}])
def test_begin_with_a_model_that_lacks_something(configure, more):
    """What is added begins without effect: the new network makes what the old one made."""
    plain = replace(configure().model, explicit_hydrogens=False)
    old = Model(plain, SizePrior({6: 1}))
    for p in old.parameters():
        torch.nn.init.normal_(p, std=0.1)
    new = Model(replace(plain, network={**plain.network, **more}), SizePrior({6: 1}))
    begin_with(new, old, "old")
    made, again = (Generate(m.eval())(n=4, seed=0, steps=3, atoms="6") for m in (old, new))
    for a, b in zip(made.mols, again.mols, strict=True):
        np.testing.assert_allclose(a.GetConformer().GetPositions(), b.GetConformer().GetPositions(), atol=1e-3)


def test_walks_are_for_heavy_atoms(configure):
    with pytest.raises(UserError, match=r"walks is 5.*explicit_hydrogens: false"):
        fit(configure(model={"network": {"walks": 5}}))


def test_begin_with_another_network_is_refused(configure):
    model = fit(configure("first")).model
    other = {"network": {"layers": 1, "width": 32, "vectors": 4, "pair": 8, "hidden": 8, "heads": 4}}
    with pytest.raises(UserError, match=f"The model '{model}' given as 'initial'"):
        fit(configure("second", model=other, initial=str(model)))


def test_begin_with_no_model(configure):
    with pytest.raises(UserError, match="no model 'nowhere'"):
        fit(configure(initial="nowhere"))


def test_tensorboard_has_each_step_once(configure):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(configure(sample_every=10), judge=interrupt)
    # Event files are ordered by the second they were begun in.
    time.sleep(1.1)
    config = configure()
    fit(config)
    events = EventAccumulator(str(Path(config.out) / "log" / "tensorboard"))
    events.Reload()
    assert [e.step for e in events.Scalars("train/loss")] == [4, 8, 12, 16, 20, 24, 28]


def test_points_close_on_a_log_axis_are_averaged():
    assert thinned([(1, 4.0), (2, 6.0), (100, 1.0), (101, 3.0), (110, 5.0)]) == [(1, 4), (2, 6), (100.5, 2), (110, 5)]
