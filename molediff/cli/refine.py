"""molediff refine"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from molediff.cli import options, pocket_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    pocket_options.add_arguments(parser)
    parser.add_argument("--molecules", type=Path, metavar="SDF", help="poses: an SD file in the protein's frame")
    parser.add_argument(
        "--method",
        default="mmff",
        help="mmff or uff: all atoms, van der Waals with the pocket; vina: all atoms, MMFF94 and Vina's energy; "
        "torch: torsions, place and orientation in Vina's energy (default mmff)",
    )
    parser.add_argument("--steps", type=int, default=300, help="at most (default 300)")
    parser.add_argument("--workers", type=int, default=0, help="processes; 0 for one a core (default 0)")
    options.add_output(parser, "refined")


def run(args: argparse.Namespace) -> int:
    """Relax, write, report."""
    from molediff.cli.dock import fingerprint, place, versions_of, workers_of
    from molediff.config import UserError
    from molediff.pipelines.refine import Refine
    from molediff.report import write_json

    if args.molecules is None:
        raise UserError("Nothing to relax. Give poses: --molecules poses.sdf")
    pipeline = Refine(args.method, args.steps)
    receptor, site, _ = pocket_options.receptor_and_site(args)
    decisive = {"method": args.method, "steps": args.steps}
    decisive |= {"molecules": options.file_mark(args.molecules, "--molecules")}
    decisive |= {"receptor": fingerprint(receptor), "site": place(site)}
    if options.open_run(args.out, decisive, args.overwrite) == "complete":
        print(f"{args.out}: complete. Nothing to do; --overwrite makes it anew.")
        return 0
    record = {
        "status": "running",
        "command": options.command_line(),
        "arguments": decisive,
        "pocket": site.how,
        "receptor_log": list(receptor.log),
        "versions": options.versions() | versions_of("scipy"),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(record, args.out / "run.json")
    began = time.perf_counter()
    result = pipeline(receptor, args.molecules, workers_of(args), None, args.out / ".parts")
    result.save(args.out)
    seconds = time.perf_counter() - began
    write_json(
        record | {"status": "complete", "counts": result.counts, "seconds": round(seconds, 2)}, args.out / "run.json"
    )
    options.drop_parts(args.out)
    _print(result, seconds, args.out)
    return 1 if result.counts["failed"] else 0


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
