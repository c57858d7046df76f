"""molediff pocket"""

from __future__ import annotations

import argparse
from pathlib import Path

from molediff.cli import options, pocket_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("file", nargs="?", type=Path, metavar="PROTEIN", help="the same as --protein")
    pocket_options.add_arguments(parser)
    parser.add_argument(
        "--radius", type=float, default=8.0, help="of pocket.pdb round the ligand or centre (default 8)"
    )
    parser.add_argument("--demo", action="store_true", help="a complex that comes along")
    options.add_output(parser, "pocket")


def run(args: argparse.Namespace) -> int:
    """Prepare, write, say what was done."""
    from molediff.config import UserError
    from molediff.docking.pocket_folder import write_pocket

    if args.pocket is not None:
        raise UserError("--pocket reads what this verb writes. Give --protein FILE with the site, and --out DIR.")
    if args.file is not None and args.protein is not None:
        raise UserError("Two proteins were given. Leave out one.")
    args.protein = args.protein or args.file
    if args.out.exists() and not args.out.is_dir():
        raise UserError(f"'{args.out}' is a file. Give a folder: --out FOLDER")
    if (args.out / "pocket.json").exists() and not args.overwrite:
        raise UserError(f"'{args.out}' holds a pocket. Choose another --out, or --overwrite to replace it.")
    receptor, site, reference = pocket_options.receptor_and_site(args)
    record = {"command": options.command_line(), "versions": options.versions("gemmi", "biotite", "hydride")}
    write_pocket(args.out, receptor, site, reference, args.radius, record)
    if not args.quiet:
        _print(receptor, site, args.out)
    return 0


def _print(receptor, site, folder: Path) -> None:
    """Counts of the log, the lines themselves where they are few."""
    from itertools import groupby

    lines = sorted(receptor.log, key=lambda line: line.partition(":")[0])
    for rule, group in groupby(lines, key=lambda line: line.partition(":")[0]):
        group = list(group)
        for line in group[:4]:
            print(line)
        if len(group) > 4:
            print(f"{rule}: {len(group) - 4} more in {folder / 'pocket.json'}")
    heavy = sum(e != "H" for e in receptor.element)
    print(f"receptor     {len(receptor):,} atoms, {heavy:,} of them heavy")
    x, y, z = site.centre
    print(f"site         {x:.3f}, {y:.3f}, {z:.3f}, edges {' x '.join(f'{e:g}' for e in site.size)} A ({site.how})")
    print(f"written to   {folder}")
