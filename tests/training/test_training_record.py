"""run.json and the guard of a run folder; curves on disk; settings from a file."""

import json
import shutil
from pathlib import Path

import pytest
from runs import small_arrays

from molediff.config import UserError, to_dict
from molediff.data.shards import write_shards
from molediff.elements import Vocabulary
from molediff.training.curve import LOSS, cut, read_curve, write_line
from molediff.training.fit import fit
from molediff.training.read import read_values
from molediff.training.record import MAY_CHANGE, flat


def test_record_of_a_run(configure):
    config = configure()
    fit(config, command="molediff train x.yaml")
    record = json.loads((Path(config.out) / "run.json").read_text())
    assert record["resume"] == "molediff train x.yaml"
    assert record["seed"] == 0 and record["config"]["model"]["network"]["width"] == 16
    assert record["versions"]["torch"] and record["data"]["molecules"] == 96
    assert [s["from_step"] for s in record["sittings"]] == [0]


def test_record_is_there_before_training(configure, monkeypatch):
    def no(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("molediff.training.fit.train", no)
    config = configure()
    with pytest.raises(KeyboardInterrupt):
        fit(config)
    assert (Path(config.out) / "run.json").is_file()


def test_another_config_is_refused_by_key(configure):
    fit(configure())
    with pytest.raises(UserError) as error:
        fit(configure(pairs=300, learning_rate=2e-3))
    message = str(error.value)
    assert "pairs: 200 there, 300 now" in message and "learning_rate: 0.001 there, 0.002 now" in message
    assert "seed:" not in message and "--set out=" in message
    with pytest.raises(UserError, match=r"model\.network\.width: 16 there, 32 now"):
        fit(configure(model={"network": {"layers": 1, "width": 32, "vectors": 4, "pair": 8, "hidden": 8, "heads": 4}}))


def test_some_keys_may_change(configure):
    config = configure()
    fit(config)
    assert set(MAY_CHANGE) < set(flat(to_dict(config)))
    assert fit(configure(threads=1, log_every=3, steps=40, checkpoint_minutes=1.0)).complete


def test_data_and_run_may_move_but_not_change(configure, shards, tmp_path):
    fit(configure())
    shutil.copytree(shards, tmp_path / "moved")
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    assert fit(configure("elsewhere", data=str(tmp_path / "moved"))).complete
    write_shards(tmp_path / "moved", small_arrays(96, seed=5), Vocabulary(), True, {})
    with pytest.raises(UserError, match=r"data: .* with another content"):
        fit(configure("elsewhere", data=str(tmp_path / "moved")))


def test_damaged_record_is_refused(configure):
    config = configure()
    fit(config)
    (Path(config.out) / "run.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        fit(config)


def test_data_of_another_vocabulary(configure, tmp_path):
    with pytest.raises(UserError, match="Prepare the data"):
        fit(configure(model={"vocabulary": {"elements": ["C", "H"]}}))


def test_cut_keeps_each_step_once(tmp_path):
    path = tmp_path / "loss.csv"
    for step in (5, 10, 15):
        write_line(path, LOSS, {"step": step, "loss": 1.0 / step})
    with open(path, "a") as f:
        f.write("20,3")
    assert [row["step"] for row in read_curve(path)] == [5, 10, 15]
    cut(path, 10)
    write_line(path, LOSS, {"step": 15, "loss": 0.25})
    assert [(row["step"], row["loss"]) for row in read_curve(path)] == [(5, 0.2), (10, 0.1), (15, 0.25)]


def test_cut_of_a_file_killed_in_its_header(tmp_path):
    path = tmp_path / "loss.csv"
    path.write_text("step,mol")
    cut(path, 3)
    write_line(path, LOSS, {"step": 4, "loss": 0.5})
    assert [row["step"] for row in read_curve(path)] == [4]


def test_values_of_a_file_and_changes(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("data: a\nout: b\nmodel: {network: {width: 8}}\n")
    values = read_values(str(path), ["model.network.width=16", "out=c=d", "steps=7", "model.denoiser=egnn"])
    assert values["model"] == {"network": {"width": 16}, "denoiser": "egnn"}
    assert values["out"] == "c=d" and values["steps"] == 7


@pytest.mark.parametrize(
    ("text", "changes", "said"),
    [
        ("- 1", [], "must hold keys"),
        ("a: [", [], "not YAML"),
        ("a: 1", ["steps"], "key=value"),
        ("a: 1", ["a.b=2"], "not keys and values"),
        ("a: 1", ["b=["], "not YAML"),
    ],
)
def test_bad_files_and_changes(tmp_path, text, changes, said):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_values(str(path), changes)


def test_missing_file():
    with pytest.raises(UserError, match="Cannot read the config"):
        read_values("nowhere.yaml")
