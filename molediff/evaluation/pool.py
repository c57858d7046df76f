"""Judges over many records: children that may die, a time limit per molecule and judge, a progress bar."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from tqdm import tqdm

from .child import Child
from .errors import InputError
from .protocols import Context
from .record import Record

BATCH = 32  # records a child is sent at once; fewer towards the end, so that no child waits for another's last batch
SHARES = 4  # batches that each child should still find from any point of the run on
START = 300.0  # seconds a child may take to import RDKit on a busy machine

Row = tuple[int, str, dict]


def judge_all(
    records: Sequence[Record],
    names: Sequence[str],
    context: Context,
    workers: int = 1,
    time_limit: float = 60.0,
    progress: bool = False,
) -> dict[tuple[int, str], dict]:
    """Run judges on every record without a problem.

    Args:
        records: with their index as the position in the run.
        context: what judges may need besides the record.
        progress: show a bar on stderr.
        names: keys of PROTOCOLS or INTERNAL, run in this order on each record.
        workers: child processes; 0 judges in this process, where neither the time limit nor a crash is caught.
        time_limit: seconds of computing, not of waiting for a busy machine, per molecule and judge. The row of one
            that takes longer has the reason 'time_limit', of one that ends its process 'crashed'; the molecule's
            other judges still run.

    Returns:
        {(index of the record, judge): row}. Records with a problem have no rows.
    """
    jobs = [record for record in records if not record.problem]
    bar = tqdm(total=len(jobs), unit="mol", disable=not progress, file=sys.stderr, mininterval=0.5)
    rows: dict[tuple[int, str], dict] = {}
    last = names[-1] if names else ""

    def keep(row: Row) -> None:
        rows[row[:2]] = row[2]
        if row[1] == last:
            bar.update()

    try:
        if workers == 0:
            _here(jobs, names, context, keep)
        else:
            _children(jobs, names, context, min(workers, max(len(jobs), 1)), time_limit, keep)
    finally:
        bar.close()
    return rows


def _here(jobs: Sequence[Record], names: Sequence[str], context: Context, keep: Callable[[Row], None]) -> None:
    from .worker import judged

    for record in jobs:
        for name in names:
            keep((record.index, name, judged(name, record, context)))


def _children(jobs, names, context, workers: int, time_limit: float, keep) -> None:
    queue: SimpleQueue = SimpleQueue()
    for batch in _batches(jobs, workers):
        queue.put([(record, tuple(names)) for record in batch])
    lock, trouble = threading.Lock(), []

    def safe_keep(row: Row) -> None:
        with lock:
            keep(row)

    def work() -> None:
        try:
            _feed(queue, context, time_limit, safe_keep, trouble)
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if trouble:
        raise trouble[0]


def _batches(jobs: Sequence[Record], workers: int) -> list[list[Record]]:
    """Batches of records, the largest molecules first and ever fewer a batch; equal sizes keep their order.

    The poses of one ligand so stay together, and a child computes once what they share.
    """
    left, out = sorted(jobs, key=lambda record: -len(record.z)), []
    while left:
        size = min(BATCH, max(1, len(left) // (SHARES * workers)))
        out.append(left[:size])
        left = left[size:]
    return out


def _feed(queue: SimpleQueue, context: Context, time_limit: float, keep, trouble: list) -> None:
    """One child and its successors until the queue is empty."""
    child = None
    try:
        while not trouble:
            try:
                todo = queue.get_nowait()
            except Empty:
                return
            while todo:
                child = child or _Child()
                todo, sound = child.run(todo, context, time_limit, keep)
                if not sound:
                    child.end()
                    child = None
    finally:
        if child:
            child.end()


class _Child(Child):
    """A child that judges."""

    def __init__(self):
        super().__init__(f"{__package__}.worker", os.environ | {"OMP_NUM_THREADS": "1"})
        try:
            started = self.channel.poll(START) and self.channel.recv() == "ready"
        except (EOFError, OSError):
            started = False
        if not started:
            self.end()
            raise RuntimeError("A worker process of the evaluation did not start; its error is above.")

    def run(self, todo: list, context: Context, time_limit: float, keep) -> tuple[list, bool]:
        """Judge a batch; (what is left of it, whether the child is still sound)."""
        expected = [(record.index, name) for record, names in todo for name in names]
        self.channel.send((context, todo))
        for at, (index, name) in enumerate(expected):
            try:
                if not self.answered(time_limit):
                    keep((index, name, {"reason": "time_limit"}))
                    return _rest(todo, expected[at + 1 :]), False
                found = self.channel.recv()
            except (EOFError, OSError):
                keep((index, name, {"reason": "crashed"}))
                return _rest(todo, expected[at + 1 :]), False
            if isinstance(found, InputError):
                raise found
            keep(found)
        return [], True


def _rest(todo: list, expected: list[tuple[int, str]]) -> list:
    left: dict[int, list[str]] = {}
    for index, name in expected:
        left.setdefault(index, []).append(name)
    return [(record, tuple(left[record.index])) for record, _ in todo if record.index in left]
