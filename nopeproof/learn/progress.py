"""Progress of a sweep, on standard error only: a bar a cell and one over all, with steps, time left, loss and accuracy by length.

Where standard error is no terminal, a line for each look at a training and for each cell that ends.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from nopeproof.learn.recipe import Progress

ALL = "all cells"
OVER = ("finished", "kept", "failed")


class ProgressBars:
    """A listener for `run_sweep`: ``with ProgressBars() as bars: run_sweep("demo", out, progress=bars)``."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True))
        note = TextColumn("{task.fields[note]}", markup=False)
        self._bars = Bars(*columns, note, console=self._console, disable=not self._console.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self._steps: dict[str, tuple[int, int]] = {}
        self._seen: dict[str, str] = {}
        self._began: tuple[float, int] | None = None

    def __enter__(self) -> ProgressBars:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    def __call__(self, message: Progress) -> None:
        if message.accuracy:
            self._seen[message.cell] = "right " + " ".join(f"{n}:{share:.2f}" for n, share in message.accuracy)
        if message.steps:
            self._steps[message.cell] = (message.step, message.steps)
        elif message.state in OVER and message.cell in self._steps:  # a failed one is over as well
            whole = self._steps[message.cell][1]
            self._steps[message.cell] = (whole, whole)
        if message.state == "waiting" and message.note:  # a bar's own note is written over as soon as the cell is trained
            self._console.print(f"{message.cell}  {message.note}", highlight=False, soft_wrap=True, markup=False)
        if self._bars.disable:
            self._line(message)
        else:
            self._bar(message)

    def _note(self, message: Progress) -> str:
        if message.loss is None:
            return message.note or message.state
        return f"loss {message.loss:.3f}" + (f"  {self._seen[message.cell]}" if message.cell in self._seen else "")

    def _bar(self, message: Progress) -> None:
        if message.cell not in self._tasks:
            if not self._tasks and message.state != "kept":
                self._tasks[ALL] = self._bars.add_task(ALL, total=None, note="")
            self._tasks[message.cell] = self._bars.add_task(message.cell, total=message.steps or None, note="")
        if message.step:
            self._bars.update(self._tasks[message.cell], completed=message.step, total=message.steps)
        self._bars.update(self._tasks[message.cell], note=self._note(message))
        if ALL in self._tasks:
            done, total = map(sum, zip(*self._steps.values(), strict=True)) if self._steps else (0, 0)
            self._bars.update(self._tasks[ALL], completed=done, total=total or None, note=f"{len(self._steps)} cells")

    def _line(self, message: Progress) -> None:
        if message.accuracy or message.state in OVER:
            at = f"  {message.step}/{message.steps}" if message.step else ""
            self._console.print(f"{message.cell}{at}  {self._note(message)}{self._left()}", highlight=False, soft_wrap=True, markup=False)

    def _left(self) -> str:
        """Time left for the cells known so far, at the speed since the first of these lines."""
        done, total = map(sum, zip(*self._steps.values(), strict=True)) if self._steps else (0, 0)
        now = time.monotonic()
        if self._began is None:
            self._began = (now, done)
        elapsed, steps = now - self._began[0], done - self._began[1]
        return f"  about {(total - done) * elapsed / steps / 60:.0f} min left" if steps > 0 and done < total else ""
