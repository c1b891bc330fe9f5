"""Progress bars for a sweep, one a cell: steps, loss, time left. Drawn on standard error only."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from nopeproof.learn.recipe import Progress


class ProgressBars:
    """A listener for `run_sweep`: ``with ProgressBars() as bars: run_sweep("demo", out, progress=bars)``."""

    def __init__(self, console: Console | None = None) -> None:
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Bars(*columns, TextColumn("{task.fields[note]}"), console=console or Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressBars:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    def __call__(self, message: Progress) -> None:
        if message.cell not in self._tasks:
            self._tasks[message.cell] = self._bars.add_task(message.cell, total=message.steps or None, note="")
        task, note = self._tasks[message.cell], message.note or message.state
        if message.loss is not None:
            note = f"loss {message.loss:.3f}"
        if message.step:
            self._bars.update(task, completed=message.step, total=message.steps)
        self._bars.update(task, note=note)
