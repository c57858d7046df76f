"""molediff generate"""

from __future__ import annotations

import argparse
import sys

from molediff.cli import begin, free, in_pocket, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("--n", type=int, default=100, help="molecules (default 100)")
    parser.add_argument(
        "--atoms",
        default="",
        help="atoms a molecule, 18 or 12-20 (default: as in training, or as fills the pocket); with --known the number "
        "of new heavy atoms",
    )
    parser.add_argument(
        "--elements", default="", metavar="LIST", help="of new atoms, such as C,N,O (default: all that the model knows)"
    )
    parser.add_argument(
        "--want",
        action="append",
        default=[],
        metavar="PROPERTY=RANGE",
        help="steer to logp=2..3, qed=0.7.., tpsa=..90, rings=3 and others (docs/outputs.md); may be repeated",
    )
    parser.add_argument("--trajectory", type=int, metavar="K", help="also draw molecule K coming out of the noise")
    begin.add_arguments(parser)
    options.add_sampling(parser)
    parser.add_argument(
        "--join",
        action=argparse.BooleanOptionalAction,
        help="bring the pieces of a molecule together in the late steps (default: what the model recommends)",
    )
    parser.add_argument(
        "--valence",
        action=argparse.BooleanOptionalAction,
        help="give atoms only bonds that they can have in the late steps (default: what the model recommends)",
    )
    parser.add_argument(
        "--largest-ring",
        type=int,
        metavar="N",
        help="larger rings are opened in the late steps; 0 for any (default: what the model recommends)",
    )
    options.add_model(parser, "", f"{free.MODEL}; in a pocket {in_pocket.POCKET}")
    options.add_output(parser, "out")
    in_pocket.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Generate, write, report."""
    from molediff.model import load
    from molediff.pipelines import Generate
    from molediff.pipelines.generate import check_wanted

    options.set_threads(args)
    device = options.device_of(args.device)
    check_wanted(args.want, args.trajectory)
    pocket = in_pocket.asked(args)
    model = load(args.model or (in_pocket.POCKET if pocket else free.MODEL)).to(device)
    place = in_pocket.open_place(args, model) if pocket else free.Free()
    pipeline = Generate(model, place.denoiser(args, model))
    if args.compile:
        model.compile_network()
    asked = {
        "n": args.n,
        "atoms": args.atoms,
        "elements": args.elements,
        "trajectory": args.trajectory,
        **options.sampling(args),
    }
    asked |= {name: value for name in ("join", "valence", "largest_ring") if (value := getattr(args, name)) is not None}
    asked |= {"want": args.want} if args.want else {}
    task = begin.task_of(args, model, place.frame, place.receptor)
    asked.setdefault("steps", task.usual_steps(model))
    decisive = {**asked, **begin.decisive(args), **place.decisive(args)}
    decisive |= {"checksum": model.source.checksum, "device": device, "compile": args.compile}
    page = args.out / "report.html" if args.report else None
    work = options.begin_run(args, decisive, page, model=model.source.name, **place.about)
    if work.status is not None:
        return work.status
    bar = options.progress_bar(args.n, args.quiet)
    _warn_sizes(args.atoms, model, task)
    begin.announce(task, model.source.name)
    if not args.quiet:
        said = f"{args.n} molecules by '{model.source.name}', {asked['steps']} steps, up to {args.batch} at once"
        print(said, file=sys.stderr, flush=True)
    result = pipeline(**asked, progress=bar, parts=work.parts, task=task)
    made = place.finish(result, args, work.parts)
    lost = bool(made.counts["failed"] or made.counts.get("lost"))
    seconds = work.finish(made.counts, lost, evaluations=made.about["evaluations"], settings=made.about)
    _print(result)
    place.report(made)
    print(f"seconds         {seconds:.1f}")
    print(f"written to      {args.out}")
    return work.status


def _warn_sizes(atoms: str, model, task) -> None:
    """Say which sizes the model has never seen."""
    from molediff.sampling import parse_atoms

    if not atoms or task.about().get("given_atoms"):
        return
    low, high = task.seen(model).range
    outside = [n for n in parse_atoms(atoms, model.sizes.counts) if not low <= n <= high]
    if outside:
        print(
            f"Warning: model '{model.source.name}' was trained on {low} to {high} atoms; "
            f"{_ranges(outside)} lie outside. See the column in_domain.",
            file=sys.stderr,
        )


def _ranges(numbers: list[int]) -> str:
    """[30, 31, 32, 40] -> '30-32, 40'"""
    parts, start = [], numbers[0]
    for a, b in zip(numbers, [*numbers[1:], None], strict=True):
        if b != a + 1:
            parts.append(f"{start}-{a}" if a > start else f"{a}")
            start = b
    return ", ".join(parts)


def _print(result) -> None:
    c = result.counts
    print(f"requested       {c['requested']}")
    valid = {"strictly_valid": "strictly valid", "strict_heavy_valid": "strict-heavy"}[result.validity]
    for key, label in (("connected", "connected"), (result.validity, valid), ("unique", "unique")):
        print(f"{label:<15} {c[key]} ({100 * c[key] / c['requested']:.1f} %)")
    if c["failed"]:
        print(f"failed          {c['failed']} (see the reasons in molecules.csv)")
    if "as_wanted" in c:
        share = 100 * c["as_wanted"] / c["requested"]
        print(f"as wanted       {c['as_wanted']} ({share:.1f} %), {c['as_wanted_unique']} of them different")
    begin.report(c)
