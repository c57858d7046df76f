"""Every optimiser trains, resumes exactly and follows the plan; Muon's step is what it says."""

import pytest
import torch
from runs import interrupt, same_run
from torch import nn

from molediff.config import UserError
from molediff.training.fit import fit
from molediff.training.optimizers import OPTIMIZERS, muon

needs_muon = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch is older than 2.9")
NAMES = [pytest.param(name, marks=needs_muon if name == "muon" else ()) for name in OPTIMIZERS]


@pytest.mark.parametrize("name", NAMES)
def test_cut_off_and_resumed(configure, name):
    whole, parts = configure("whole", optimizer=name), configure("parts", optimizer=name, sample_every=11)
    assert fit(whole).complete
    assert fit(parts, judge=interrupt).step == 12
    while not fit(parts, judge=interrupt).complete:
        pass
    same_run(whole, parts)


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_reaches_every_parameter(name):
    network = nn.Sequential(nn.Linear(32, 24), nn.Linear(24, 3))
    optimizer = OPTIMIZERS[name](network, 1e-2, 0.0)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    before = [p.clone() for p in network.parameters()]
    network(torch.randn(5, 32)).square().sum().backward()
    optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))
    for group in optimizer.param_groups:
        group["lr"] = 1e-2
    optimizer.step()
    assert not any(torch.equal(p, q) for p, q in zip(network.parameters(), before, strict=True))


@needs_muon
def test_muon_moves_all_directions_of_a_matrix_alike():
    """A gradient whose singular values span four decades gives a step whose own lie within a factor of three."""
    torch.manual_seed(0)
    network = nn.Linear(24, 48, bias=False)
    u, _ = torch.linalg.qr(torch.randn(48, 24))
    w, _ = torch.linalg.qr(torch.randn(24, 24))
    network.weight.grad = u @ torch.diag(torch.logspace(0, -1.5, 24)) @ w.T
    before = network.weight.detach().clone()
    muon(network, 1e-3, 0.0).step()
    values = torch.linalg.svdvals(network.weight.detach() - before)
    assert values.max() / values.min() < 3
    # As large as AdamW's, whose entries are about 0.2 of the rate in root mean square.
    assert (network.weight.detach() - before).square().mean().sqrt() == pytest.approx(2e-4, rel=0.25)


@needs_muon
def test_small_and_thin_parameters_are_adamws():
    network = nn.Sequential(nn.Linear(32, 24), nn.Linear(24, 3))
    groups = {name: part.param_groups[0]["params"] for name, part in muon(network, 1e-3, 0.0).parts.items()}
    assert [tuple(p.shape) for p in groups["muon"]] == [(24, 32)]
    assert sum(len(g) for g in groups.values()) == 4


def test_old_torch_is_said(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    with pytest.raises(UserError, match="or adamw"):
        muon(nn.Linear(32, 32), 1e-3, 0.0)


def test_unknown_name(configure):
    with pytest.raises(UserError, match="muon"):
        fit(configure("other", optimizer="moun"))
