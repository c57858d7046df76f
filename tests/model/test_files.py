"""Models on disk: what was saved comes back, what is damaged or foreign is refused before it is used."""

import json

import pytest
import torch

from molediff.config import UserError
from molediff.model import Model, ModelConfig, SizePrior, describe, load, save
from molediff.model.files import DESCRIPTION, WEIGHTS


@pytest.fixture
def copy(small_model, tmp_path):
    return save(small_model, tmp_path / "copy", {"data": "none"})


def test_float32_comes_back_exactly(small_model, tmp_path):
    again = load(save(small_model, tmp_path / "m", {}, torch.float32))
    for (name, a), (_, b) in zip(small_model.state_dict().items(), again.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
    assert again.config == small_model.config
    assert again.sizes == small_model.sizes
    assert not again.training


def test_sizes_come_back_also_those_in_pockets(small_model, tmp_path):
    model = Model(small_model.config, SizePrior({5: 3, 9: 1}, {7: 2, 9: 1, 12: 1}))
    sizes = load(save(model, tmp_path / "m", {})).sizes
    assert sizes == model.sizes
    assert sizes.seen(False) == SizePrior({5: 3, 9: 1})
    assert sizes.seen(True) == SizePrior({5: 3, 7: 2, 9: 2, 12: 1})


def test_float16_comes_back_to_its_precision(small_model, copy):
    for a, b in zip(small_model.parameters(), load(copy).parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-6)


def test_a_flipped_bit_is_refused(copy):
    content = bytearray((copy / WEIGHTS).read_bytes())
    content[-5] ^= 1
    (copy / WEIGHTS).write_bytes(content)
    with pytest.raises(UserError, match="damaged or foreign"):
        load(copy)


def test_a_foreign_file_is_refused_before_it_is_read(copy):
    (copy / WEIGHTS).write_bytes(b"\x80\x04pickled")
    with pytest.raises(UserError, match="checksum"):
        load(copy)


def test_weights_of_another_network_are_refused(copy, small_model, tmp_path):
    other = Model(ModelConfig(network={**small_model.config.network, "width": 32}), SizePrior())
    save(other, tmp_path / "other", {})
    description = json.loads((copy / DESCRIPTION).read_text())
    description["sha256"] = describe(tmp_path / "other")["sha256"]
    (copy / DESCRIPTION).write_text(json.dumps(description))
    (copy / WEIGHTS).write_bytes((tmp_path / "other" / WEIGHTS).read_bytes())
    with pytest.raises(UserError, match="do not fit"):
        load(copy)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}', "\xff"])
def test_a_broken_description_is_refused(copy, text):
    (copy / DESCRIPTION).write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"model\.json"):
        load(copy)


def test_missing_weights_are_refused(copy):
    (copy / WEIGHTS).unlink()
    with pytest.raises(UserError, match="cannot be read"):
        load(copy)


def test_an_unknown_setting_is_refused_with_the_nearest(copy):
    description = json.loads((copy / DESCRIPTION).read_text())
    description["config"]["proces"] = {}
    (copy / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(UserError, match="Did you mean 'process'"):
        load(copy)


def test_an_unknown_model_names_what_is_there():
    with pytest.raises(UserError, match="There is no model 'nonsuch'"):
        load("nonsuch")


def test_an_unknown_network_names_the_allowed():
    with pytest.raises(UserError, match="attention"):
        Model(ModelConfig(denoiser="atention"), SizePrior())
