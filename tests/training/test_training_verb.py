"""`molediff train` as a process: exit status, what it prints, two ranks, no RDKit."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
import yaml
from runs import VERB, environment, start

HEAVY = "import sys, molediff.cli.train; print([m for m in ('torch', 'yaml', 'numpy', 'rdkit') if m in sys.modules])"


def test_nothing_heavy_at_import():
    out = subprocess.run([sys.executable, "-c", HEAVY], env=environment(), capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def write(tmp_path: Path, values: dict) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def test_sigterm_is_a_pause(values, tmp_path):
    config = write(tmp_path, values)
    process = start(config, "--set", "steps=1000000", "threads=1")
    log = Path(values["out"]) / "log" / "loss.csv"
    deadline = time.monotonic() + 60
    while not log.is_file():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, err
    assert "run.json" in err and f"molediff train {config} --set steps=1000000 threads=1" in err
    assert "Stopped by signal 15" in err
    for noise in ("Tip", "TPU", "litlogger", "Warning", "LOCAL_RANK"):
        assert noise not in err + out
    step = torch.load(Path(values["out"]) / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    process = start(config, "--finish")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert f"complete: {max(step, 4) + 10:,} steps" in out
    assert f"of {max(step, 4) + 10:,}" in err


def test_bad_input_is_exit_2(values, tmp_path):
    process = start(write(tmp_path, values | {"setps": 3}))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "'setps'" in err and "Did you mean 'steps'" in err


NO_RDKIT = """
import sys
for name in ("rdkit", "pandas", "gemmi", "posebusters", "tensorboard"):
    sys.modules[name] = None
sys.argv = ["verb.py", *sys.argv[1:]]
import runpy
runpy.run_path({verb!r}, run_name="__main__")
"""


def test_prepared_arrays_train_without_rdkit(values, tmp_path):
    config = write(tmp_path, values | {"sample_every": 5})
    command = [sys.executable, "-c", NO_RDKIT.format(verb=str(VERB)), config]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "rdkit is not installed" in done.stderr
    assert (Path(values["out"]) / "model" / "model.json").is_file()


def test_two_ranks(values, tmp_path):
    """Lightning's own ddp: every rank has its batch of a step, and the weights are one."""
    config = write(tmp_path, values | {"strategy": "ddp", "devices": 2, "sample_every": 0})
    process = start(config)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "complete: 30 steps" in out and err.count("run.json") == 1
    state = torch.load(Path(values["out"]) / "checkpoints" / "last.ckpt", weights_only=True)
    # 96 molecules are seen more than once in 30 steps of two batches; one rank sees half of it.
    one = 0
    from molediff.data.batches import Batches
    from molediff.data.shards import open_shards

    batches = Batches(tuple(open_shards(values["data"]).arrays["natoms"].tolist()), values["pairs"], 0)
    one = sum(len(batches.of_step(k)) for k in range(60))
    assert state["molediff"]["seen"] == one
