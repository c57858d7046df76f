"""A child process that docks, so that a ligand can end it but not the run.

Started as `python -m molediff.docking.worker FD`; it talks over one inherited socket. Not for users.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from multiprocessing.connection import Connection

from molediff.config import UserError


def serve(channel: Connection) -> None:
    """Receive a task, start it, send 'ready' or the error; then receive jobs and send ('result', x) or a reason."""
    try:
        task = channel.recv()
        task.start()
        channel.send("ready")
    except EOFError:
        return
    except UserError as error:
        channel.send(error)
        return
    while True:
        try:
            job = channel.recv()
        except EOFError:
            return
        try:
            answer = ("result", task(job))
        except UserError as error:
            answer = ("user error", str(error))
        except MemoryError:
            answer = ("reason", "out of memory")
        except Exception as error:  # the one place: a ligand may not stop the run, and the row names what happened
            answer = ("reason", f"error: {type(error).__name__}: {' '.join(str(error).split())}"[:200])
        try:
            channel.send(answer)
        except OSError:
            return


def _die_with_parent() -> None:
    """Where the system can (Linux): a run that is killed leaves no child behind."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        return


if __name__ == "__main__":
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and ends us
    os.dup2(2, 1)  # whatever libraries print goes to stderr
    serve(Connection(int(sys.argv[1])))
