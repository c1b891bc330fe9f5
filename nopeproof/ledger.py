"""Evidence on disk: one JSON row a line, each with a schema version, what made it and the command that makes it again.

Every row has the same keys, `KEYS`; None where one does not apply. `kind` says what the row is ("construction", "verdict",
"compare", ...) and `data` holds what only that kind has, so a new kind of row is no change here. A writer owns its file and
nobody else appends to it; a row is one write and one fsync, so a kill can tear the last line of a file and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import json
import os
import platform
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from nopeproof.errors import NopeproofError

Row = dict[str, Any]

SCHEMA = 1
KEYS = frozenset(
    ["schema", "kind", "construction", "claim", "weights_sha256", "scope", "verdict", "evidence", "data", "versions", "time", "command"]
)
VARIABLE = "NOPEPROOF_LEDGER"
DEFAULT = Path("runs") / "ledger"
TOOLS = ("torch", "sympy", "hypothesis", "python-flint", "numpy")


def folder(asked: Path | None = None) -> Path:
    """Where rows are kept: what was asked for, else the variable NOPEPROOF_LEDGER, else runs/ledger."""
    return asked or Path(os.environ.get(VARIABLE) or DEFAULT)


def write_atomic(path: Path, content: bytes) -> Path:
    """Replace a file at once and return its path; what a killed writer leaves behind is overwritten by the next.

    Raises NopeproofError where it cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        if path.exists() and not path.is_file():  # root could replace a device by a file
            raise OSError(errno.EEXIST, "it is there, and it is no ordinary file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as bad:
        raise NopeproofError(f"writing {path}", bad.strerror or str(bad), "free space, or a folder you may write to") from None
    return path


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """What a verdict may depend on: Python, the tools, this package, and a hash of its source."""
    found = {"python": platform.python_version()}
    for tool in ("nopeproof", *TOOLS):
        try:
            found[tool] = importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            found[tool] = "not installed"
    return {**found, "code": code_digest()}


def code_digest() -> str:
    """SHA-256 of every source file of the package, 16 digits: a verdict is reused only under the code that reached it."""
    root, whole = Path(__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        whole.update(str(path.relative_to(root).as_posix()).encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()[:16]


def row(
    kind: str,
    *,
    construction: str | None = None,
    claim: str | None = None,
    weights_sha256: str | Mapping[str, str] | None = None,
    scope: Mapping[str, Any] | None = None,
    verdict: str | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
    data: Mapping[str, Any] | None = None,
    command: Sequence[str] = (),
) -> Row:
    """A row as of now, in UTC."""
    return {
        "schema": SCHEMA,
        "kind": kind,
        "construction": construction,
        "claim": claim,
        "weights_sha256": weights_sha256,
        "scope": scope,
        "verdict": verdict,
        "evidence": list(evidence),
        "data": dict(data or {}),
        "versions": versions(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
    }


class Writer:
    """Appends rows to a file of its own: `Writer(folder, "verify")`, or `Writer(folder, "lengths", own=False)` for a fixed name.

    A torn last line, left by a kill of an earlier writer of that name, is cut off. Raises NopeproofError if it cannot write.
    """

    def __init__(self, where: Path, name: str, *, own: bool = True) -> None:
        stamp = f"-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}" if own else ""
        self.path = where / f"{name}{stamp}.jsonl"
        try:
            where.mkdir(parents=True, exist_ok=True)
            probe = where / f".{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
            if self.path.exists():
                os.truncate(self.path, self.path.read_bytes().rfind(b"\n") + 1)
        except OSError as bad:
            raise NopeproofError(
                f"writing to the ledger {where}", bad.strerror or str(bad), f"a folder you may write to: --ledger, or {VARIABLE}"
            ) from None

    def append(self, new: Row) -> None:
        """Write one row, whole, and return when it is on disk."""
        check(new, "the row to write")
        line = (json.dumps(new, sort_keys=True, allow_nan=False, separators=(",", ":")) + "\n").encode()
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                if os.write(handle, line) != len(line):
                    raise OSError("the disk took a part of the row only")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as bad:
            raise NopeproofError(f"writing to the ledger {self.path}", bad.strerror or str(bad), "free space, or another folder") from None


@dataclass(frozen=True)
class Ledger:
    """The rows of a folder, file by file, oldest first within each; `torn` names the files whose last line a kill cut short."""

    rows: tuple[Row, ...] = ()
    torn: tuple[str, ...] = field(default=())

    def of(self, kind: str) -> list[Row]:
        """The rows of one kind, by time; rows of one second stay in the order they were read."""
        return sorted((r for r in self.rows if r["kind"] == kind), key=lambda r: r["time"])

    def latest(self, kind: str, key: Callable[[Row], Any]) -> dict[Any, Row]:
        """The newest row of a kind for each value of `key`."""
        return {key(r): r for r in self.of(kind)}


def read_all(where: Path | Iterable[Path]) -> Ledger:
    """All rows of a folder (or of several): none if it is not there. Raises NopeproofError for a line that is no row."""
    folders = [where] if isinstance(where, Path) else list(where)
    for one in folders:
        if one.exists() and not one.is_dir():
            raise NopeproofError(f"the ledger {one}", "it is a file", "the folder of the ledger's files")
    parts = [read(path) for one in folders for path in sorted(one.glob("*.jsonl")) if path.is_file()]
    return Ledger(tuple(r for p in parts for r in p.rows), tuple(t for p in parts for t in p.torn))


def read(path: Path) -> Ledger:
    """The rows of one file."""
    try:
        text = path.read_bytes()
    except OSError as bad:
        raise NopeproofError(f"the ledger {path}", bad.strerror or str(bad), "a file you may read") from None
    *lines, rest = text.split(b"\n")
    rows = [_parse(line, f"line {n} of the ledger {path}") for n, line in enumerate(lines, 1) if line.strip()]
    return Ledger(tuple(rows), (str(path),) if rest.strip() else ())


def _parse(line: bytes, where: str) -> Row:
    try:
        found = json.loads(line)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as bad:
        raise NopeproofError(where, f"not JSON: {bad}", "remove the line, and verify again") from None
    return check(found, where)


def check(found: Any, where: str) -> Row:
    """The row, if it is one. Raises NopeproofError for another schema version, unknown or missing keys, or wrong types."""
    todo = "remove the line, and verify again"
    if not isinstance(found, dict):
        raise NopeproofError(where, f"a {type(found).__name__}, not a row", todo)
    if found.get("schema") != SCHEMA or isinstance(found.get("schema"), bool):
        raise NopeproofError(
            where, f"schema version {found.get('schema')!r}; this nopeproof reads {SCHEMA}", "the nopeproof that wrote it, or verify again"
        )
    unknown, missing = sorted(set(found) - KEYS), sorted(KEYS - set(found))
    if unknown or missing:
        raise NopeproofError(where, f"the unknown key {unknown[0]!r}" if unknown else f"no {missing[0]!r}", todo)
    types = {"kind": str, "data": dict, "versions": dict, "evidence": list, "time": str, "command": list}
    types |= {k: (str, type(None)) for k in ("construction", "claim", "verdict")}  # type: ignore[dict-item]
    for key, kind in types.items():
        if not isinstance(found[key], kind):
            raise NopeproofError(where, f"{key!r} is a {type(found[key]).__name__}", todo)
    return found
