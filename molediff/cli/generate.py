"""molediff generate"""

from __future__ import annotations

import argparse
import time

from molediff.cli import begin, options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("--n", type=int, default=100, help="molecules (default 100)")
    parser.add_argument(
        "--atoms",
        default="",
        help="atoms a molecule, 18 or 12-20 (default: as in training); with --known the number of new heavy atoms",
    )
    parser.add_argument("--trajectory", type=int, metavar="K", help="also draw molecule K coming out of the noise")
    begin.add_arguments(parser)
    options.add_sampling(parser)
    options.add_model(parser)
    options.add_output(parser, "out")


def run(args: argparse.Namespace) -> int:
    """Generate, write, report."""
    import torch

    from molediff.pipelines import Generate
    from molediff.report import write_json

    if args.threads:
        torch.set_num_threads(args.threads)
    device = options.device_of(args.device)
    pipeline = Generate.from_pretrained(args.model, device)
    source = pipeline.model.source
    if args.compile:
        pipeline.model.compile_network()
    asked = {"n": args.n, "atoms": args.atoms, "trajectory": args.trajectory, **options.sampling(args)}
    task = begin.task_of(args, pipeline.model)
    decisive = {**asked, **begin.decisive(args), "checksum": source.checksum, "device": device, "compile": args.compile}
    status = options.open_run(args.out, decisive, args.overwrite)
    if status == "complete":
        print(f"{args.out}: complete. Nothing to do; --overwrite makes it anew.")
        return 0
    record = {
        "status": "running",
        "command": options.command_line(),
        "arguments": decisive,
        "model": source.name,
        "versions": options.versions(),
    }
    args.out.mkdir(parents=True, exist_ok=True)
    write_json(record, args.out / "run.json")
    began = time.perf_counter()
    bar = options.progress_bar(args.n, args.quiet)
    if task is None:
        _warn_sizes(args.atoms, pipeline.model)
    else:
        begin.announce(task, source.name)
    result = pipeline(**asked, progress=bar, parts=args.out / ".parts", task=task)
    seconds = time.perf_counter() - began
    result.save(args.out)
    record |= {"status": "complete", "counts": result.counts, "seconds": round(seconds, 2)}
    record["evaluations"] = result.about["evaluations"]
    write_json(record, args.out / "run.json")
    options.drop_parts(args.out)
    _print(result, seconds, args.out)
    return 1 if result.counts["failed"] or result.counts.get("lost") else 0


def _warn_sizes(atoms: str, model) -> None:
    """Say which sizes the model has never seen."""
    import sys

    from molediff.sampling import parse_atoms

    if not atoms:
        return
    low, high = model.sizes.range
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


def _print(result, seconds: float, folder) -> None:
    c = result.counts
    print(f"requested       {c['requested']}")
    valid = {"strictly_valid": "strictly valid", "strict_heavy_valid": "strict-heavy"}[result.validity]
    for key, label in (("connected", "connected"), (result.validity, valid), ("unique", "unique")):
        print(f"{label:<15} {c[key]} ({100 * c[key] / c['requested']:.1f} %)")
    if c["failed"]:
        print(f"failed          {c['failed']} (see the reasons in molecules.csv)")
    begin.report(c)
    print(f"seconds         {seconds:.1f}")
    print(f"written to      {folder}")
