"""Where cells are trained: in this process, in processes of their own, on a Slurm cluster, on Ray. All by the same call.

An engine takes cells and the folder of the runs, and yields one row a cell as they end. Whatever goes wrong in one cell,
an exception or the death of its process, becomes a row with ``status`` "failed" and the others go on.
"""

from __future__ import annotations

import importlib.util
import multiprocessing as mp
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from nopeproof.errors import NopeproofError
from nopeproof.learn.recipe import Cell, Listener

Row = dict[str, Any]
Engine = Callable[[Sequence[Cell], Path, int, Listener], Iterator[Row]]
"""(cells, folder of the runs, workers, listener) -> rows in the order in which cells end."""

POLL = 2.0  # seconds between looks at a cluster's queue


def engine(name: str, workers: int) -> Engine:
    """The engine of that name; "local" is this process for one worker, else a process a cell.

    Raises:
        NopeproofError: there is none of that name, its package is not installed, or there is no worker.
    """
    if workers < 1:
        raise NopeproofError(f"{workers} workers", "training needs at least one", "raise workers")
    if name not in ENGINES:
        raise NopeproofError(f"the engine {name!r}", f"there are: {', '.join(ENGINES)}", "choose one of these")
    chosen, package = ENGINES[name]
    if package and importlib.util.find_spec(package) is None:
        raise NopeproofError(f"the engine {name!r}", f"{package} is not installed", f"pip install 'nopeproof[{name}]'")
    return here if chosen is processes and workers == 1 else chosen


def attempt(cell: Cell, out: Path, tell: Listener) -> Row:
    """The cell's row, trained in this process; an exception becomes a row too, with its traceback unless it is ours."""
    from nopeproof.learn.train import train  # here, so that the parent of worker processes need not load torch

    try:
        return train(cell, out / cell.label, tell)
    except NopeproofError as error:
        return failed(cell, error.message)
    except Exception:
        return failed(cell, traceback.format_exc())


def failed(cell: Cell, error: str) -> Row:
    """The row of a cell that did not end well."""
    return {"cell": cell.label, "status": "failed", "digest": cell.digest, "config": cell.config(), "error": error}


def here(cells: Sequence[Cell], out: Path, workers: int, tell: Listener) -> Iterator[Row]:
    """One after the other, in this process."""
    for cell in cells:
        yield attempt(cell, out, tell)


def reason(row: Row) -> str:
    """Why a cell failed, on one line: the message without its traceback. "" for a row that did not."""
    lines = row.get("error", "").strip().splitlines()
    last = max((n for n, line in enumerate(lines) if not line[:1].isspace()), default=0)  # what follows it, indented, belongs to it
    return "; ".join(" ".join(line.split()) for line in lines[last:])


# --- processes of our own --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Job:
    cell: Cell
    process: BaseProcess


def processes(cells: Sequence[Cell], out: Path, workers: int, tell: Listener) -> Iterator[Row]:
    """Each cell in a process of its own (start method *spawn*, one torch thread), at most ``workers`` at a time."""
    waiting, running = list(cells), dict[Connection, _Job]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                _start(waiting.pop(0), out, running)
            for pipe in wait(list(running)):
                row = _receive(pipe, running, tell)  # type: ignore[arg-type]
                if row is not None:
                    yield row
    finally:  # also after Ctrl-C: no orphans, and what they had saved can be gone on from
        for job in running.values():
            job.process.terminate()
            job.process.join()


def _start(cell: Cell, out: Path, running: dict[Connection, _Job]) -> None:
    context = mp.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_worker, args=(cell, out, sender), name=cell.label, daemon=True)
    process.start()
    sender.close()  # the worker holds the only other end, so its death is read as the end of the pipe
    running[receiver] = _Job(cell, process)


def _worker(cell: Cell, out: Path, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends its workers
    with suppress(BrokenPipeError):  # the parent was killed, so nobody is left to tell
        sender.send(attempt(cell, out, sender.send))


def _receive(pipe: Connection, running: dict[Connection, _Job], tell: Listener) -> Row | None:
    """Pass on a worker's message; its row, or a row that says how it died, ends the job."""
    job = running[pipe]
    try:
        message = pipe.recv()
    except EOFError:
        job.process.join()
        message = failed(job.cell, f"its process ended with exit code {job.process.exitcode}")
    if not isinstance(message, dict):
        tell(message)
        return None
    del running[pipe]
    job.process.join()
    return message


# --- other people's schedulers ---------------------------------------------------------------------------------------


def silent(cell: Cell, out: Path) -> Row:
    """`attempt` for a machine from which nobody listens."""
    return attempt(cell, out, lambda progress: None)


def slurm(cells: Sequence[Cell], out: Path, workers: int, tell: Listener) -> Iterator[Row]:
    """One job array through submitit, at most ``workers`` at a time; where there is no Slurm, submitit's local processes.

    ``out`` must be a folder that all nodes share. Options of sbatch are read from its SBATCH_* variables.
    """
    import submitit  # pyright: ignore[reportMissingImports]

    executor = submitit.AutoExecutor(folder=out / "slurm")
    executor.update_parameters(slurm_array_parallelism=workers, cpus_per_task=1, timeout_min=24 * 60, name="nopeproof")
    limit = len(cells) if executor.cluster == "slurm" else workers  # the array holds itself back; local processes would not
    waiting, running = list(cells), dict[Any, Cell]()
    try:
        while waiting or running:
            batch, waiting = waiting[: limit - len(running)], waiting[limit - len(running) :]
            if batch:
                running |= dict(zip(executor.map_array(silent, batch, [out.resolve()] * len(batch)), batch, strict=True))
            if not any(job.done() for job in running):
                time.sleep(POLL)
            for job in [job for job in running if job.done()]:
                cell, error = running.pop(job), job.exception()
                yield job.result() if error is None else failed(cell, str(error))
    finally:
        for job in running:
            job.cancel(check=False)


def ray(cells: Sequence[Cell], out: Path, workers: int, tell: Listener) -> Iterator[Row]:
    """Ray tasks of one CPU each, at most ``workers`` at a time; a running cluster is used if RAY_ADDRESS names one."""
    import ray as cluster  # pyright: ignore[reportMissingImports]

    cluster.init(num_cpus=None if cluster.is_initialized() else workers, ignore_reinit_error=True, include_dashboard=False)
    run, waiting, running = cluster.remote(max_retries=0)(silent), list(cells), dict[Any, Cell]()
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                cell = waiting.pop(0)
                running[run.remote(cell, out.resolve())] = cell
            (ended, *_), _ = cluster.wait(list(running), num_returns=1)
            cell = running.pop(ended)
            try:
                yield cluster.get(ended)
            except cluster.exceptions.RayError as error:
                yield failed(cell, str(error))
    finally:
        for task in running:
            cluster.cancel(task, force=True)


ENGINES: dict[str, tuple[Engine, str | None]] = {
    "local": (processes, None),
    "slurm": (slurm, "submitit"),
    "ray": (ray, "ray"),
}
"""Engines by name, each with the package it needs."""
