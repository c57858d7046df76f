"""``molediff data``: prepare molecules for training, look into a prepared set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

HEAVY = "C,N,O,F,Si,P,S,Cl,Br,I"
"""Elements of molecules without hydrogens, where none are said: those of drugs."""


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
        help="qm9, geom, or files (.sdf, .npz, .smi, .csv with a column 'smiles', .pickle of GEOM); several are "
        "joined; or the word complexes, then folders or .tar.xz of proteins with ligands: CrossDocked2020, PDBbind, "
        "SET/ID/{protein.pdb, ligand.sdf}",
    )
    prepare.add_argument(
        "--archive",
        metavar="FILE",
        help="of qm9: qm9.zip as torch_geometric names it (else downloaded); of geom: the folder rdkit_folder",
    )
    prepare.add_argument("--out", metavar="DIR", help="folder to write; default: data/NAME of the first source")
    prepare.add_argument(
        "--elements",
        metavar="LIST",
        help=f"elements allowed, in class order (H,C,N,O,F; with --heavy and of complexes {HEAVY})",
    )
    prepare.add_argument(
        "--charges",
        default="0,-1,1",
        metavar="LIST",
        help="formal charges allowed, in class order (%(default)s); write --charges=-1,0 when the first is negative",
    )
    prepare.add_argument("--max-atoms", type=int, metavar="N", help="most atoms, as stored (255; of complexes 60)")
    prepare.add_argument(
        "--heavy", action="store_true", help="remove hydrogens; they are implied (always of complexes)"
    )
    prepare.add_argument(
        "--split", default="all", help="keep the training part of: edm (QM9), geom (index below 1,000,000), all"
    )
    prepare.add_argument(
        "--xtb", action="store_true", help="relax with GFN2-xTB: pip install -e '.[xtb]' in the clone of molediff"
    )
    prepare.add_argument("--workers", type=int, metavar="K", help="processes (all cores, at most 8)")
    prepare.add_argument("--limit", type=int, metavar="N", help="read the first N molecules (or complexes) only")
    prepare.add_argument(
        "--index", metavar="CSV", help="of complexes: clusters of similar receptors, columns set, id and cluster"
    )
    prepare.add_argument(
        "--leave-out-clusters-of",
        metavar="SET",
        help="of complexes: leave out the clusters of a set of the index, or of a CSV with columns set and id",
    )
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
    if args.sources[0] == "complexes":
        return _prepare_complexes(args)
    from pathlib import Path

    from molediff.config import UserError
    from molediff.data.prepare import parse_vocabulary, prepare
    from molediff.data.rules import LEFT_OUT, LOST, Options
    from molediff.docking.pool import default_workers

    for option in ("index", "leave_out_clusters_of"):
        if getattr(args, option) is not None:
            raise UserError(
                f"--{option.replace('_', '-')} is for complexes. Type: molediff data prepare complexes FOLDER ..."
            )
    elements = args.elements or (HEAVY if args.heavy else "H,C,N,O,F")
    vocabulary = parse_vocabulary(elements, args.charges)
    most = 255 if args.max_atoms is None else args.max_atoms
    options = Options(vocabulary, not args.heavy, most, args.limit, args.split, args.xtb)
    out = Path(args.out) if args.out else Path("data") / Path(args.sources[0]).name.split(".")[0]
    workers = args.workers if args.workers is not None else min(8, default_workers())
    show = None if args.quiet else _progress("molecules")
    summary = prepare(args.sources, out, options, workers, show, archive=args.archive)
    if summary.already:
        print(f"'{out}' is complete and its checksums agree; nothing to do.")
    print(f"{summary.kept:,} of {summary.records:,} molecules prepared in '{out}'.")
    _print_left_out(summary.left_out, LEFT_OUT, out)
    return 1 if any(rule in summary.left_out for rule in LOST) else 0


def _prepare_complexes(args: argparse.Namespace) -> int:
    from pathlib import Path

    from molediff.config import UserError
    from molediff.data.complex_rules import LEFT_OUT, LOST, MOST_ATOMS, ComplexOptions
    from molediff.data.prepare import parse_vocabulary
    from molediff.data.prepare_complexes import prepare_complexes
    from molediff.docking.pool import default_workers

    sources = args.sources[1:]
    if not sources:
        raise UserError("Which complexes? Type: molediff data prepare complexes FOLDER_OR_ARCHIVE ... --out DIR")
    for option, default in (("split", "all"), ("xtb", False), ("archive", None)):
        if getattr(args, option) != default:
            raise UserError(f"--{option} is not for complexes. Leave it out.")
    vocabulary = parse_vocabulary(args.elements or HEAVY, args.charges)
    most = MOST_ATOMS if args.max_atoms is None else args.max_atoms
    out = Path(args.out) if args.out else Path("data") / Path(sources[0]).resolve().name.split(".")[0]
    workers = args.workers if args.workers is not None else min(8, default_workers())
    done = prepare_complexes(
        sources,
        out,
        ComplexOptions(vocabulary, most, args.limit),
        index=args.index,
        leave_out=args.leave_out_clusters_of,
        workers=workers,
        progress=None if args.quiet else _progress("complexes"),
    )
    if done.already:
        print(f"'{out}' is complete and its checksums agree; nothing to do.")
    print(f"{done.kept:,} of {done.poses:,} poses prepared in '{out}', in {done.receptors:,} receptors.")
    if args.leave_out_clusters_of:
        print(f"  {done.outside:,} of {done.complexes:,} complexes lie outside the clusters that are left out")
    if args.index is None:
        print("  no --index: each receptor is a cluster of its own, however similar they are")
    elif done.unlisted:
        print(f"  {done.unlisted:,} complexes are not in the index: each is a cluster of its own")
    _print_left_out(done.left_out, LEFT_OUT, out)
    return 1 if any(rule in done.left_out for rule in LOST) else 0


def _print_left_out(left_out: dict[str, int], rules: dict[str, str], out) -> None:
    for rule, count in left_out.items():
        print(f"  left out {count:>9,}  {rule}: {rules[rule]}")
    if left_out:
        print(f"  each is listed in '{out / 'left_out.csv'}'")


def _info(args: argparse.Namespace) -> int:
    from molediff.data.info import describe

    for what, value in describe(args.folder):
        print(f"{what:<12}{value}")
    return 0


def _progress(what: str = "molecules") -> Callable[[int, int], None]:
    """A bar on a terminal, a line at every tenth elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        return _lines(what)
    from tqdm import tqdm

    bar = None

    def show(done: int, total: int) -> None:
        nonlocal bar
        if bar is None:
            # what an earlier call did is no speed of this one
            bar = tqdm(total=total, initial=done, unit=f" {what}", unit_scale=True, dynamic_ncols=True)
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


def _lines(what: str) -> Callable[[int, int], None]:
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        tenth = 10 * done // max(total, 1)
        if tenth > shown:
            shown = tenth
            print(f"{done:,} of {total:,} {what} read", file=sys.stderr, flush=True)

    return show
