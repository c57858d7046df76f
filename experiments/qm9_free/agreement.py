"""How many of 1,000 molecules stay the same when only rounding changes: another batch, another n, float32 weights.

python experiments/qm9_free/agreement.py --model qm9 [--checkpoint runs/qm9_free/checkpoints/last.ckpt]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from molediff.pipelines import Generate


def same(a, b) -> tuple[int, float]:
    """Molecules with the same atoms, charges and bonds, and the largest median shift of an atom among them (A)."""
    count, shifts = 0, []
    for x, y in zip(a.mols, b.mols, strict=False):
        if x is None or y is None or x.GetNumAtoms() != y.GetNumAtoms():
            continue
        atoms = [
            (p.GetAtomicNum(), p.GetFormalCharge()) == (q.GetAtomicNum(), q.GetFormalCharge())
            for p, q in zip(x.GetAtoms(), y.GetAtoms(), strict=True)
        ]
        bonds = [{(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetBondType()) for b in m.GetBonds()} for m in (x, y)]
        if all(atoms) and bonds[0] == bonds[1]:
            count += 1
            shifts.append(np.abs(x.GetConformer().GetPositions() - y.GetConformer().GetPositions()).max())
    return count, float(np.quantile(shifts, 0.99)) if shifts else float("nan")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--checkpoint", default="", help="the run's last.ckpt: compare with its float32 weights")
    args = parser.parse_args()
    pipeline = Generate.from_pretrained(args.model)
    base = pipeline(args.n, steps=args.steps, precision=args.precision, batch=64)
    for name, other in (
        ("same call again", pipeline(args.n, steps=args.steps, precision=args.precision, batch=64)),
        ("--batch 50", pipeline(args.n, steps=args.steps, precision=args.precision, batch=50)),
        ("--n larger by 100", pipeline(args.n + 100, steps=args.steps, precision=args.precision, batch=64)),
    ):
        count, shift = same(base, other)
        print(f"{name:<20} {count} of {args.n} with the same graph; 99 % of them moved less than {shift:.2e} A")
    if args.checkpoint:
        from molediff.training.checkpoints import read_checkpoint
        from molediff.training.export import averaged

        full = Generate(averaged(Generate.from_pretrained(args.model).model, read_checkpoint(Path(args.checkpoint))))
        other = full(args.n, steps=args.steps, precision=args.precision, batch=64)
        count, shift = same(base, other)
        valid = [100 * int(r.table.strictly_valid.sum()) / args.n for r in (base, other)]
        print(
            f"float32 weights      {count} of {args.n} with the same graph; 99 % of them moved less than {shift:.2e} A"
        )
        print(f"strictly valid       float16 {valid[0]:.1f} %, float32 {valid[1]:.1f} %")


if __name__ == "__main__":
    main()
