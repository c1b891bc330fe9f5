"""What the scripts about training share: the newest finished row of each cell in a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nopeproof import ledger
from nopeproof.errors import NopeproofError

LEDGER = Path(__file__).parent / "ledger"


def trained(where: Path, layers: int | None = None) -> list[dict[str, Any]]:
    """Data of the finished training rows, the newest of each configuration; of models of so many layers, if that is said.

    Raises:
        NopeproofError: there are none.
    """
    rows = ledger.read_all(where).latest("training", lambda row: row["data"]["digest"])
    found = [row["data"] for row in rows.values() if row["data"]["status"] == "finished"]
    found = [data for data in found if layers is None or data["config"]["recipe"]["layers"] == layers]
    if not found:
        raise NopeproofError(f"trained cells in {where}", "there is none", f"nopeproof train --preset quick --ledger {where}")
    return found


def append_new(writer: ledger.Writer, row: ledger.Row) -> None:
    """Append a row, unless the last one there says the same of the same: a script that is run again repeats nothing."""
    last = ledger.read(writer.path).rows[-1:] if writer.path.exists() else ()
    if not any((old["data"], old["command"]) == (row["data"], row["command"]) for old in last):
        writer.append(row)


def plain_start(data: dict[str, Any]) -> bool:
    """Whether a cell was trained from drawn weights alone."""
    return data["config"]["recipe"].get("start", "random") == "random"
