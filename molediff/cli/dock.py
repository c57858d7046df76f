"""molediff dock"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from molediff.cli import options, pocket_options, proposed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    pocket_options.add_arguments(parser)
    parser.add_argument("--molecules", type=Path, metavar="FILE", help="library: .smi, .sdf or .csv (column smiles)")
    parser.add_argument("--demo", action="store_true", help="dock into a complex that comes along")
    parser.add_argument(
        "--engine",
        default="",
        help="vina, torch, diffusion or hybrid (default vina, or torch where vina is not installed)",
    )
    parser.add_argument("--poses", type=int, default=9, help="poses a ligand (default 9)")
    parser.add_argument(
        "--exhaustiveness",
        type=int,
        help="search effort, Vina's scale (default 8; 32 for --engine torch; hybrid 8)",
    )
    parser.add_argument(
        "--conformers",
        type=int,
        help="conformers each ligand starts from, the results merged; 0 for the coordinates as given (default 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the run (default 0)")
    parser.add_argument("--seconds", type=float, default=3600.0, help="of computing a ligand, at most (default 3600)")
    parser.add_argument("--torsions", type=int, default=32, help="rotatable bonds of a ligand, at most (default 32)")
    parser.add_argument(
        "--rank",
        help="order of a ligand's poses: model (the score and what --model thinks of each pose), vina (the score "
        "alone, some seconds faster), or rule (score, strain, PoseBusters unless --no-check, cluster size) "
        "(default model)",
    )
    parser.add_argument("--protonate", action="store_true", help="acids and bases as at pH 7.4 (default: as given)")
    parser.add_argument("--no-check", action="store_true", help="do not look at the poses with PoseBusters")
    parser.add_argument("--report", action="store_true", help="also write report.html: pocket, poses, figures, offline")
    options.add_workers(parser)
    parser.add_argument("--device", default="cpu", help="of --engine torch and of the model (default cpu)")
    proposed.add_arguments(parser)
    options.add_output(parser, "dock")


def run(args: argparse.Namespace) -> int:
    """Dock, write, report."""
    from molediff.docking.engines import usual_engine
    from molediff.pipelines.dock import Dock

    if not args.engine:
        args.engine = usual_engine()
        if args.engine != "vina":
            print(f"vina or meeko is not installed: --engine {args.engine}", file=sys.stderr)
    proposes = proposed.asked(args)
    args.conformers = 1 if args.conformers is None else args.conformers
    settings = {k: getattr(args, k) for k in ("poses", "exhaustiveness", "conformers", "seed", "seconds", "torsions")}
    device = options.device_of(args.device) if args.device != "cpu" else "cpu"  # torch is not loaded for nothing
    model = proposed.model_of(args, device)
    pipeline = None if proposes else Dock(args.engine, args.rank, model, **settings, device=device)
    receptor, site, reference = pocket_options.receptor_and_site(args)
    library, name = _library(args)
    workers = options.workers_of(args)
    decisive = {"engine": args.engine, **settings, "rank": args.rank}
    if proposes:
        pipeline, more = proposed.pipeline_of(args, receptor, site, model, settings | {"device": device})
        decisive |= more
    if model is not None:
        decisive |= {"checksum": model.source.checksum}
    decisive |= {"protonate": args.protonate, "check": not args.no_check, "molecules": name}
    decisive |= pocket_options.decisive(receptor, site)
    page = args.out / "report.html" if args.report else None
    about = pocket_options.about(receptor, site) | {"versions": options.versions("vina", "meeko", "posebusters")}
    work = options.begin_run(args, decisive, page, **about)
    if work.status is not None:
        return work.status
    count = len(library) if isinstance(library, list) else options.rows_in(library)
    bar = options.progress_bar(count, args.quiet, "ligand")
    result = pipeline(receptor, site, library, workers, args.protonate, not args.no_check, bar, work.parts)
    result.save(args.out)
    if page is not None:
        from molediff.report.docking import write_docking_page

        write_docking_page(result, receptor, site, reference, page, workers)
    seconds = work.finish(result.counts, result.counts["failed"] > 0, search_seconds=round(sum(result.seconds), 2))
    _print(result, seconds, args)
    return work.status


def _library(args: argparse.Namespace):
    """(path or SMILES, what decides the result of it)."""
    from molediff.config import UserError

    if args.molecules is not None:
        return args.molecules, options.file_mark(args.molecules, "--molecules")
    if args.demo:
        from molediff.docking.demo import DEMO_LIBRARY

        return list(DEMO_LIBRARY), "demo"
    raise UserError("Nothing to dock. Give a library: --molecules FILE.smi, .sdf or .csv; or try --demo.")


def _print(result, seconds: float, args: argparse.Namespace) -> None:
    c = result.counts
    labels = {"requested": "requested", "read": "read", "prepared": "prepared", "docked": "docked"}
    if not args.no_check:
        labels["pb_valid"] = "PB-valid"
    for key, label in labels.items():
        print(f"{label:<15} {c[key]}" + (" (best poses)" if key == "pb_valid" else ""))
    if c["failed"]:
        print(f"failed          {c['failed']} (see the reasons in table.csv)")
    best = result.table.dropna(subset=["score"]).sort_values("score").head(5)
    for row in best.to_dict("records"):
        print(f"  {row['score']:7.2f} kcal/mol  {row['name']}")
    print(f"seconds         {seconds:.1f} (search {sum(result.seconds):.1f})")
    print(f"written to      {args.out}")
