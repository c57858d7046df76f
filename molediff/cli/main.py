"""The command line: verbs only, and nothing heavy is imported before a verb runs."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from molediff.config import UserError, nearest
from molediff.evaluation import InputError

BROKEN = 70
"""Exit status of what should not happen; 1 is that of a run that lost molecules."""
VERBS = {
    "generate": "make molecules, free or in a protein pocket, with a bundled model or your own",
    "conformers": "make 3D conformers of molecules given as SMILES or SDF",
    "train": "train a model from a YAML file; goes on where it was",
    "data": "prepare training data from QM9, SD files, SMILES or arrays",
    "evaluate": "judge anyone's molecules under the published protocols",
    "pocket": "prepare a protein and its binding site: PDB, PDBQT, a log of every change",
    "dock": "dock a library into a pocket: poses, a table, one row a ligand",
    "score": "figures of poses in a pocket: Vina, PoseBusters, clashes, RMSD, interactions",
    "refine": "relax poses in the rigid pocket; raw and relaxed side by side",
    "models": "list the bundled models: data, size, checksum, measured quality",
    "doctor": "versions, device, extras, what is missing and how to get it",
}
"""verb -> what it does. Its module is molediff.cli.VERB, with add_arguments(parser) and run(args) -> exit status."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb.

    Returns:
        0 when all asked for is there, 1 for a run that lost molecules, 2 for bad input and for files that cannot be
        read or written, `BROKEN` for a fault of molediff, 130 when interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"molediff {installed_version()}")
        return 0
    if argv[0] not in VERBS:
        print(f"molediff: unknown verb '{argv[0]}'.{nearest(argv[0], VERBS)}\n\n{usage()}", file=sys.stderr)
        return 2
    module = import_module(f"molediff.cli.{argv[0]}")
    parser = argparse.ArgumentParser(f"molediff {argv[0]}", description=sentence(VERBS[argv[0]]), allow_abbrev=False)
    module.add_arguments(parser)
    args = parser.parse_args(argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        return module.run(args)
    except (UserError, InputError) as error:
        print(f"molediff {argv[0]}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"molediff {argv[0]}: {error}", file=sys.stderr)
        return 2
    except Exception:  # 1 would say that the run is complete
        traceback.print_exc()
        print(
            f"molediff {argv[0]}: this is a fault of molediff, please report it with the lines above.", file=sys.stderr
        )
        return BROKEN
    except KeyboardInterrupt:
        print(f"\nmolediff {argv[0]}: interrupted. Type the same command again to go on.", file=sys.stderr)
        return 130


def sentence(what: str) -> str:
    """With a capital and a full stop; names keep their own capitals."""
    return f"{what[0].upper()}{what[1:]}."


def usage() -> str:
    """What ``molediff --help`` prints."""
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {what}" for verb, what in VERBS.items()]
    return "\n".join(
        [
            "usage: molediff VERB [options]",
            "",
            "3D molecules by diffusion.",
            "",
            *lines,
            "",
            "molediff VERB --help says more.",
        ]
    )


def installed_version() -> str:
    """Of the molediff package."""
    try:
        return version("molediff")
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
