"""`molediff evaluate`: judge molecules from anyone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EPILOG = """examples:
  molediff evaluate samples.sdf --reference qm9 --train train.smi --out eval/
  molediff evaluate samples.xyz --protocols edm,strict --groups 3
  molediff evaluate a.sdf b.sdf c.sdf --names ours,edm,geoldm --out compare/
  molediff evaluate poses.sdf --protein rec.pdb --ligand crystal.sdf
  molediff evaluate data.sdf --make-reference data.json.gz
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; nothing is imported."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="molecules: .sdf (V2000, V3000), .xyz (any number of frames), .npz")
    add(
        "--protocols",
        default="",
        metavar="A,B",
        help="'list' shows them; default strict,edm; poses with --protein",
    )
    add(
        "--reference",
        metavar="WHAT",
        help="qm9, geom-drugs, a statistics file, or molecules to compare with",
    )
    add("--train", metavar="FILE", help="training set: SMILES a line (.smi, .txt), or hashes (.npy); adds novelty")
    add("--protein", default="", metavar="PDB", help="receptor: adds PoseBusters' dock checks and clashes")
    add("--ligand", default="", metavar="SDF", help="reference pose: adds RMSD and PoseBusters' redock checks")
    add("--names", default="", metavar="A,B", help="names of the sets, one a file")
    add("--out", default="eval", metavar="DIR", help="folder for molecules.csv, summary.json, summary.md, plots.png")
    add("--groups", type=int, default=1, metavar="N", help="spread of each figure over N consecutive parts of the file")
    add(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes (default 1); 0: within this one, without protection from crashes and without --time-limit",
    )
    add("--time-limit", type=float, default=60.0, metavar="S", help="CPU seconds a molecule and protocol (default 60)")
    add("--max-atoms", type=int, default=1000, metavar="N", help="larger molecules are rows without a judgement")
    add("--hydrogens", default="auto", choices=("auto", "generated", "implied"), help="default auto")
    add("--bootstrap", type=int, default=1000, metavar="N", help="resamplings for the intervals; 0 for none")
    add("--seed", type=int, default=0, metavar="N", help="of bootstrap and sampled comparisons")
    add("--make-reference", metavar="FILE", help="write statistics of the first file (.json.gz) and stop")
    add("--no-plots", action="store_true", help="no picture")
    add("--quiet", action="store_true", help="no progress bar and no table on the screen")


def run(args: argparse.Namespace) -> int:
    """0: all judged; 1: some molecules could not be read or judged (they are rows of the table); 2: bad input."""
    from molediff.config import UserError
    from molediff.evaluation import InputError

    try:
        if args.protocols == "list":
            return _list()
        if not args.files:
            raise InputError("No file was given. Type: molediff evaluate samples.sdf")
        return _make_reference(args) if args.make_reference else _evaluate(args)
    except InputError as error:
        raise UserError(str(error)) from error


def _list() -> int:
    from molediff.evaluation import PROTOCOLS

    for name, protocol in PROTOCOLS.items():
        needs = f" (needs --{' and --'.join(protocol.needs)})" if protocol.needs else ""
        print(f"{name:26s}{protocol.source}{needs}")
    return 0


def _make_reference(args: argparse.Namespace) -> int:
    from molediff.evaluation import InputError, make_reference
    from molediff.evaluation.statistics import write

    if len(args.files) != 1:
        raise InputError(f"--make-reference takes one file, got {len(args.files)}.")
    stats = make_reference(args.files[0], source=args.names, seed=args.seed, workers=args.workers)
    write(stats, args.make_reference)
    if not args.quiet:
        print(f"{args.make_reference}: {stats['n_molecules']} molecules, {stats['n_left_out']} left out")
    return 1 if stats["n_left_out"] else 0


def _evaluate(args: argparse.Namespace) -> int:
    from molediff.evaluation import InputError, compare

    if Path(args.out).exists() and not Path(args.out).is_dir():
        raise InputError(f"--out '{args.out}' is a file. Give a folder: --out eval/")
    names = args.names.split(",") if args.names else None
    found = compare(
        args.files,
        names,
        protocols=_protocols(args),
        reference=_reference(args.reference),
        groups=args.groups,
        workers=args.workers,
        protein=args.protein,
        ligand=args.ligand,
        hydrogens=args.hydrogens,
        time_limit=args.time_limit,
        max_atoms=args.max_atoms,
        bootstrap=args.bootstrap,
        seed=args.seed,
        progress=not args.quiet and sys.stderr.isatty(),
        **_training(args.train),
    )
    one = len(found.reports) == 1
    written = (found.reports[0] if one else found).save(args.out, plots=not args.no_plots)
    if not args.quiet:
        print((found.reports[0] if one else found).markdown())
        print("written: " + ", ".join(map(str, written)))
    lost = sum(report.summary["n_lost"] for report in found.reports)
    if lost:
        print(
            f"{lost} molecules could not be read or judged: molecules.csv says why.",
            file=sys.stderr,
        )
    return 1 if lost else 0


def _protocols(args: argparse.Namespace) -> list[str]:
    if args.protocols:
        return [name.strip() for name in args.protocols.split(",") if name.strip()]
    if args.protein:
        mode = "posebusters-redock" if args.ligand else "posebusters-dock"
        return ["poses", mode]
    return ["strict", "edm"]


def _reference(what: str | None):
    """A packaged name or a statistics file as it is; molecules are counted first."""
    if what is None or not str(what).lower().endswith((".sdf", ".sd", ".xyz", ".npz")):
        return what
    from molediff.evaluation import make_reference

    return make_reference(what)


def _training(path: str | None) -> dict:
    if path is None:
        return {}
    from molediff.evaluation.readers.training import read_training

    return read_training(path)
