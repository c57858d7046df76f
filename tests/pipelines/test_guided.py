"""Guidance in a pocket, end to end with an untrained model: fewer clashes under the energy, and known atoms stay."""

from __future__ import annotations

import pytest
import torch

from molediff.chem.fragments import read_fragments
from molediff.config import UserError
from molediff.docking.pocket_energy import PocketEnergy
from molediff.pipelines import Generate
from molediff.pipelines.frame import Frame, cut_pocket
from molediff.pipelines.guided import guided
from molediff.pipelines.tasks import Grow, Task
from molediff.sampling import GuidanceConfig
from tests.pipelines.pocketbench import cave, placed, pocket_model, write_sdf


@pytest.fixture(scope="module")
def place():
    model = pocket_model()
    receptor, site = cave(radius=5.0)
    return model, receptor, Frame.of(model, cut_pocket(receptor, site)[0])


def made(place, config: GuidanceConfig | None, task=None):
    model, receptor, frame = place
    denoise = None if config is None else guided(model, receptor, frame, config)
    return Generate(model, denoise)(n=6, steps=12, atoms="8", task=task or Task(frame))


def energy(place, generation) -> torch.Tensor:
    """Of carbon atoms in their places: what the gradient is of, without the types that an untrained network draws."""
    model, receptor, _ = place
    of = PocketEnergy.of(receptor, [0.0, 0.0, 0.0], model.vocabulary, reach=1000.0, clash=5.0)
    pos = torch.stack([torch.tensor(m.GetConformer().GetPositions()) for m in generation.mols])
    zero = torch.zeros(pos.shape[:2], dtype=torch.long)
    return of(pos, zero, zero, torch.zeros(len(pos), 8, 8, dtype=torch.long), zero == 0)


def test_without_settings_nothing_changes(place):
    plain, same = made(place, None), made(place, GuidanceConfig())
    assert all(
        (a.GetConformer().GetPositions() == b.GetConformer().GetPositions()).all()
        for a, b in zip(plain.mols, same.mols, strict=True)
    )


def test_the_pull_lowers_the_energy(place):
    plain = energy(place, made(place, None))
    pulled = energy(place, made(place, GuidanceConfig(pull=1.0, below=3.0, clip=1.0)))
    assert pulled.mean() < plain.mean()


def test_the_scale_changes_what_is_made(place):
    plain, more = made(place, None), made(place, GuidanceConfig(scale=3.0))
    apart = abs(plain.mols[0].GetConformer().GetPositions() - more.mols[0].GetConformer().GetPositions())
    assert apart.max() > 1e-3


def test_a_known_core_stays(place, tmp_path):
    model, _, frame = place
    core = placed("c1ccccc1", frame.origin)
    source = read_fragments(write_sdf(tmp_path / "core.sdf", core), "", model.vocabulary, False)
    config = GuidanceConfig(scale=2.0, pull=2.0, below=3.0)
    out = made(place, config, Grow(source, model, frame))
    assert out.table["known_exact"].all()


def test_settings_that_cannot_be(place):
    with pytest.raises(UserError, match="scale"):
        made(place, GuidanceConfig(scale=-2.0))
