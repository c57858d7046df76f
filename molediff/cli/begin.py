"""Options of generate that say what the molecules begin from: fragments, positions, a lead."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from molediff.cli import options
from molediff.config import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--known with --attach, --retype, --lead with --change."""
    begin = parser.add_argument_group("what the molecules begin from (an SDF file with 3D coordinates; else nothing)")
    begin.add_argument("--known", type=Path, metavar="SDF", help="fragments to grow from, or to link if several")
    begin.add_argument(
        "--attach",
        default="",
        metavar="LIST",
        help="atoms of --known that new bonds may begin at, such as 3,7: numbers from 1 through all records of the "
        "file (default: neighbours of dummy atoms; in a fragment without, every atom with a hydrogen)",
    )
    begin.add_argument("--retype", type=Path, metavar="SDF", help="other elements at the lead's heavy atoms")
    begin.add_argument("--lead", type=Path, metavar="SDF", help="a molecule to change; see --change")
    begin.add_argument(
        "--change",
        type=float,
        metavar="SHARE",
        help="share of the steps run from --lead, above 0 and up to 1 (default 0.4)",
    )


def task_of(args: argparse.Namespace, model, frame=None, receptor=None):
    """The task that was asked for; a plain one where nothing was.

    Args:
        args: of a parser that had `add_arguments`.
        model: that makes the molecules.
        frame: `molediff.pipelines.frame.Frame` of a pocket, or None.
        receptor: the protein of that pocket, which given atoms must fit.

    Raises:
        UserError: for options that do not go together, and files that cannot be used.
    """
    given = [f"--{name}" for name in ("known", "retype", "lead") if getattr(args, name)]
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} were given. Only one of --known, --retype and --lead can be.")
    if args.attach and not args.known:
        raise UserError(f"--attach {args.attach} needs the fragments: --known FILE.sdf")
    if args.change is not None and not args.lead:
        raise UserError(f"--change {args.change} needs what to change: --lead FILE.sdf")
    from molediff.pipelines.placement import check_placement
    from molediff.pipelines.tasks import Grow, Optimise, Retype, Task

    if not given:
        return Task(frame)
    if args.known:
        task = Grow.read(args.known, model, args.attach, frame)
    elif args.retype:
        task = Retype(args.retype, model, frame)
    else:
        task = Optimise(args.lead, model, **({} if args.change is None else {"change": args.change}), frame=frame)
    task.sizes(model, 1, args.seed, args.atoms)
    if receptor is not None:
        path = args.known or args.retype or args.lead
        check_placement(path, task.source.z, task.source.pos, receptor, known=not args.lead)
    return task


def decisive(args: argparse.Namespace) -> dict:
    """What decides the result, beside the other arguments; empty where nothing was given."""
    found = {}
    for name in ("known", "retype", "lead"):
        path = getattr(args, name)
        if path:
            found[name] = options.file_mark(path, f"--{name}")
    for name in ("attach", "change"):
        if getattr(args, name):
            found[name] = getattr(args, name)
    return found


def announce(task, name: str) -> None:
    """Say what was read from the file (atoms numbered as in the results); warn if the model does not know the task."""
    about = task.about()
    if "fragments" in about:
        points = ", ".join(map(str, about["attachment_points"]))
        print(f"fragments       {about['fragments']} with {about['given_atoms']} known atoms, open at atoms {points}")
    if about.get("hydrogens_added"):
        print(f"hydrogens       {about['hydrogens_added']} that the file implies were placed by RDKit")
    if not task.trained:
        print(
            f"Warning: model '{name}' was not trained on this task ({task.share} was 0 in its training): "
            "expect few valid molecules.",
            file=sys.stderr,
        )


def report(counts: dict[str, int]) -> None:
    """The counts that belong to the task."""
    requested = counts["requested"]
    for key, label in (("known_exact", "known exact"), ("attached_ok", "attached right")):
        if key in counts:
            print(f"{label:<15} {counts[key]} ({100 * counts[key] / requested:.1f} %)")
    if "new_bonds_elsewhere" in counts:
        print(f"bonds elsewhere {counts['new_bonds_elsewhere']}")
    if counts.get("lost"):
        print(f"not as asked    {counts['lost']} (known parts changed, or new bonds elsewhere)")
