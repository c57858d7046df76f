"""Begin a pocket model anew from a better trunk: its weights, and beside them the pocket layers of an older one.

python experiments/pocket/graft.py --trunk druglike --pocket pocket --out runs/grafted
molediff train experiments/pocket/config.yaml --set initial=runs/grafted

The pocket layers were trained beside the older trunk; where the newer one is its descendant they still fit roughly, and
training begins at a far lower loss than with layers that write nothing yet (README.md has the figures).
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from molediff.config import UserError
from molediff.model import Model, load, save
from molediff.training.export import ADDED


def main() -> None:
    """Write a model folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trunk", required=True, help="bundled name or folder of a model without pockets")
    parser.add_argument("--pocket", required=True, help="bundled name or folder of a model with pockets")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    trunk, pocket = load(args.trunk), load(args.pocket)
    network = trunk.config.network | {k: v for k, v in pocket.config.network.items() if k in ADDED["pocket"]}
    model = Model(dataclasses.replace(pocket.config, network=network), pocket.sizes)
    wanted, new, old = model.denoiser.state_dict(), trunk.denoiser.state_dict(), pocket.denoiser.state_dict()
    there = old | new
    strange = [name for name, value in wanted.items() if name not in there or there[name].shape != value.shape]
    if strange or not pocket.reads_pockets or trunk.reads_pockets:
        raise UserError(
            f"'{args.pocket}' does not fit on '{args.trunk}': {len(strange)} of {len(wanted)} tensors are missing or "
            f"of another size ({', '.join(strange[:3])}). Give a --trunk without pockets and a --pocket with them."
        )
    model.denoiser.load_state_dict({name: there[name] for name in wanted})
    save(model, args.out, dict(pocket.source.about))
    print(f"{args.out}: {len(new)} tensors of {args.trunk}, {len(wanted) - len(new)} of {args.pocket}")


if __name__ == "__main__":
    main()
