"""Conformers of 200 held-out molecules beside ETKDG and ETKDG + MMFF94 on the same 200.

python experiments/qm9_free/conformers.py --data data/qm9_ani2x --model qm9
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from compare_conformers import arguments, compare
from held_out import part

from molediff.data.shards import open_shards


def main() -> None:
    """Write conformers.csv."""
    args = arguments(__doc__, "data/qm9_ani2x", "qm9", Path(__file__).parent / "conformers.csv")
    compare(args, part(open_shards(args.data), "test", args.molecules))


if __name__ == "__main__":
    main()
