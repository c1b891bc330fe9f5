"""Run a declarative grid: a finished cell is never run twice, a failed one is reported while the others go on.

Where the preset asks for it, each encoding's learning rate is searched first, alike for all, and the search is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from nopeproof.errors import NopeproofError
from nopeproof.learn.engines import Row, engine, reason
from nopeproof.learn.recipe import PRESETS, Cell, Listener, Preset, Progress
from nopeproof.learn.store import CONFIG, RESULT, RESULTS, read_json, read_result, read_rows, record, spoiled, write_json

SEARCH = "search"
"""Folder of the search's runs, inside the folder of the runs."""


def preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        NopeproofError: there is none.
    """
    if name not in PRESETS:
        raise NopeproofError(f"preset {name!r}", f"there are: {', '.join(PRESETS)}", "choose one of these")
    return PRESETS[name]


def run_sweep(
    preset_or_name: str | Preset,
    out: Path,
    *,
    workers: int = 1,
    with_engine: str = "local",
    progress: Listener | None = None,
    finished: Callable[[Row], None] | None = None,
    resume: bool = True,
) -> list[Row]:
    """Train every cell of a preset in ``out/<cell>/`` and return one row a cell, in the grid's order.

    A row's ``status`` is "finished" or "failed", the latter with an ``error``. Rows of cells finished now are added
    to ``out/results.jsonl``. A cell that was interrupted goes on from its checkpoint; a finished one whose weights no longer
    load is trained again.

    Args:
        preset_or_name: a grid, or the name of one in `PRESETS`.
        out: folder of the runs.
        workers: cells at a time; 1 trains in this process.
        with_engine: "local", "slurm" or "ray".
        progress: called with a `Progress` now and then, always in this process.
        finished: called with each row of the grid as its cell ends, and with those of cells that were finished already.
        resume: False refuses a folder in which something of this grid has already been trained.

    Raises:
        NopeproofError: unknown preset or engine, fewer than one worker, ``resume=False`` on a used folder, or a foreign file in it.
    """
    grid = preset(preset_or_name) if isinstance(preset_or_name, str) else preset_or_name
    tell, end = progress or (lambda message: None), finished or (lambda row: None)
    engine(with_engine, workers)  # fails now, before any work, if it cannot be had
    planned = [(cell, out / SEARCH) for pe in grid.pes for cell in _search_cells(grid, pe)] + [(cell, out) for cell in grid.cells()]
    if not resume and (used := [cell.label for cell, folder in planned if (folder / cell.label / CONFIG).exists()]):
        raise NopeproofError(f"a fresh sweep in {out}", f"there are runs already: {', '.join(used)}",
                             "resume them, or choose another folder")  # fmt: skip

    def run(cells: Sequence[Cell], folder: Path, end: Callable[[Row], None]) -> list[Row]:
        return _run(cells, folder, workers, with_engine, tell, end)

    run([cell for pe in grid.pes for cell in _search_cells(grid, pe)], out / SEARCH, lambda row: None)
    return run(grid.cells({found["pe"]: found["lr"] for found in rates(grid, out)}), out, end)


def rates(grid: Preset, out: Path) -> list[dict[str, Any]]:
    """What the search found, one entry an encoding: {pe, task, seed, steps, tried: [{lr, cross_entropy, exact_match}], lr}.

    Only finished runs count; an encoding none of whose runs finished keeps the recipe's rate. Means over lengths trained on.
    """
    if grid.search is None:
        return []
    found = []
    for pe in grid.pes:
        tried = []
        for cell in _search_cells(grid, pe):
            run = out / SEARCH / cell.label
            if (run / RESULT).exists():
                (score,) = read_result(run, cell.digest)["scores"]
                mean = {key: sum(score[key]) / len(score[key]) for key in ("cross_entropy", "exact_match")}
                tried.append({"lr": cell.recipe.lr, **mean})
        best = min(tried, key=lambda run: run["cross_entropy"], default={"lr": grid.recipe.lr})
        searched = {"pe": pe, "task": grid.search.task, "seed": grid.search.seed, "steps": grid.search.steps}
        found.append({**searched, "tried": tried, "lr": best["lr"]})
    return found


def _search_cells(grid: Preset, pe: str) -> tuple[Cell, ...]:
    return grid.search.cells(pe, grid.recipe) if grid.search else ()


def _run(cells: Sequence[Cell], out: Path, workers: int, with_engine: str, tell: Listener, end: Callable[[Row], None]) -> list[Row]:
    ended = [cell for cell in cells if (out / cell.label / RESULT).exists()]
    broken = {cell.label: why for cell in ended if (why := spoiled(out / cell.label, cell.digest))}
    rows = {cell.label: read_result(out / cell.label, cell.digest) for cell in ended if cell.label not in broken}
    _record_new(rows.values(), out)  # a kill may have come between a cell's end and its row
    for cell in ended:
        if cell.label in rows:
            tell(Progress(cell.label, "kept", note=_right_config(cell, out / cell.label)))
            end(rows[cell.label])
    waiting = [cell for cell in cells if cell.label not in rows]
    for cell in waiting:
        why = broken.get(cell.label)
        tell(Progress(cell.label, "waiting", 0, cell.recipe.steps, note=f"trained again: {why}" if why else ""))
    for row in engine(with_engine, workers)(waiting, out, workers, tell):
        rows[row["cell"]] = row
        _record_new([row], out)
        tell(Progress(row["cell"], row["status"], note=reason(row)))
        end(row)
    return [rows[cell.label] for cell in cells]


def _right_config(cell: Cell, run: Path) -> str:
    """Write the configuration of a finished run anew if it is not there as it was, and say so: the cell tells it wholly."""
    try:
        if read_json(run / CONFIG) == cell.config():
            return ""
    except NopeproofError as error:
        found = error.found
    else:
        found = "it is another cell's"
    write_json(run / CONFIG, cell.config())
    return f"kept; {run / CONFIG} is written anew: {found}"


def _record_new(rows: Iterable[Row], out: Path) -> None:
    known = [row["digest"] for row in read_rows(out / RESULTS, "digest", "status") if row["status"] == "finished"]
    for row in rows:
        if row["digest"] not in known:
            record(row, out / RESULTS)
