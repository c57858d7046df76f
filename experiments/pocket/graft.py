"""Begin a pocket model anew from a better trunk: its weights, and beside them the pocket layers of an older one.

python experiments/pocket/graft.py --trunk druglike --pocket pocket --out runs/grafted
molediff train experiments/pocket/config.yaml --set initial=runs/grafted

The pocket layers were trained beside the older trunk; where the newer one is its descendant they still fit roughly, and
training begins at a far lower loss than with layers that write nothing yet (README.md has the figures).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from molediff.config import UserError
from molediff.model import load, save


def main() -> None:
    """Write a model folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trunk", required=True, help="bundled name or folder of a model without pockets")
    parser.add_argument("--pocket", required=True, help="bundled name or folder of a model with pockets")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    trunk, pocket = load(args.trunk), load(args.pocket)
    new, old = trunk.denoiser.state_dict(), pocket.denoiser.state_dict()
    strange = [name for name, value in new.items() if name not in old or old[name].shape != value.shape]
    if strange:
        raise UserError(
            f"'{args.pocket}' has no {', '.join(strange[:3])} of the size that '{args.trunk}' has: {len(strange)} of "
            f"{len(new)} tensors differ. Give a --pocket whose trunk has the sizes of --trunk."
        )
    pocket.denoiser.load_state_dict(old | new)
    save(pocket, args.out, dict(pocket.source.about))
    print(f"{args.out}: {len(new)} tensors of {args.trunk}, {len(old) - len(new)} of {args.pocket}")


if __name__ == "__main__":
    main()
