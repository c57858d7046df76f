"""Weights between those of before the decay of the learning rate and those after it, as a model folder.

python experiments/druglike/between.py --run runs/druglike --share 0.6 --out runs/druglike_between

Both are averages over steps (`ema`); the decay sharpens what the network says, and its taste for what is common.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from molediff.config import UserError
from molediff.model import load, save
from molediff.training.checkpoints import BEFORE_FINISH, read_checkpoint


def main() -> None:
    """Write ``<out>/model``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of a finished run")
    parser.add_argument("--share", type=float, required=True, help="of the weights after the decay, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    if not 0 <= args.share <= 1:
        raise UserError(f"--share must lie in [0, 1], got {args.share}.")
    model = load(str(args.run / "model"))
    before = read_checkpoint(args.run / "checkpoints" / BEFORE_FINISH)["molediff"]["average"]
    after = model.denoiser.state_dict()
    with torch.no_grad():
        mixed = {k: torch.lerp(before[k].to(v), v, args.share) if k in before else v for k, v in after.items()}
        model.denoiser.load_state_dict(mixed)
    about = {
        **model.source.about,
        "between": f"{args.share} of the weights after the decay, the rest of those before it",
    }
    print(save(model, args.out / "model", about))


if __name__ == "__main__":
    main()
