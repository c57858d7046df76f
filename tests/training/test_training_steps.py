"""Steps that go wrong: no finite loss, no memory; and the options of a step."""

import math
from pathlib import Path

import pytest
import torch
from runs import last

from molediff.config import UserError
from molediff.data.shards import open_shards
from molediff.training.fit import build, fit
from molediff.training.module import TrainingModule
from molediff.training.pieces import halved, piecewise, rows
from molediff.training.plan import Plan


def spoil(monkeypatch, calls, value: float = math.nan):
    """Make the loss of some calls (counted from 0) useless."""
    from molediff.model import Model

    plain, count = Model.loss, iter(range(10**6))

    def loss(self, *inputs):
        losses = plain(self, *inputs)
        bad = next(count) in calls
        return {name: part * value if bad else part for name, part in losses.items()}

    monkeypatch.setattr(Model, "loss", loss)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_step_without_finite_loss_is_skipped_and_counted(configure, monkeypatch, value):
    spoil(monkeypatch, {5, 6, 11}, value)
    config = configure()
    assert fit(config).complete
    state = last(config)
    assert state["molediff"]["skipped"] == 3
    assert all(torch.isfinite(x).all() for x in state["state_dict"].values())
    assert all(torch.isfinite(x).all() for x in state["molediff"]["average"].values())
    optimizer = state["optimizer_states"][0]["state"][0]
    assert optimizer["step"] == 30 - 3
    rows = [line.split(",") for line in Path(config.out, "log", "loss.csv").read_text().splitlines()]
    assert "nan" not in str(rows) and rows[-1][rows[0].index("skipped")] == "3"


def test_twenty_in_a_row_stop_the_run(configure, monkeypatch):
    spoil(monkeypatch, range(2, 1000))
    with pytest.raises(UserError, match=r"20 steps in a row.*learning_rate"):
        fit(configure())


def module_and_batch(config):
    shards = open_shards(config.data)
    model, positions = build(config, shards, fresh=True)
    module = TrainingModule(model, config, Plan(1, 10, 10))
    from molediff.data.shards import read_batch

    clean, stereo = read_batch(shards, positions[:7])
    torch.manual_seed(0)
    from molediff.noise import batch_draws
    from molediff.structures import Condition, Known

    graph = torch.arange(7) < 3
    condition = Condition(Known.graph(clean, graph), stereo.keep(graph))
    return module, (clean, condition, model.process.training_times(7), batch_draws(*clean.mask.shape))


@pytest.mark.parametrize("pieces", [2, 3, 7])
def test_pieces_have_the_gradient_of_the_whole(configure, pieces):
    module, inputs = module_and_batch(configure())
    found = []
    for k in (1, pieces):
        module.zero_grad()
        losses = piecewise(module.model.loss, inputs, k)
        losses["loss"].backward()
        found.append((losses, [0 * p if p.grad is None else p.grad.clone() for p in module.parameters()]))
    (whole, g), (parts, h) = found
    assert whole.keys() == parts.keys()
    for name in whole:
        torch.testing.assert_close(whole[name], parts[name], rtol=1e-4, atol=1e-5)
    for a, b in zip(g, h, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_rows_reach_into_nested_fields(configure):
    _, inputs = module_and_batch(configure())
    condition = rows(inputs[1], slice(2, 5))
    assert condition.known.bond.shape[0] == condition.stereo.centre.shape[0] == 3 and condition.pocket is None


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_out_of_memory_halves_the_batch(configure, monkeypatch, where):
    from molediff.model import Model

    whole = configure("whole")
    fit(whole)
    plain, largest = Model.loss, 3

    class Full(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise torch.OutOfMemoryError("no memory left")

    def loss(self, clean, *rest):
        losses = plain(self, clean, *rest)
        if len(clean) > largest and where == "forward":
            raise torch.OutOfMemoryError("no memory left")
        if len(clean) > largest:
            losses["loss"] = Full.apply(losses["loss"])
        return losses

    monkeypatch.setattr(Model, "loss", loss)
    small = configure("small")
    assert fit(small).complete
    a, b = last(whole)["state_dict"], last(small)["state_dict"]
    apart = max((a[k] - b[k]).abs().max().item() for k in a)
    assert 0 < apart < 5e-3


def test_a_molecule_that_does_not_fit_alone_is_said():
    assert halved(1, 6) == 2 and halved(4, 6) == 6
    with pytest.raises(UserError, match="one molecule at a time"):
        halved(6, 6)


def test_bf16(configure):
    config = configure(precision="bf16-mixed")
    assert fit(config).complete
    assert {x.dtype for x in last(config)["state_dict"].values()} == {torch.float32}


def test_gradient_is_clipped(configure):
    """With a tiny clip the moments of Adam are tiny; the log shows the norm before."""
    config = configure(clip=1e-6)
    fit(config)
    moments = [s["exp_avg"] for s in last(config)["optimizer_states"][0]["state"].values()]
    assert max(m.abs().max().item() for m in moments) <= 1e-6
    assert float(Path(config.out, "log", "loss.csv").read_text().splitlines()[1].split(",")[7]) > 1e-3


def test_compiling_keeps_the_names_of_weights(configure):
    shards = open_shards(configure().data)
    names = []
    for flag in (False, True):
        config = configure(compile=flag)
        names.append(list(TrainingModule(build(config, shards, True)[0], config, Plan(1, 10, 10)).state_dict()))
    assert names[0] == names[1]


def test_same_seed_same_weights_other_seed_others(configure):
    a, b, c = configure("a"), configure("b"), configure("c", seed=1)
    for config in (a, b, c):
        fit(config)
    first, same, other = (last(x)["state_dict"]["model.denoiser.embed_atom.weight"] for x in (a, b, c))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_a_network_hears_itself_in_a_share_of_the_steps(configure, monkeypatch):
    from molediff.model import Model

    plain, heard = Model.recalling, []
    monkeypatch.setattr(Model, "recalling", lambda self, *inputs: heard.append(1) or plain(self, *inputs))
    network = configure().model.network
    for share, counts in ((0.0, {0}), (1.0, {30}), (0.5, set(range(6, 25)))):
        heard.clear()
        settings = {"network": network | {"self_conditioning": True}}
        assert fit(configure(f"share{share}", model=settings, recall_share=share)).complete
        assert len(heard) in counts
    heard.clear()
    fit(configure("deaf"))
    assert not heard


@pytest.mark.parametrize("share", [-0.1, 1.5, 50, math.nan])
def test_shares_out_of_range_are_refused(configure, share):
    with pytest.raises(UserError, match=r"recall_share must lie in \[0, 1\]"):
        fit(configure(recall_share=share))


def test_the_first_look_of_a_batch_that_does_not_fit_is_taken_in_pieces(configure, monkeypatch):
    from molediff.model import Model

    plain, sizes = Model.forward, []

    def forward(self, noisy, times, condition):
        sizes.append(len(noisy))
        if len(noisy) > 4:
            raise torch.OutOfMemoryError("pretended")
        return plain(self, noisy, times, condition)

    monkeypatch.setattr(Model, "forward", forward)
    network = configure().model.network | {"self_conditioning": True}
    assert fit(configure(model={"network": network}, recall_share=1.0, steps=2, finish_steps=1)).complete
    assert max(sizes) > 4 and sizes[-1] <= 4
