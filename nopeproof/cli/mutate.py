"""`nopeproof mutate`: change one weight at a time; does an exact run notice, and does the kernel ever accept what a run refutes?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nopeproof import ledger
from nopeproof.claims import Claim
from nopeproof.cli import _out, _targets
from nopeproof.sublayers import sparse


@dataclass(frozen=True)
class Mutate:
    """Change one weight at a time: is every mutant refuted, or satisfies the claims still? A .py file is executed.

    Outcomes are stored as they come, and a run that was cut short goes on where it stopped. Exit code 1 if the kernel accepts a
    mutant that an exact run refutes.
    """

    target: _targets.Target

    limit: int = 800
    """How many mutants: changes of weights that are not 0 come first, a sample of the zeros fills the rest. 0: all."""

    list_all: bool = False
    """Print every mutant that is not refuted, not only those unresolved."""

    ledger: Path | None = None
    """Where the row and the outcomes are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    no_store: bool = False
    """Store nothing, and begin at the beginning."""

    json: _out.Json = False

    def run(self) -> int:
        """Print the counts, store the row. 0, or 1 if the kernel accepts a mutant that an exact run refutes."""
        from nopeproof.checks.mutate import ledger_row, mutate

        _out.at_least(self.limit, 0, "--limit")
        where = None if self.no_store else ledger.folder(self.ledger)
        with _out.aside() as out:
            construction, claims = _targets.with_weights(self.target)
            known, keep = resume(where, construction.name, claims, self.limit)
            with _out.progress() as bars:
                task = bars.add_task(construction.name, total=None)

                def tell(outcome: Any, total: int) -> None:
                    keep(outcome)
                    bars.update(task, total=total - len(known), advance=1)

                found = mutate(claims, self.limit or None, known=known, tell=tell)
            if where is not None:
                command = ["nopeproof", "mutate", self.target, *(["--limit", str(self.limit)] if self.limit != 800 else [])]
                _out.writer(where, "mutate").append(ledger_row(construction.name, claims, found, command))
            if self.json:
                _out.document({"schema": 1, "target": self.target, **found.as_json()}, out)
            else:
                print(shown(self.target, found, self.list_all), file=out)
        return 1 if found.alarms else 0


def resume(where: Path | None, name: str, claims: Sequence[Claim], limit: int) -> tuple[dict, Callable[[Any], None]]:
    """(outcomes of an earlier run of the same claims under the same code, what stores another)."""
    if where is None:
        return {}, lambda outcome: None
    reads = [{t: sparse(v) for t, v in (c.circuit.unembedding or {}).items()} for c in claims]  # no part of what the kernel reads
    about = [[c.id, c.weights.weights_sha256, r, c.statement.as_json(), c.scope.as_json()] for c, r in zip(claims, reads, strict=True)]
    key = hashlib.sha256(json.dumps([name, about, limit, ledger.code_digest()]).encode()).hexdigest()[:16]
    writer = ledger.Writer(where / "mutants", key, own=False)  # a folder below, that the report does not read
    rows = ledger.read(writer.path).rows if writer.path.exists() else ()
    known = {(r["data"]["subject"], r["data"]["where"], r["data"]["change"]): r["data"] for r in rows}
    return known, lambda outcome: writer.append(ledger.row("mutant", construction=name, data=outcome.as_json()))


def shown(target: str, found: Any, everything: bool) -> str:
    """The counts, and the mutants worth a look."""
    counts = ", ".join(f"{n} {'satisfy the claims still' if s == 'satisfies' else s}" for s, n in found.counts.items())
    lines = [
        f"{target}: {len(found.outcomes)} of {found.possible} mutants: {counts}; {len(found.alarms)} refuted ones accepted by the kernel"
    ]
    for o in found.outcomes:
        if o.alarm or o.status == "unresolved" or (everything and o.status == "satisfies"):
            lines.append(f"  {'ALARM' if o.alarm else o.status:10}  {o.brief}")
    return "\n".join(lines)
