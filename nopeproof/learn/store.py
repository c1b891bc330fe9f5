"""Files of a run, each written so that a kill at any moment leaves the old one or the new one, never half of one.

A run's folder: ``config.json`` what is trained; ``checkpoint.safetensors`` the state while training;
``metrics.jsonl`` its loss; then ``weights.safetensors``, and last ``result.json``, whose presence means finished.
Tensors are written in `tensors`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nopeproof.errors import NopeproofError
from nopeproof.ledger import write_atomic

CONFIG, CHECKPOINT, METRICS = "config.json", "checkpoint.safetensors", "metrics.jsonl"
WEIGHTS, RESULT, RESULTS = "weights.safetensors", "result.json", "results.jsonl"
LOCK = "lock"


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
    NopeproofError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise NopeproofError(f"read {path}", "there is no such file", "is this the folder of a run?") from error
    except json.JSONDecodeError as error:
        raise NopeproofError(f"read {path}", f"it is not JSON: {error}", "delete the run and train it again") from error


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


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The whole rows of a file of JSON lines; none if there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes()[: _whole_lines(path)].splitlines()]


def _whole_lines(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1
