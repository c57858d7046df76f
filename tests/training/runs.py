"""What the tests of training look at: a small set, checkpoints, curves, processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from molediff.training.settings import TrainConfig

REPOSITORY = Path(__file__).parents[2]
VERB = Path(__file__).parent / "verb.py"
"""The verb as a program of its own, for what needs a process."""


def small_arrays(molecules: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Zigzag chains with noise; no chemistry in them."""
    rng = np.random.default_rng(seed)
    natoms = rng.integers(4, 8, molecules)
    pos, bonds = [], []
    for n in natoms:
        chain = np.stack([1.2 * np.arange(n), 0.4 * (-1.0) ** np.arange(n), np.zeros(n)], 1)
        chain += 0.05 * rng.standard_normal(chain.shape)
        pos.append(chain - chain.mean(0))
        bonds.append([(i, i + 1, 1) for i in range(n - 1)])
    atoms = int(natoms.sum())
    return {
        "index": np.arange(1, molecules + 1),
        "natoms": natoms,
        "nbonds": natoms - 1,
        "ncentres": np.zeros(molecules),
        "ncistrans": np.zeros(molecules),
        "atom": rng.integers(0, 5, atoms),
        "charge": np.zeros(atoms),
        "pos": np.concatenate(pos),
        "bonds": np.concatenate(bonds),
        "centres": np.zeros((0, 5)),
        "cistrans": np.zeros((0, 3)),
    }


def interrupt(model, seed):
    """A judge of molecules that has the run stopped."""
    os.kill(os.getpid(), signal.SIGTERM)
    return {}


def last(config: TrainConfig) -> dict:
    """The last checkpoint of a run."""
    return torch.load(Path(config.out) / "checkpoints" / "last.ckpt", weights_only=True)


def curve(config: TrainConfig) -> list[str]:
    """loss.csv without the time it took."""
    text = (Path(config.out) / "log" / "loss.csv").read_text()
    return [line.rsplit(",", 1)[0] for line in text.splitlines()]


def same_run(a: TrainConfig, b: TrainConfig) -> None:
    """Weights, averages, optimiser and curve are equal bit for bit."""
    left, right = last(a), last(b)
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "molediff", "global_step"):
        equal(left[part], right[part], part)
    assert curve(a) == curve(b)


def equal(a, b, where: str) -> None:
    """Deep equality, tensors bitwise."""
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            if key != "seconds":
                equal(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for k, pair in enumerate(zip(a, b, strict=True)):
            equal(*pair, f"{where}[{k}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def environment() -> dict[str, str]:
    """Of a child process."""
    return os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def start(*arguments: str, pause: float = 0.0) -> subprocess.Popen:
    """The verb in a process of its own; ``pause`` seconds are slept before each step."""
    command = [sys.executable, str(VERB), *arguments]
    settings = environment() | ({"PAUSE": str(pause)} if pause else {})
    return subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
