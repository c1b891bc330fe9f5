"""`nopeproof train`: a whole grid of small models, every encoding alike, resumable, with a ledger row for each cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nopeproof import ledger
from nopeproof.cli import _out
from nopeproof.errors import NopeproofError

if TYPE_CHECKING:
    from nopeproof.learn.recipe import Preset


@dataclass(frozen=True)
class Train:
    """Train every cell of a preset's grid: positional encoding x task, the seeds of a cell stacked in one model.

    A grid that was interrupted, however, goes on where it was, and ends with the same weights; a finished cell is never
    trained twice. A cell that fails is reported and the others go on. Exit code 1 if a cell failed. `compare` reads the
    folder of the runs.
    """

    preset: str = "demo"
    """demo: minutes. quick: all encodings, three tasks. paper-small: the whole battery, hours. gpu: the paper's size."""

    task: tuple[str, ...] = ()
    """Only these tasks instead of the preset's, such as copy or copy:symbols=8."""

    positions: tuple[str, ...] = ()
    """Only these positional encodings instead of the preset's, such as nope or rotary:fraction=0.25."""

    seeds: tuple[int, ...] = ()
    """These seeds instead of the preset's."""

    steps: int | None = None
    """Optimizer steps instead of the preset's."""

    out: Path = Path("runs") / "train"
    """Folder of the runs; each preset has a folder of its own inside."""

    workers: int = 1
    """Cells trained at a time, one thread each."""

    engine: Literal["local", "slurm", "ray"] = "local"
    """local: processes on this machine. slurm and ray: the extras of these names."""

    fresh: bool = False
    """Refuse a folder in which something of this grid has been trained; otherwise it is gone on with."""

    ledger: Path | None = None
    """Where rows are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Train, print, store. 0, or 1 if a cell failed."""
        grid, folder = self.grid(), self.out / self.preset
        with _out.aside() as out:
            rows, searched = train(grid, folder, self.command(), ledger.folder(self.ledger), self.workers, self.engine, self.fresh)
        if self.json:
            _out.document({"schema": 1, "preset": self.preset, "runs": str(folder), "learning_rates": searched, "cells": rows}, out)
        else:
            _out.console(out).print(table(rows))
            _out.console(out).print(f"runs are in {folder}; compare them: nopeproof compare {folder}")
        return 1 if any(row["status"] == "failed" for row in rows) else 0

    def grid(self) -> Preset:
        """The preset, with what the options replace. Raises NopeproofError for a name that does not exist."""
        from nopeproof.learn.sweep import preset

        grid = preset(self.preset)
        changes = {"pes": self.positions, "tasks": self.task, "seeds": self.seeds}
        grid = dataclasses.replace(grid, **{name: value for name, value in changes.items() if value})
        if self.steps is not None:
            grid = dataclasses.replace(grid, recipe=dataclasses.replace(grid.recipe, steps=self.steps))
        cells = grid.cells()  # misspelt names and impossible sizes fail now, before any training
        if len({cell.digest for cell in cells}) < len(cells):
            raise NopeproofError("this grid", "it has the same cell twice", "list each task and each encoding once")
        return grid

    def command(self) -> list[str]:
        """What trains this grid again."""
        words = ["nopeproof", "train", "--preset", self.preset]
        for name in ("task", "positions", "seeds"):
            words += [f"--{name}", *map(str, getattr(self, name))] if getattr(self, name) else []
        return words + (["--steps", str(self.steps)] if self.steps is not None else [])


def train(
    grid: Preset, runs: Path, command: list[str], rows: Path, workers: int = 1, engine: str = "local", fresh: bool = False
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Train a grid in the folder ``runs`` with bars on standard error; a row goes into the ledger ``rows`` as each cell ends.

    Returns:
        The cells' rows, and what the learning-rate search found (empty where the grid has none).
    """
    from nopeproof.learn import engines
    from nopeproof.learn.progress import ProgressBars
    from nopeproof.learn.sweep import rates, run_sweep

    engines.engine(engine, workers)  # what cannot be had leaves no folder behind
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as bad:
        raise NopeproofError(f"the folder of runs {runs}", bad.strerror or str(bad), "--out FOLDER, one that you may write to") from None
    store = keeper(rows, command)

    def finished(row: dict[str, Any]) -> None:
        for entry in rates(grid, runs):  # the search is over before the first cell: an interrupted grid has its rows too
            store("learning-rate", {"preset": grid.name, **entry})
        store("training", row)

    with ProgressBars() as bars:
        found = run_sweep(grid, runs, workers=workers, with_engine=engine, progress=bars, finished=finished, resume=not fresh)
    return found, rates(grid, runs)


def keeper(where: Path, command: list[str]) -> Callable[[str, dict[str, Any]], None]:
    """Stores rows of some kind unless the ledger has the same data already, so that going on with a grid repeats none."""
    writer = ledger.Writer(where, "train")
    known = [(row["kind"], row["data"]) for row in ledger.read_all(where).rows if row["kind"] in ("training", "learning-rate")]

    def store(kind: str, data: dict[str, Any]) -> None:
        if (kind, data) not in known:
            known.append((kind, data))
            writer.append(ledger.row(kind, data=data, command=command))

    return store


def table(rows: list[dict[str, Any]]) -> Any:
    """The cells for a terminal: exact match within the training lengths and beyond, mean over seeds and the range."""
    from rich.table import Table
    from rich.text import Text

    from nopeproof.learn.engines import reason

    shown = Table("task", "positions", "seeds", "steps", "exact match, trained lengths", "longer", "CPU s", box=None, header_style="bold")
    for row in rows:
        config = row["config"]
        recipe = config["recipe"]
        if row["status"] == "failed":
            shown.add_row(config["task"], config["pe"], str(len(config["seeds"])), "failed", Text(reason(row)), "", "")
            continue
        inside, beyond = shares(row)
        cells = [config["task"], config["pe"], str(len(config["seeds"])), str(recipe["steps"]), spread(inside), spread(beyond)]
        shown.add_row(*cells, f"{row['cpu_seconds']:.0f}")
    return shown


def shares(row: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Exact match of each seed, mean over the lengths trained on, and mean over longer ones (empty if none was tested)."""
    limit, parts = row["config"]["recipe"]["train_length"], ([], [])
    for score in row["scores"]:
        for part, chosen in zip(parts, (lambda n: n <= limit, lambda n: n > limit), strict=True):
            values = [x for n, x in zip(score["length"], score["exact_match"], strict=True) if chosen(n)]
            part.extend([sum(values) / len(values)] if values else [])
    return parts


def spread(values: list[float]) -> str:
    """Mean, and the range where there are several."""
    if not values:
        return "-"
    mean = f"{sum(values) / len(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} to {max(values):.3f})"
