"""What every verb prints with: our own output on standard output, everything else aside on standard error."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import tyro

from nopeproof import ledger
from nopeproof.errors import NopeproofError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

PIPED_WIDTH = 160
"""Columns where nobody tells, no terminal and no variable COLUMNS: a file or a pipe has no width, and a table cut at 80 reads badly."""

RUNS = Path("runs")
"""Where results go unless one says otherwise. It is made when the first is written."""

Json = Annotated[bool, tyro.conf.arg(help="One JSON document on standard output and nothing else there.")]


def document(found: Any, to: TextIO | None = None) -> None:
    """Print the one JSON document of `--json`."""
    print(json.dumps(found, indent=2, allow_nan=False), file=to or sys.stdout)


def console(to: TextIO | None = None) -> Console:
    """A console for standard output as it is now: as wide as the terminal, plain where it is none."""
    from rich.console import Console

    class Plain(Console):
        """Rich would end the program with exit code 1 when nobody reads on, and that code says that a claim does not stand."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    out = to or sys.stdout
    told = out.isatty() or "COLUMNS" in os.environ
    # Rich believes a width only beside a height: with FORCE_COLOR and TERM=dumb it would take 80 columns all the same.
    width, height = (None, None) if told else (PIPED_WIDTH, 100)
    return Plain(file=out, width=width, height=height, highlight=False, soft_wrap=False, emoji=False)


def writer(where: Path, name: str) -> ledger.Writer:
    """This process's own file of rows in a ledger: one, however many jobs it does."""
    return _writer(where, name, Path.cwd())


@lru_cache(maxsize=8)
def _writer(where: Path, name: str, _here: Path) -> ledger.Writer:
    return ledger.Writer(where, name)


def at_least(number: float, least: float, option: str) -> None:
    """Raises NopeproofError for an option below what makes sense."""
    if not number >= least:
        raise NopeproofError(f"{option} {number}", "it is below what makes sense", f"{option} {least} or more")


def at_most(number: int, most: int, option: str) -> None:
    """Raises NopeproofError for an option beyond what can be done, or would end in a lifetime."""
    if number > most:
        raise NopeproofError(f"{option} {number}", f"the most is {most:,}", f"{option} {most} or less")


def writable(path: Path, what: str) -> None:
    """Raises NopeproofError unless a file can be written there, in a folder that exists or is our own; leaves nothing behind.

    Asked before the work. The file is replaced later, so what is neither a file nor absent, such as a device, is refused too.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EISDIR, "it is a folder" if path.is_dir() else "it is no ordinary file")
        with tempfile.TemporaryFile(dir=RUNS.parent if path.parent == RUNS and not RUNS.exists() else path.parent):
            pass
    except OSError as bad:
        raise NopeproofError(
            f"{what} {path}", bad.strerror or str(bad), "--out FILE in a folder that exists and that you may write to"
        ) from None


@contextlib.contextmanager
def aside() -> Iterator[TextIO]:
    """Whatever a construction file or a predicate prints goes to standard error; yields the real standard output."""
    real = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        yield real


@contextlib.contextmanager
def progress() -> Iterator[Progress]:
    """A line on standard error that says what is being done, drawn only if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = sys.stderr.isatty()
    with Progress(
        *columns, console=Console(file=sys.stderr), transient=True, disable=not shown, redirect_stdout=False, redirect_stderr=False
    ) as bars:
        yield bars
