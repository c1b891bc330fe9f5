"""`nopeproof report`: what the ledger holds, as one page that opens from the file system."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nopeproof import ledger
from nopeproof.cli import _out
from nopeproof.errors import NopeproofError

OUT = Path("runs") / "report.html"
COMMITTED = Path("experiments") / "ledger"
"""Rows that come with a checkout; they are shown beside one's own."""


@dataclass(frozen=True)
class Report:
    """One self-contained page of all that the ledger holds: verdicts, weights, witnesses, limits, ablations, trained models."""

    to: Literal["html"] = "html"
    """The format."""

    out: Path | None = None
    """The file to write. Default: runs/report.html."""

    ledger: Path | None = None
    """Where rows are read. Default: the variable NOPEPROOF_LEDGER, else runs/ledger; and experiments/ledger where there is one."""

    json: _out.Json = False

    def run(self) -> int:
        """Write the file. 0; what does not stand is said in it, and by the exit code of `verify`."""
        path = self.out or OUT
        found = ledger.read_all(folders(self.ledger))
        from nopeproof.report.html import page

        save(path, lambda: page(found))
        if self.json:
            kinds = Counter(r["kind"] for r in found.rows)
            _out.document({"schema": 1, "file": str(path), "rows": dict(sorted(kinds.items())), "torn": list(found.torn)})
        else:
            print(f"{path}: {len(found.rows)} rows of the ledger, {path.stat().st_size // 1024} kB")
        return 0


def folders(asked: Path | None) -> list[Path]:
    """The ledger that was asked for; without a wish also the one that comes with a checkout."""
    mine = ledger.folder(asked)
    return [mine] if asked is not None or ledger.VARIABLE in os.environ else [COMMITTED, mine]


def save(path: Path, make: Callable[[], str]) -> None:
    """Write what `make` gives, whole or not at all. Raises NopeproofError, before the work, where the file cannot be written."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    except OSError as bad:
        raise NopeproofError(f"the report {path}", bad.strerror or str(bad), "--out FILE in a folder that you may write to") from None
    try:
        temporary.write_text(make(), encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
