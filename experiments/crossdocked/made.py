"""Molecules that run.py left in its ``--work``: the options of scripts that look at them, and their relaxed poses."""

from __future__ import annotations

import argparse
from pathlib import Path

from rdkit import Chem

from molediff.config import UserError
from molediff.docking.refine import USUAL, RefineConfig, refine


def options(description: str) -> argparse.ArgumentParser:
    """--data, --work, --made, --first, --table."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the complexes")
    parser.add_argument("--work", type=Path, help="folder that run.py wrote")
    parser.add_argument("--made", help="folder of a row's molecules in --work")
    parser.add_argument("--first", type=int, default=2, help="molecules of a pocket that are looked at (default 2)")
    parser.add_argument("--table", action="store_true", help="make the table and stop")
    return parser


def check(args: argparse.Namespace) -> None:
    """Raise a UserError unless all that a run needs is given."""
    if not (args.data and args.work and args.made and (args.work / args.made).is_dir()):
        raise UserError("Give --data, --work and --made, a folder in it; run.py names it by row, model and settings.")


def relaxed(receptor, block: str) -> Chem.Mol | None:
    """As `generate` relaxes; None for what is not valid or cannot be relaxed."""
    if not block:
        return None
    return refine(receptor, Chem.MolFromMolBlock(block, removeHs=False), RefineConfig(USUAL, same_isomer=False)).mol
