"""``molediff data``: prepare molecules for training, look into a prepared set."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

HELP = "prepare molecules of files for training, or say what a prepared set holds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    verbs = parser.add_subparsers(dest="data_verb", required=True, metavar="VERB")
    prepare = verbs.add_parser("prepare", help="read molecules and write a set to train on", allow_abbrev=False)
    prepare.description = (
        "Molecules are taken exactly as written, with stereochemistry from their coordinates; SMILES are embedded by "
        "ETKDG and MMFF94. Those that cannot be used are counted and listed with their reason in DIR/left_out.csv. "
        "Killed in the middle: the same command goes on. Exit 0 when a set was written, 1 when records of it were "
        "lost (unreadable, not embedded, not relaxed), 2 when the input cannot be used."
    )
    prepare.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="qm9, geom, or files (.sdf, .npz, .smi, .csv with a column 'smiles', .pickle of GEOM); several are joined",
    )
    prepare.add_argument(
        "--archive",
        metavar="FILE",
        help="of qm9: qm9.zip as torch_geometric names it (else downloaded); of geom: the folder rdkit_folder",
    )
    prepare.add_argument("--out", metavar="DIR", help="folder to write; default: data/NAME of the first source")
    prepare.add_argument(
        "--elements", metavar="LIST", help="elements allowed, in class order (H,C,N,O,F; with --heavy C,N,O,F)"
    )
    prepare.add_argument(
        "--charges",
        default="0,-1,1",
        metavar="LIST",
        help="formal charges allowed, in class order (%(default)s); write --charges=-1,0 when the first is negative",
    )
    prepare.add_argument("--max-atoms", type=int, default=255, metavar="N", help="most atoms, as stored (%(default)s)")
    prepare.add_argument("--heavy", action="store_true", help="remove hydrogens; they are implied")
    prepare.add_argument(
        "--split", default="all", help="keep the training part of: edm (QM9), geom (index below 1,000,000), all"
    )
    prepare.add_argument("--xtb", action="store_true", help="relax with GFN2-xTB: pip install 'molediff[xtb]'")
    prepare.add_argument("--workers", type=int, metavar="K", help="processes (all cores, at most 8)")
    prepare.add_argument("--limit", type=int, metavar="N", help="read the first N molecules only")
    prepare.add_argument("--quiet", action="store_true", help="no progress")
    info = verbs.add_parser("info", help="what a prepared set holds; verifies its checksums")
    info.add_argument("folder", metavar="DIR", help="a prepared set")


def run(args: argparse.Namespace) -> int:
    """Exit status of ``molediff data``.

    Raises:
        UserError: for bad input.
    """
    return {"prepare": _prepare, "info": _info}[args.data_verb](args)


def _prepare(args: argparse.Namespace) -> int:
    from pathlib import Path

    from molediff.data.prepare import parse_vocabulary, prepare
    from molediff.data.rules import LEFT_OUT, LOST, Options

    elements = args.elements or ("C,N,O,F" if args.heavy else "H,C,N,O,F")
    vocabulary = parse_vocabulary(elements, args.charges)
    options = Options(vocabulary, not args.heavy, args.max_atoms, args.limit, args.split, args.xtb)
    out = Path(args.out) if args.out else Path("data") / Path(args.sources[0]).name.split(".")[0]
    workers = args.workers if args.workers is not None else min(8, _cores())
    show = None if args.quiet else _progress()
    summary = prepare(args.sources, out, options, workers, show, archive=args.archive)
    if summary.already:
        print(f"'{out}' is complete and its checksums agree; nothing to do.")
    print(f"{summary.kept:,} of {summary.records:,} molecules prepared in '{out}'.")
    for rule, count in summary.left_out.items():
        print(f"  left out {count:>9,}  {rule}: {LEFT_OUT[rule]}")
    if summary.left_out:
        print(f"  each is listed in '{out / 'left_out.csv'}'")
    return 1 if any(rule in summary.left_out for rule in LOST) else 0


def _info(args: argparse.Namespace) -> int:
    from molediff.data.info import describe

    for what, value in describe(args.folder):
        print(f"{what:<12}{value}")
    return 0


def _cores() -> int:
    # not every system can say which cores a process may use
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _progress() -> Callable[[int, int], None]:
    """A bar on a terminal, a line at every tenth elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        return _lines()
    from tqdm import tqdm

    bar = None

    def show(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            # what an earlier call did is no speed of this one
            bar = tqdm(total=total, initial=done, unit=" molecules", unit_scale=True, dynamic_ncols=True)
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


def _lines() -> Callable[[int, int], None]:
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        if tenth > shown:
            shown = tenth
            print(f"{done:,} of {total:,} molecules read", file=sys.stderr, flush=True)

    return show
