"""molediff dock"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from molediff.cli import options, pocket_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    pocket_options.add_arguments(parser)
    parser.add_argument("--molecules", type=Path, metavar="FILE", help="library: .smi, .sdf or .csv (column smiles)")
    parser.add_argument("--demo", action="store_true", help="dock into a complex that comes along")
    parser.add_argument("--engine", default="vina", help="vina or torch (default vina)")
    parser.add_argument("--poses", type=int, default=9, help="poses a ligand (default 9)")
    parser.add_argument("--exhaustiveness", type=int, default=8, help="search effort (default 8)")
    parser.add_argument(
        "--conformers",
        type=int,
        default=1,
        help="conformers each ligand starts from, the results merged; 0 for the coordinates as given (default 1)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the run (default 0)")
    parser.add_argument("--seconds", type=float, default=3600.0, help="of computing a ligand, at most (default 3600)")
    parser.add_argument("--torsions", type=int, default=32, help="rotatable bonds of a ligand, at most (default 32)")
    parser.add_argument(
        "--rank",
        default="vina",
        help="order of a ligand's poses: vina (the score), or rule (score, strain, PoseBusters and cluster size of "
        "every pose; slower) (default vina)",
    )
    parser.add_argument("--protonate", action="store_true", help="acids and bases as at pH 7.4 (default: as given)")
    parser.add_argument("--no-check", action="store_true", help="do not look at the poses with PoseBusters")
    parser.add_argument("--report", action="store_true", help="also write report.html: pocket, poses, figures, offline")
    parser.add_argument("--workers", type=int, default=0, help="processes; 0 for one a core (default 0)")
    parser.add_argument("--device", default="cpu", help="of --engine torch (default cpu)")
    options.add_output(parser, "dock")


def run(args: argparse.Namespace) -> int:
    """Dock, write, report."""
    from molediff.pipelines.dock import Dock
    from molediff.report import write_json

    settings = {k: getattr(args, k) for k in ("poses", "exhaustiveness", "conformers", "seed", "seconds", "torsions")}
    device = options.device_of(args.device) if args.engine == "torch" else "cpu"
    pipeline = Dock(args.engine, args.rank, **settings, device=device)
    receptor, site, reference = pocket_options.receptor_and_site(args)
    library, name = _library(args)
    decisive = {"engine": args.engine, **settings, "rank": args.rank}
    decisive |= {"protonate": args.protonate, "check": not args.no_check}
    decisive |= {"molecules": name, "receptor": fingerprint(receptor), "site": place(site)}
    status = options.open_run(args.out, decisive, args.overwrite)
    if status == "complete" and not (args.report and not (args.out / "report.html").is_file()):
        print(f"{args.out}: complete. Nothing to do; --overwrite makes it anew.")
        return 0
    record = {
        "status": "running",
        "command": options.command_line(),
        "arguments": decisive,
        "pocket": site.how,
        "receptor_log": list(receptor.log),
        "versions": options.versions() | versions_of("vina", "meeko", "posebusters"),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(record, args.out / "run.json")
    began = time.perf_counter()
    count = len(library) if isinstance(library, list) else _count(library)
    bar = options.progress_bar(count, args.quiet, "ligand")
    result = pipeline(
        receptor, site, library, workers_of(args), args.protonate, not args.no_check, bar, args.out / ".parts"
    )
    result.save(args.out)
    if args.report:
        from molediff.report.docking import write_docking_page

        write_docking_page(result, receptor, site, reference, args.out / "report.html", workers_of(args) or 1)
    seconds = time.perf_counter() - began
    record |= {"status": "complete", "counts": result.counts, "seconds": round(seconds, 2)}
    record["search_seconds"] = round(sum(result.seconds), 2)
    write_json(record, args.out / "run.json")
    options.drop_parts(args.out)
    _print(result, seconds, args)
    return 1 if result.counts["failed"] else 0


def _library(args: argparse.Namespace):
    """(path or SMILES, what decides the result of it)."""
    from molediff.config import UserError

    if args.molecules is not None:
        return args.molecules, options.file_mark(args.molecules, "--molecules")
    if args.demo:
        from molediff.docking.demo import DEMO_LIBRARY

        return list(DEMO_LIBRARY), "demo"
    raise UserError("Nothing to dock. Give a library: --molecules FILE.smi, .sdf or .csv; or try --demo.")


def _count(library: Path) -> int:
    from molediff.docking.ligands import read_library

    return len(read_library(library))


def workers_of(args: argparse.Namespace) -> int:
    """--workers.

    Raises:
        UserError: for a negative number.
    """
    from molediff.config import UserError

    if args.workers < 0:
        raise UserError(f"--workers must be 0 (one a core) or more, got {args.workers}.")
    return args.workers


def versions_of(*packages: str) -> dict[str, str]:
    """Of packages that decide a result."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def fingerprint(receptor) -> str:
    """Of the prepared receptor: positions and types."""
    import hashlib

    text = ",".join(receptor.types).encode()
    return hashlib.sha256(receptor.pos.round(3).tobytes() + text).hexdigest()[:16]


def place(site) -> str:
    """Centre and edges of the box, angstrom."""
    return " ".join(f"{x:.3f}" for x in (*site.centre, *site.size))


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
