"""Prepared arrays are read, batched and fed to Lightning where RDKit is not installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
sys.modules["rdkit"] = None
import numpy as np
from molediff.data.info import describe
from molediff.data.module import ShardModule
from molediff.data.shards import open_shards, read_batch
shards = open_shards(sys.argv[1])
molecules, stereo = read_batch(shards, np.arange(5))
module = ShardModule(shards, np.arange(len(shards)), 2_000, 0)
class Trainer:
    global_rank, world_size, global_step, max_steps = 0, 1, 3, 7
module.trainer = Trainer()
batches = list(module.train_dataloader())
assert len(batches) == 4, len(batches)
assert describe(sys.argv[1])
assert not [name for name in sys.modules if name.startswith("rdkit.")]
print("ok")
"""


def test_reading_prepared_arrays_needs_no_rdkit(tiny_folder):
    command = [sys.executable, "-c", SCRIPT, str(tiny_folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "ok", done.stderr


def test_the_verb_imports_nothing_heavy():
    script = (
        "import sys, molediff.cli.data; print([m for m in ('torch', 'rdkit', 'numpy', 'tqdm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
