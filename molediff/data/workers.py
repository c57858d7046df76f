"""Chunks of a preparation, done by processes of their own."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any

from molediff.config import UserError


def work(
    function: Callable[..., Any], chunks: Iterable[tuple[int, tuple, int]], workers: int
) -> Iterator[tuple[int, Any, int]]:
    """(number, what the function made of the chunk, records in it), in the order of the chunks.

    Args:
        function: of a module, called with the arguments of a chunk.
        chunks: (number, arguments, records in it); read a few ahead.
        workers: processes, spawned; with one, everything runs in this one.

    Raises:
        UserError: when a worker process dies.
    """
    if workers == 1:
        for number, arguments, read in chunks:
            yield number, function(*arguments), read
        return
    spawned = {"mp_context": get_context("spawn"), "initializer": follow_parent}
    with ProcessPoolExecutor(workers, **spawned) as pool:
        waiting: list[tuple[int, Future, int]] = []
        try:
            for number, arguments, read in chunks:
                waiting.append((number, pool.submit(function, *arguments), read))
                # a few chunks ahead, not the whole file
                while len(waiting) > 2 * workers:
                    yield _result(waiting.pop(0))
            while waiting:
                yield _result(waiting.pop(0))
        except BrokenProcessPool:
            raise UserError(
                "A worker process died (out of memory, or killed). Run the same command again, it goes on where it "
                "was; --workers 1 needs the least memory."
            ) from None
        finally:
            # when interrupted, chunks that have not begun are left for the next call
            pool.shutdown(wait=False, cancel_futures=True)


def _result(waiting: tuple[int, Future, int]) -> tuple[int, Any, int]:
    number, future, read = waiting
    return number, future.result(), read


def follow_parent() -> None:
    """Let a worker process leave interrupts to its parent, and end when the parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
