"""molediff score"""

from __future__ import annotations

import argparse
from pathlib import Path

from molediff.cli import options, pocket_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    pocket_options.add_arguments(parser)
    parser.add_argument("--molecules", type=Path, metavar="SDF", help="poses: an SD file in the protein's frame")
    parser.add_argument(
        "--figures",
        default="fast",
        help="fast, or full: also strain, interactions, and each molecule docked anew (slow; default fast)",
    )
    parser.add_argument(
        "--engine", default="", help="whose Vina scores: vina or torch (default vina where it is installed, else torch)"
    )
    parser.add_argument("--exhaustiveness", type=int, default=8, help="of the docking in full figures (default 8)")
    parser.add_argument("--seed", type=int, default=0, help="of that docking (default 0)")
    options.add_workers(parser)
    options.add_output(parser, "score")


def run(args: argparse.Namespace) -> int:
    """Judge, write, report."""
    from molediff.config import UserError
    from molediff.pipelines.score import Score

    if args.molecules is None:
        raise UserError("Nothing to score. Give poses: --molecules poses.sdf")
    pipeline = Score(args.figures, args.engine, exhaustiveness=args.exhaustiveness, seed=args.seed)
    workers = options.workers_of(args)
    receptor, site, reference = pocket_options.receptor_and_site(args)
    decisive = {
        "figures": args.figures,
        "engine": pipeline.engine,
        "exhaustiveness": args.exhaustiveness,
        "seed": args.seed,
    }
    decisive |= {"molecules": options.file_mark(args.molecules, "--molecules")}
    decisive |= pocket_options.decisive(receptor, site)
    decisive |= {} if reference is None else {"reference": pocket_options.mark(reference)}
    versions = options.versions("vina", "meeko", "posebusters", "prolif")
    work = options.begin_run(args, decisive, **pocket_options.about(receptor, site), versions=versions)
    if work.status is not None:
        return work.status
    if not args.engine and pipeline.engine != "vina":
        print(f"vina or meeko is not installed: scored by --engine {pipeline.engine}, Vina's function in torch")
    bar = options.progress_bar(options.rows_in(args.molecules), args.quiet, "pose")
    result = pipeline(receptor, site, args.molecules, reference, workers, bar)
    result.save(args.out)
    seconds = work.finish(result.counts, result.counts["failed"] > 0)
    _print(result, seconds, args.out)
    return work.status


def _print(result, seconds: float, folder: Path) -> None:
    c, table = result.counts, result.table
    for key, label in (("requested", "requested"), ("read", "read"), ("prepared", "prepared"), ("scored", "scored")):
        print(f"{label:<15} {c[key]}")
    print(f"PB-valid        {c['pb_valid']}")
    if "within_2A" in table:
        near = int((table["within_2A"] == True).sum())  # noqa: E712, None where it is another molecule
        print(f"RMSD <= 2 A     {near} of {int(table['rmsd'].notna().sum())} poses of the reference's molecule")
    if c["failed"]:
        print(f"failed          {c['failed']} (see the reasons in table.csv)")
    if table["vina_score"].notna().any():
        print(
            f"best            {table['vina_score'].min():.2f} kcal/mol, {table['vina_minimised'].min():.2f} minimised"
        )
    print(f"seconds         {seconds:.1f}")
    print(f"written to      {folder}")
