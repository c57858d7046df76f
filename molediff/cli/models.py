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
        data = about.get("data", {})
        print(f"  data      {data.get('name', 'not said')}, {sum(d['sizes'].values()):,} molecules of training")
        print(f"  size      {(folder / WEIGHTS).stat().st_size / 1e6:.1f} MB")
        print(f"  checksum  sha256 {d['sha256']}")
        for label, value in about.get("measured", {}).items():
            print(f"  {label}: {value}")
    print("\nmolediff models NAME prints the whole card.")
    return 0
