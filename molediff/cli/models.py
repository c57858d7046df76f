"""molediff models"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("name", nargs="?", help="print the card of this model")


def run(args: argparse.Namespace) -> int:
    """List bundled models, or print one card."""
    from molediff.model.files import CARD, WEIGHTS, bundled, describe, locate

    if args.name:
        card = locate(args.name) / CARD
        print(card.read_text() if card.is_file() else describe(args.name)["about"])
        return 0
    for name, folder in bundled().items():
        d = describe(folder)
        about = d["about"]
        print(f"{name}")
        print(f"  {about.get('summary', '')}")
        print(f"  data      {trained_on(about, sum(d['sizes'].values()))}")
        print(f"  size      {(folder / WEIGHTS).stat().st_size / 1e6:.1f} MB")
        print(f"  checksum  sha256 {d['sha256']}")
        for label, value in about.get("measured", {}).items():
            print(f"  {label}: {value}")
    print("\nmolediff models NAME prints the whole card.")
    return 0


def trained_on(about: dict, molecules: int) -> str:
    """The data of a model in words.

    Args:
        about: of its description.
        molecules: of training, without poses.
    """
    said = f"{about.get('data', {}).get('name', 'not said')}, {molecules:,} molecules of training"
    training = about.get("training", {})
    if not training.get("complexes"):
        return said
    share = f"{100 * training['complex_share']:.0f} % of the steps"
    return f"{said}; and poses in proteins ({training['complexes']}), {share}"
