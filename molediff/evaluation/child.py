"""A worker process that may die, and the socket to it; docking's workers are such children too."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

PATIENCE = 10  # times the limit that a child may sleep, or wait for its turn on a busy machine
PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])


class Child:
    """`python -m MODULE FD`, with the package on its path."""

    def __init__(self, module: str, environment: Mapping[str, str]):
        """Start it.

        Args:
            module: dotted name; it gets the number of its end of the socket as its argument.
            environment: of the process, beside PYTHONPATH.
        """
        ours, theirs = Pipe()
        path = os.pathsep.join([PACKAGE_ROOT, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**environment, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self.channel: Connection = ours

    def answered(self, limit: float, stop: Callable[[], bool] = lambda: False) -> bool:
        """Wait for a result; False once the child has computed for `limit` seconds, or slept for ten times that.

        Args:
            limit: seconds of computing; of waiting, where the system does not tell.
            stop: asked twice a second; True ends the waiting with False.
        """
        start, began = self._computed(), time.monotonic()
        while not self.channel.poll(min(0.5, limit)):
            used, waited = self._computed(), time.monotonic() - began
            if start is None or used is None:
                start, used = 0.0, waited
            if used - start >= limit or waited >= PATIENCE * limit or stop():
                return False
        return True

    def _computed(self) -> float | None:
        """CPU seconds of the child so far; None where the system does not tell."""
        try:
            words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """Close the socket, which ends an idle child; a busy one is killed."""
        self.channel.close()
        try:
            self.process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
