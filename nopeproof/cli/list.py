"""`nopeproof list`: every construction, with what is known of its claims."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nopeproof import ledger
from nopeproof.cli import _out, _rows, _targets
from nopeproof.errors import NopeproofError
from nopeproof.library import names
from nopeproof.report import bibliography


@dataclass(frozen=True)
class List:
    """Every construction that can be named, with its stored verdicts.

    A verdict counts only if weights, statement and scope are those it was found for; a claim without one is `unchecked`.
    """

    ledger: Path | None = None
    """Where verdicts are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Print the table. 0, or 2 if a construction cannot be loaded."""
        with _out.aside() as out:
            known = _rows.stored(ledger.read_all(ledger.folder(self.ledger)))
            found = [describe(name, known) for name in names()]
        if self.json:
            _out.document({"schema": 1, "constructions": found, "versions": ledger.versions()}, out)
        else:
            from nopeproof.report import terminal

            _out.console(out).print(terminal.overview(found))
        return 2 if any("error" in c for c in found) else 0


def describe(name: str, known: dict[str, ledger.Row]) -> dict[str, Any]:
    """One construction; one that does not load says why and hides none of the others."""
    try:
        construction, claims = _targets.load(name)
    except NopeproofError as bad:
        return {"name": name, "title": "", "claims": 0, "verdicts": {}, "error": bad.message}
    rows = [known.get(_rows.fingerprint(construction, c)) for c in claims]
    kinds = Counter(map(shown, rows))
    return {
        "name": name,
        "title": construction.title,
        "kind": construction.kind,
        "sources": sorted({key for c in claims for key in bibliography.keys(c.source)}),
        "uses": list(construction.uses),
        "claims": len(claims),
        "verdicts": dict(sorted(kinds.items())),
        "weights_sha256": construction.weights_sha256,
    }


def shown(row: ledger.Row | None) -> str:
    """A claim's stored verdict in a few words."""
    if row is None:
        return "unchecked"
    assuming = row["data"].get("assuming")
    resting = f" assuming [{', '.join(assuming)}]" if assuming else ""
    return f"{row['verdict']}{resting}" + ("" if row["data"]["stands"] else ", does not stand")
