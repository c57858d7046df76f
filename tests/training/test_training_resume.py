"""A run that was cut off anywhere is, in the end, the run that was not."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch
import yaml
from runs import curve, last, same_run, start

from molediff.config import UserError
from molediff.training.fit import fit


def test_cut_off_by_sigterm_and_resumed(configure):
    whole, parts = configure("whole"), configure("parts", sample_every=7)
    fit(whole)
    ended = []

    def judge(model, seed):
        if not ended:
            os.kill(os.getpid(), signal.SIGTERM)
        return {"strictly_valid": 0.0}

    for _ in range(3):
        ended.append(fit(parts, judge=judge))
        if ended[-1].complete:
            break
        assert ended[-1].stopped_by == signal.SIGTERM
        assert last(parts)["global_step"] == ended[-1].step
    assert [outcome.step for outcome in ended] == [8, 30]
    same_run(whole, parts)


def test_many_resumes(configure):
    """Lightning's own count of batches must not make it start the loader over: that repeats batches."""
    whole = configure("whole")
    fit(whole)
    for every in (3, 5, 11, 21, 24, 28):
        outcome = fit(configure("parts", sample_every=every), judge=stop)
        assert outcome.step == every + 1
    assert fit(configure("parts")).complete
    same_run(whole, configure("parts"))


def stop(model, seed):
    """A judge that presses Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)
    return {}


def test_killed_between_checkpoints(values, configure, tmp_path):
    whole = configure("whole", steps=60, finish_steps=20)
    fit(whole)
    killed = configure("killed", steps=60, finish_steps=20)
    path = tmp_path / "killed.yaml"
    path.write_text(yaml.safe_dump(values | {"out": killed.out, "steps": 60, "finish_steps": 20}))
    # A checkpoint every 30 ms, so that the kill falls in all sorts of places.
    arguments = (str(path), "--set", "threads=1", "checkpoint_minutes=0.0005", "steps=100000")
    # Slow steps, so that the kill comes before step 60 however fast the machine is.
    process = start(*arguments, pause=0.02)
    log = Path(killed.out) / "log" / "loss.csv"
    wait_for(lambda: log.is_file() and len(log.read_text().splitlines()) > 5, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < last(killed)["global_step"] <= 60
    with open(log, "a") as f:
        f.write("9996,1,1\n9999,12")  # a line of later steps, and one cut off in the middle
    outcome = fit(killed)
    assert outcome.complete
    same_run(whole, killed)


def wait_for(condition, process, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_complete_is_said_and_nothing_changes(configure):
    config = configure()
    first = fit(config)
    before = (last(config), curve(config))
    second = fit(config)
    assert first.complete and second.complete and second.model == first.model
    assert torch.equal(
        before[0]["state_dict"]["model.denoiser.embed_atom.weight"],
        last(config)["state_dict"]["model.denoiser.embed_atom.weight"],
    )
    assert curve(config) == before[1]


def test_damaged_checkpoint_is_refused_with_the_mend(configure):
    config = configure()
    fit(config)
    path = Path(config.out) / "checkpoints" / "last.ckpt"
    content = bytearray(path.read_bytes())
    for damage in ("cut", "flipped"):
        bad = content[: len(content) // 2] if damage == "cut" else content.copy()
        if damage == "flipped":
            bad[len(bad) // 2] ^= 0xFF
        path.write_bytes(bad)
        with pytest.raises(UserError, match=r"damaged.*\n?.*rm '"):
            fit(config)


def test_checkpoint_before_the_last_is_offered(configure):
    config = configure(checkpoint_minutes=0)
    fit(config)
    folder = Path(config.out) / "checkpoints"
    assert torch.load(folder / "previous.ckpt", weights_only=True)["global_step"] == 29
    (folder / "last.ckpt").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="mv '"):
        fit(config)
    os.replace(folder / "previous.ckpt", folder / "last.ckpt")
    assert fit(config).complete


def test_a_kill_while_writing_leaves_the_old_checkpoint(configure, monkeypatch):
    config = configure()
    fit(config)
    from molediff.training.checkpoints import AtomicFiles

    path = Path(config.out) / "checkpoints" / "last.ckpt"
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        AtomicFiles().save_checkpoint({"molediff": {}}, path)
    assert path.read_bytes() == before


def test_checkpoint_of_the_first_version_is_read(configure):
    """Without the keys added since: tally, skipped, seconds, asked, finish_steps."""
    config = configure()
    fit(config, judge=None)
    path = Path(config.out) / "checkpoints" / "last.ckpt"
    state = last(config)
    state["molediff"] = {k: state["molediff"][k] for k in ("average", "seen", "finish_at")}
    state["lr_schedulers"][0]["lr_lambdas"] = [{}]
    torch.save(state, path)
    (Path(config.out) / "run.json").unlink()
    assert fit(configure(finish_steps=12)).step == 32
