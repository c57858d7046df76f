"""A child process that judges records, so that a molecule can end it but not the run.

Started as `python -m molediff.evaluation.worker FD`; it talks over one inherited socket. Not for users.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

from .errors import InputError
from .protocols import INTERNAL, PROTOCOLS, Context
from .record import Record

JUDGES = {name: one.judge for name, one in (PROTOCOLS | INTERNAL).items()}


def judged(name: str, record: Record, context: Context) -> dict:
    """The row of one judge. Whatever RDKit or a library throws at an odd molecule becomes the row's reason."""
    try:
        return JUDGES[name](record, context)
    except InputError:
        raise
    except MemoryError:
        return {"reason": "out_of_memory"}
    except Exception as error:  # the one place: a molecule may not stop the run, and the row names what happened
        return {"reason": f"error: {type(error).__name__}: {error}"[:200]}


def serve(channel: Connection) -> None:
    """Answer batches: receive (context, [(record, judge names)]), send (index, name, row) one at a time."""
    channel.send("ready")
    while True:
        try:
            context, batch = channel.recv()
        except EOFError:
            return
        for record, names in batch:
            if record.mol is not None and len(record.pos):
                # pickled molecules carry coordinates as 32-bit floats
                record.mol.GetConformer().SetPositions(record.pos)
            for name in names:
                try:
                    channel.send((record.index, name, judged(name, record, context)))
                except InputError as error:
                    channel.send(error)
                    return


if __name__ == "__main__":
    # whatever libraries print goes to stderr
    os.dup2(2, 1)
    serve(Connection(int(sys.argv[1])))
