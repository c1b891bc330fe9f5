"""Files of a run, each written so that a kill at any moment leaves the old one or the new one, never half of one.

A run's folder: ``config.json`` what is trained; ``checkpoint.safetensors`` the state while training;
``metrics.jsonl`` its loss; then ``weights.safetensors``, and last ``result.json``, whose presence means finished.
Tensors are written in `tensors`. What somebody else put in the place of a file is named, and never taken for ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from nopeproof.errors import NopeproofError
from nopeproof.learn.recipe import Cell
from nopeproof.ledger import write_atomic

CONFIG, CHECKPOINT, METRICS = "config.json", "checkpoint.safetensors", "metrics.jsonl"
WEIGHTS, RESULT, RESULTS = "weights.safetensors", "result.json", "results.jsonl"
LOCK = "lock"
ROW = ("cell", "status", "digest", "config", "scores", "cpu_seconds")
"""What every row of a finished run has."""
SCORE = ("length", "exact_match", "token_accuracy", "cross_entropy")
"""What it says of every seed, each a list along the lengths."""


def write_json(path: Path, value: Any) -> None:
    write_atomic(path, (json.dumps(value, indent=1) + "\n").encode())


@contextmanager
def exclusive(run: Path) -> Iterator[None]:
    """Hold a run's folder; others wait. The system lets go of it when its holder dies, however it dies."""
    run.mkdir(parents=True, exist_ok=True)
    with (run / LOCK).open("w") as file:
        with suppress(ImportError):  # no such locks on Windows
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def read_json(path: Path) -> Any:
    """Raises:
    NopeproofError: the file is missing, cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise NopeproofError(f"read {path}", "there is no such file", "is this the folder of a run?") from error
    except OSError as error:
        raise NopeproofError(f"read {path}", f"it cannot be read: {error.strerror}", f"move {path} away and train the run again") from error
    except (ValueError, RecursionError) as error:
        raise NopeproofError(f"read {path}", f"it is not JSON: {error}", f"move {path} away and train the run again") from error


def read_result(run: Path, digest: str | None = None) -> dict[str, Any]:
    """The row of a finished run, of the configuration with this digest if one is given.

    Raises:
        NopeproofError: there is none, or the file holds something else.
    """
    row = read_json(run / RESULT)
    if wrong := _no_result(row, digest):
        raise NopeproofError(
            f"read {run / RESULT}", f"it is no row of this run: {wrong}", f"move {run / RESULT} away and train the run again"
        )
    return row


def _no_result(row: Any, digest: str | None) -> str:
    """Why this is no row that a training ended with, "" if it is one."""
    if missing := _missing(row, ROW):
        return missing
    try:
        cell = Cell.from_config(row["config"])
    except NopeproofError as error:
        return f"its configuration is none: {error.found}"
    if row["digest"] != cell.digest or digest not in (None, cell.digest):
        return "it is another configuration's"
    if row["status"] != "finished" or not isinstance(row["cpu_seconds"], int | float):
        return f"its status is {row['status']!r}, after {row['cpu_seconds']!r} seconds"
    scores = row["scores"] if isinstance(row["scores"], list) else []
    if wrong := next((missing for score in scores if (missing := _missing(score, ("seed", *SCORE)))), ""):
        return f"of a score, {wrong}"
    if [score["seed"] for score in scores] != list(cell.seeds):
        return "its scores are not those of its seeds"
    return "" if all(_table([score[key] for key in SCORE]) for score in scores) else "its scores are no numbers along the lengths"


def _table(columns: list[Any]) -> bool:
    """Whether these are lists of numbers, as many in each."""
    lists = all(isinstance(column, list) and column for column in columns)
    return lists and len(set(map(len, columns))) == 1 and all(isinstance(x, int | float) for column in columns for x in column)


def spoiled(run: Path, digest: str) -> str:
    """Why the weights of a finished run cannot be used, "" if they can; without torch, which the parent of workers need not load.

    A weight that was changed to another number cannot be told. Raises NopeproofError where a folder stands in their place.
    """
    path = run / WEIGHTS
    if path.is_dir():  # training again would fail at its very end, where the weights are to be written
        raise NopeproofError(f"read {path}", "it is a folder", "move it away: the run is then trained again")
    try:
        with safe_open(path, framework="numpy") as file:
            if (found := (file.metadata() or {}).get("digest")) != json.dumps(digest):
                return f"{path} belongs to another configuration: {found}"
            if not all(np.isfinite(file.get_tensor(name)).all() for name in file.keys()):  # noqa: SIM118 (not a mapping)
                return f"{path} holds weights that are no numbers"
    except (OSError, SafetensorError) as error:
        return f"{path} cannot be read: {error}"
    return ""


def record(row: Mapping[str, Any], path: Path) -> None:
    """Add one row of JSON at the end of a file, in one write; a half line left by a kill is cut off first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.truncate(_whole_lines(path))
        file.write((json.dumps(row) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file of JSON lines at once: the rows that a kill finds there are the old ones or the new ones, all of them."""
    write_atomic(path, b"".join((json.dumps(row) + "\n").encode() for row in rows))


def read_rows(path: Path, *keys: str) -> list[dict[str, Any]]:
    """The whole rows of a file of JSON lines; none if there is no file.

    Raises:
        NopeproofError: the file cannot be read, or a line is no row with these keys.
    """
    if not path.exists():
        return []
    try:
        lines = path.read_bytes()[: _whole_lines(path)].splitlines()
    except OSError as error:
        raise NopeproofError(f"read {path}", f"it cannot be read: {error.strerror}", "move it away, and go on") from error
    return [_row(line, f"line {number} of {path}", keys) for number, line in enumerate(lines, 1)]


def _row(line: bytes, where: str, keys: Iterable[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NopeproofError(f"read {where}", f"it is not JSON: {error}", "move the file away, or take the line out, and go on") from error
    if missing := _missing(row, keys):
        raise NopeproofError(f"read {where}", f"it is no row: {missing}", "move the file away, or take the line out, and go on")
    return row


def _missing(row: Any, keys: Iterable[str]) -> str:
    if not isinstance(row, dict):
        return f"it holds {json.dumps(row)[:40]}"
    missing = [key for key in keys if key not in row]
    return f"it lacks {', '.join(missing)}" if missing else ""


def _whole_lines(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1
