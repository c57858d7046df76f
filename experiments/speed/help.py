"""Time of `molediff --help`, best of N fresh processes; also the modules it loads, heaviest first.

Usage: python experiments/speed/help.py [N]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

MODULE = [sys.executable, "-c", "import sys; from molediff.cli.main import main; sys.exit(main(['--help']))"]


def command() -> list[str]:
    """The installed script beside this Python, else the same function without it."""
    script = shutil.which("molediff", path=str(Path(sys.executable).parent))
    return [script, "--help"] if script else MODULE


def seconds(words: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def imports(most: int = 5) -> list[str]:
    """The dearest imports, microseconds with all they import, by Python's own account."""
    words = [sys.executable, "-X", "importtime", *MODULE[1:]]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stderr.splitlines()
    rows = [line.partition(":")[2].split("|") for line in lines if "|" in line and "cumulative" not in line]
    return [f"{int(us):>8} us  {name.strip()}" for _, us, name in sorted(rows, key=lambda row: -int(row[1]))[:most]]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    words, bare = command(), [sys.executable, "-c", "pass"]
    for name, what in (("python -c pass", bare), ("molediff --help", words)):
        taken = [seconds(what) for _ in range(count)]
        print(f"{name}: best of {count} {min(taken):.3f} s, median {statistics.median(taken):.3f} s")
    print("\n".join(imports()))


if __name__ == "__main__":
    main()
