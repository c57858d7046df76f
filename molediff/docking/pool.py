"""Work on many ligands in child processes that may die: a retry in a fresh child, a limit of computing a ligand."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from molediff.config import UserError
from molediff.evaluation.child import Child

START = 900.0
"""Seconds in which a child must have imported its libraries and computed its maps."""
TRIES = 2
"""Children that may die over one job before it fails."""
MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**31), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
"""Settings of glibc's malloc for children; others ignore them. For every pose Vina fills a table of 300 kB a pair of
atoms, 0.1 GB and more; a third of the time to read a pose went into giving that memory back and asking for it anew."""


class Task(Protocol):
    """What a child does. It is pickled, and so are jobs and results."""

    def start(self) -> None:
        """Whatever is done once a child, as computing maps. A UserError ends the run."""

    def __call__(self, job: Any) -> Any:
        """The result of one job."""


Keep = Callable[[int, Any, str], None]
"""(number of the job, its result or None, '' or the reason why there is none); called from one thread at a time."""


def run_all(task: Task, jobs: Sequence[Any], workers: int, seconds: float, keep: Keep) -> None:
    """Do all jobs. No job can stop another, and results do not depend on ``workers``.

    Args:
        task: see `Task`.
        jobs: in the order in which they are begun; may be done in any.
        workers: child processes; 0 for one a core. There are never more than jobs.
        seconds: of computing that a job may take; then its child is ended and the job fails.
        keep: told every result as it comes.

    Raises:
        UserError: for a number of workers below 0; what `Task.start` raised.
        RuntimeError: when a child does not start at all.
    """
    if workers < 0:
        raise UserError(f"--workers must be 0 (one a core) or more, got {workers}.")
    workers = min(workers or default_workers(), max(len(jobs), 1))
    queue: SimpleQueue = SimpleQueue()
    for number, job in enumerate(jobs):
        queue.put((number, job))
    lock, trouble = threading.Lock(), []

    def safe_keep(number: int, result: Any, reason: str) -> None:
        with lock:
            keep(number, result, reason)

    def work() -> None:
        try:
            _feed(queue, task, seconds, max(1, default_workers() // workers), safe_keep, trouble)
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # short, so that an interrupt is heard
    except BaseException as error:
        trouble.append(error)
        raise
    if trouble:
        raise trouble[0]


def default_workers() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _feed(queue: SimpleQueue, task: Task, seconds: float, threads: int, keep: Keep, trouble: list) -> None:
    """One child and its successors until the queue is empty."""
    child = None
    try:
        while not trouble:
            try:
                number, job = queue.get_nowait()
            except Empty:
                return
            for attempt in range(1, TRIES + 1):
                child = child or _started(task, threads)
                result, reason, sound = child.run(job, seconds, trouble)
                if not sound:
                    child.end()
                    child = None
                if trouble:
                    return
                if reason != DIED or attempt == TRIES:
                    keep(number, result, reason if reason != DIED else f"{DIED} {TRIES} times")
                    break
    finally:
        if child:
            child.end()


DIED = "its worker process died"


def _started(task: Task, threads: int) -> _Child:
    """A child that is ready; a second one where the first died on the way."""
    for _ in range(TRIES):
        child = _Child(task, threads)
        answer = child.ready()
        if answer == "ready":
            return child
        child.end()
        if isinstance(answer, BaseException):
            raise answer
    raise RuntimeError("A worker process of the docking did not start; its error is above.")


class _Child(Child):
    """A child that docks."""

    def __init__(self, task: Task, threads: int):
        ours = {"OMP_NUM_THREADS": str(threads), "MOLEDIFF_WORKER": "dock"}
        super().__init__(f"{__package__}.worker", MEMORY | os.environ | ours)
        self.task = task

    def ready(self) -> str | BaseException:
        """'ready', '' for a child that died or hangs, or the error that `Task.start` raised."""
        try:
            self.channel.send(self.task)
            return self.channel.recv() if self.channel.poll(START) else ""
        except (EOFError, OSError):
            return ""

    def run(self, job: Any, seconds: float, trouble: list) -> tuple[Any, str, bool]:
        """(result, reason, whether the child is still sound)."""
        try:
            self.channel.send(job)
            if not self.answered(seconds, lambda: bool(trouble)):
                return None, f"took more than {seconds:g} s", False
            kind, content = self.channel.recv()
        except (EOFError, OSError):
            return None, DIED, False
        if kind == "user error":
            raise UserError(content)
        return (content, "", True) if kind == "result" else (None, content, True)
