"""Work spread over processes: results in the order of the items, and no process left behind however this one ends."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any

from nopeproof.errors import NopeproofError

Work = Callable[[Any], Any]
THREADS = "OMP_NUM_THREADS"


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(work: Work, items: Sequence[Any], workers: int, tell: Callable[[Any], None] = lambda item: None) -> Iterator[Any]:
    """`work(item)` for each item, in order, each as soon as those before it are there; `tell(item)` when one is begun.

    One worker, or one item, works in this process. Otherwise processes start fresh (spawn), each takes the next item when it
    is free, and ends when this one dies: it reads the end of its pipe. `work` is a function of a module, items and results
    can be pickled. Raises what an item raised, when its turn comes.
    """
    if min(workers, len(items)) < 2:
        for item in items:
            tell(item)
            yield work(item)
        return
    running: dict[Any, tuple[Any, int | None]] = {}
    done: dict[int, tuple[bool, Any]] = {}
    waiting, turn = list(enumerate(items)), 0
    try:
        for _ in range(min(workers, len(items))):
            process, pipe = _start(work)
            running[pipe] = (process, _hand(pipe, waiting, tell))
        while turn < len(items):
            while turn not in done:
                _collect(running, done, waiting, tell)
            good, result = done.pop(turn)
            if not good:
                raise result
            turn += 1
            yield result
    finally:
        for process, _ in running.values():
            process.terminate()
            process.join()


def follow(ended: Callable[[], object]) -> None:
    """End this process as soon as `ended`, which waits for the end of its parent, returns.

    What is half done is done again by whoever starts next, who must not find another still at it.
    """

    def watch() -> None:
        ended()
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _start(work: Work) -> tuple[Any, Connection]:
    context = mp.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(work, there), daemon=True)
    before = os.environ.get(THREADS)
    os.environ[THREADS] = before or "1"  # read when torch is imported over there; more threads than cores slow all of them down
    try:
        process.start()
    finally:
        if before is None:
            del os.environ[THREADS]
    there.close()
    return process, here


def _hand(pipe: Connection, waiting: list[tuple[int, Any]], tell: Callable[[Any], None]) -> int | None:
    if not waiting:
        return None
    number, item = waiting.pop(0)
    tell(item)
    with suppress(BrokenPipeError, ConnectionResetError):  # it is dead already, which reading will tell
        pipe.send(item)
    return number


def _collect(running: dict[Any, tuple[Any, int | None]], done: dict[int, tuple[bool, Any]], waiting: list, tell: Callable) -> None:
    """Wait for a result; whoever gave it takes the next item."""
    for pipe in wait([p for p, (_, number) in running.items() if number is not None]):
        process, number = running[pipe]
        assert number is not None and isinstance(pipe, Connection)
        try:
            done[number] = pipe.recv()
        except (EOFError, ConnectionResetError):
            process.join()
            found = f"exit code {process.exitcode}: killed, or out of memory"
            done[number] = (False, NopeproofError("a worker process ended before its work was done", found, "again; what is done is kept"))
            running[pipe] = (process, None)
        else:
            running[pipe] = (process, _hand(pipe, waiting, tell))


def _serve(work: Work, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    parent = mp.parent_process()
    if parent is not None:
        follow(parent.join)
    sys.stdout = sys.stderr  # what a construction file prints is not our answer
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            item = pipe.recv()
            try:
                answer = (True, work(item))
            except NopeproofError as bad:
                answer = (False, bad)
            except Exception as bad:
                answer = (False, RuntimeError(f"{type(bad).__name__}: {bad}\n\nin a worker process:\n{traceback.format_exc()}"))
            pipe.send(answer)
