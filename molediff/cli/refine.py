"""molediff refine"""

from __future__ import annotations

import argparse
from pathlib import Path

from molediff.cli import options, pocket_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    pocket_options.add_arguments(parser)
    parser.add_argument("--molecules", type=Path, metavar="SDF", help="poses: an SD file in the protein's frame")
    parser.add_argument(
        "--method",
        default="mmff+vina",
        help="mmff or uff: all atoms, van der Waals with the pocket; vina: all atoms, MMFF94 and Vina's energy; "
        "mmff+vina: both; torch: torsions, place and orientation in Vina's energy (default mmff+vina)",
    )
    parser.add_argument("--steps", type=int, default=300, help="at most (default 300)")
    options.add_workers(parser)
    options.add_output(parser, "refined")


def run(args: argparse.Namespace) -> int:
    """Relax, write, report."""
    from molediff.config import UserError
    from molediff.pipelines.refine import Refine

    if args.molecules is None:
        raise UserError("Nothing to relax. Give poses: --molecules poses.sdf")
    pipeline = Refine(args.method, args.steps)
    workers = options.workers_of(args)
    receptor, site, _ = pocket_options.receptor_and_site(args)
    decisive = {"method": args.method, "steps": args.steps}
    decisive |= {"molecules": options.file_mark(args.molecules, "--molecules")}
    decisive |= pocket_options.decisive(receptor, site)
    about = pocket_options.about(receptor, site) | {"versions": options.versions("scipy")}
    work = options.begin_run(args, decisive, **about)
    if work.status is not None:
        return work.status
    bar = options.progress_bar(options.rows_in(args.molecules), args.quiet, "pose")
    result = pipeline(receptor, args.molecules, workers, bar, work.parts)
    result.save(args.out)
    seconds = work.finish(result.counts, result.counts["failed"] > 0)
    _print(result, seconds, args.out)
    return work.status


def _print(result, seconds: float, folder: Path) -> None:
    c, table = result.counts, result.table
    for key in ("requested", "relaxed"):
        print(f"{key:<15} {c[key]}")
    if c["failed"]:
        print(f"failed          {c['failed']} (see the reasons in table.csv)")
    if c["relaxed"]:
        print(f"{'median':<15} {'raw':>9} {'relaxed':>9}  kcal/mol")
        for key, label in (("vina", "Vina score"), ("internal", "ligand"), ("pocket", "with pocket")):
            print(f"{label:<15} {table[f'{key}_raw'].median():>9.2f} {table[f'{key}_relaxed'].median():>9.2f}")
        print(f"moved           {table['moved'].median():.2f} A (median)")
    print(f"seconds         {seconds:.1f}")
    print(f"written to      {folder}")
