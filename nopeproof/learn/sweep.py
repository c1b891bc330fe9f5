"""Run a declarative grid: a finished cell is never run twice, a failed one is reported while the others go on.

Each cell runs in a process of its own (start method *spawn*, one torch thread), at most ``workers`` at a time: a
process that dies takes only its cell with it.
"""

from __future__ import annotations

import multiprocessing as mp
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from nopeproof.errors import NopeproofError
from nopeproof.learn.recipe import PRESETS, Cell, Listener, Preset, Progress
from nopeproof.learn.store import CONFIG, RESULT, RESULTS, read_json, read_rows, record

Row = dict[str, Any]


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        NopeproofError: there is none.
    """
    if name not in PRESETS:
        raise NopeproofError(f"preset {name!r}", f"there are: {', '.join(PRESETS)}", "choose one of these")
    return PRESETS[name]


def run_sweep(
    preset_or_name: str | Preset, out: Path, *, workers: int = 1, progress: Listener | None = None, resume: bool = True
) -> list[Row]:
    """Train every cell of a preset in ``out/<cell>/`` and return one row a cell, in the grid's order.

    A row's ``status`` is "finished" or "failed", the latter with an ``error``. Rows of cells finished now are added
    to ``out/results.jsonl``. A cell that was interrupted goes on from its checkpoint.

    Args:
        preset_or_name: a grid, or the name of one in `PRESETS`.
        out: folder of the runs.
        workers: processes at a time; 1 trains in this process.
        progress: called with a `Progress` now and then, always in this process.
        resume: False refuses a folder in which something of this grid has already been trained.

    Raises:
        NopeproofError: unknown preset, fewer than one worker, or ``resume=False`` on a used folder.
    """
    grid = preset(preset_or_name) if isinstance(preset_or_name, str) else preset_or_name
    cells, tell = grid.cells(), progress or (lambda message: None)
    if workers < 1:
        raise NopeproofError(f"{workers} workers", "training needs at least one", "raise workers")
    if not resume and (used := [cell.label for cell in cells if (out / cell.label / CONFIG).exists()]):
        raise NopeproofError(f"a fresh sweep in {out}", f"there are runs already: {', '.join(used)}",
                             "resume them, or choose another folder")  # fmt: skip
    rows = {cell.label: read_json(out / cell.label / RESULT) for cell in cells if (out / cell.label / RESULT).exists()}
    for label in rows:
        tell(Progress(label, "kept"))
    waiting = [cell for cell in cells if cell.label not in rows]
    for cell in waiting:
        tell(Progress(cell.label, "waiting", 0, cell.recipe.steps))
    runner = _here if workers == 1 else _processes
    _record_new(rows.values(), out)  # a kill may have come between a cell's end and its row
    for row in runner(waiting, out, workers, tell):
        rows[row["cell"]] = row
        _record_new([row], out)
        tell(Progress(row["cell"], row["status"], note=row.get("error", "").strip().rpartition("\n")[2]))
    return [rows[cell.label] for cell in cells]


def _record_new(rows: Any, out: Path) -> None:
    known = {row["digest"] for row in read_rows(out / RESULTS) if row["status"] == "finished"}
    for row in rows:
        if row["digest"] not in known:
            record(row, out / RESULTS)


def _here(cells: Sequence[Cell], out: Path, workers: int, tell: Listener) -> Iterator[Row]:
    for cell in cells:
        yield _attempt(cell, out, tell)


def _attempt(cell: Cell, out: Path, tell: Listener) -> Row:
    """The cell's row; whatever goes wrong in training one cell becomes a row and not the end of the sweep."""
    from nopeproof.learn.train import train  # here, so that the parent of worker processes need not load torch

    try:
        return train(cell, out / cell.label, tell)
    except Exception:
        return _failed(cell, traceback.format_exc())


def _failed(cell: Cell, error: str) -> Row:
    return {"cell": cell.label, "status": "failed", "digest": cell.digest, "config": cell.config(), "error": error}


@dataclass(frozen=True)
class _Job:
    cell: Cell
    process: BaseProcess


def _processes(cells: Sequence[Cell], out: Path, workers: int, tell: Listener) -> Iterator[Row]:
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
        sender.send(_attempt(cell, out, sender.send))


def _receive(pipe: Connection, running: dict[Connection, _Job], tell: Listener) -> Row | None:
    """Pass on a worker's message; its row, or a row that says how it died, ends the job."""
    job = running[pipe]
    try:
        message = pipe.recv()
    except EOFError:
        job.process.join()
        message = _failed(job.cell, f"its process ended with exit code {job.process.exitcode}")
    if isinstance(message, Progress):
        tell(message)
        return None
    del running[pipe]
    job.process.join()
    return message
