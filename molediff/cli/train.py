"""molediff train: train a model, go on with a run, finish it, export its weights."""

from __future__ import annotations

import argparse
import shlex


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.epilog = (
        "All settings with their defaults, and how a run is stopped, resumed and finished: docs/training.md. "
        "A key that does not exist is an error that lists those that do. Exit status: 0 when the run is complete, "
        "128 + the signal when one stopped it, 2 for a config that cannot be used."
    )
    parser.add_argument(
        "config", metavar="CONFIG.yaml", help="settings of the run; paths are relative to where you are"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--finish", action="store_true", help="begin the final decay of the learning rate now")
    what.add_argument("--export", action="store_true", help="only write OUT/model from the last checkpoint")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="change settings, for example --set steps=20000 model.network.width=128",
    )
    parser.add_argument("--quiet", action="store_true", help="plain lines instead of a progress bar")


def run(args: argparse.Namespace) -> int:
    """Train. Returns 0 when the run is complete, 128 + the signal when one stopped it."""
    # The config first: a typing mistake is told at once, not after torch has been imported.
    from molediff.training.read import read_values

    values = read_values(args.config, args.set)

    from molediff.config import from_dict
    from molediff.training.fit import export_last, fit
    from molediff.training.progress import say
    from molediff.training.settings import TrainConfig

    config = from_dict(TrainConfig, values)
    command = ["molediff", "train", args.config, *(["--set", *args.set] if args.set else [])]
    if args.export:
        print(f"Wrote {export_last(config, shlex.join(command))}")
        return 0
    outcome = fit(config, args.finish, shlex.join(command), args.quiet)
    if outcome.complete:
        if outcome.model is not None:
            print(f"complete: {outcome.step:,} steps, model in {outcome.model}")
        return 0
    say(
        f"Stopped by signal {outcome.stopped_by} at step {outcome.step:,} of {outcome.end:,}. "
        f"Resume with: {shlex.join(command)}"
    )
    return 128 + outcome.stopped_by
