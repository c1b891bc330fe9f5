"""The mutation table: every construction with one weight changed at a time, judged by exact runs and held against the kernel.

    python experiments/mutations.py                      all constructions, 800 mutants each where there are so many
    python experiments/mutations.py --limit 100          fewer

The choice of mutants has a fixed seed. A construction whose row is there already, of the same weights, kernel and number of
mutants, is not done again; one that was cut short goes on, as `nopeproof mutate` does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from nopeproof import kernel, ledger
from nopeproof.checks.mutate import ledger_row, mutate
from nopeproof.claims import Fails, Shown
from nopeproof.cli._out import progress
from nopeproof.cli.mutate import resume
from nopeproof.library import load, names

KERNEL = hashlib.sha256(Path(kernel.__file__).read_bytes()).hexdigest()
"""The kernel that is asked, as it was when this began."""


@dataclass(frozen=True)
class Mutations:
    """Change one weight at a time in every construction."""

    names: tuple[str, ...] = ()
    """Constructions. Default: all."""

    limit: int = 800
    """Mutants of each."""

    ledger: Path = Path(__file__).parent / "ledger"
    """Where mutations.jsonl is."""

    def run(self) -> None:
        """Write the rows that are missing. Exits with 1 if the kernel accepted a mutant that an exact run refutes."""
        writer = ledger.Writer(self.ledger, "mutations", own=False)
        rows = ledger.read(writer.path).rows if writer.path.exists() else ()
        done = {(r["construction"], key(r["weights_sha256"]), r["data"]["limit"], r["data"]["kernel_sha256"]) for r in rows}
        alarms = sum(r["data"]["alarms"] for r in rows)
        with progress() as bars:
            for name in bars.track(self.names or names(), description="constructions"):
                row = self.row(name, done, bars)
                if row is not None:
                    writer.append(row)
                    alarms += row["data"]["alarms"]
        raise SystemExit(1 if alarms else 0)

    def row(self, name: str, done: set, bars: Any) -> ledger.Row | None:
        """The row of one construction; None if it is there, or nothing in it can be mutated."""
        claims = [c for c in load(name).claims if not isinstance(c.statement, Fails | Shown)]
        weights = {c.subject.name: c.weights.weights_sha256 for c in claims}
        if not claims or (name, key(weights), self.limit, KERNEL) in done:
            return None
        known, keep = resume(ledger.folder(), name, claims, self.limit)
        task = bars.add_task(name, total=None)

        def tell(outcome: Any, total: int) -> None:
            keep(outcome)
            bars.update(task, total=total - len(known), advance=1)

        found = mutate(claims, self.limit, known=known, tell=tell)
        bars.remove_task(task)
        row = ledger_row(name, claims, found, ["nopeproof", "mutate", name, "--limit", str(self.limit)])
        row["data"] |= {"limit": self.limit, "kernel_sha256": KERNEL}
        return row


def key(weights: Mapping[str, str]) -> str:
    """The hashes of a construction's subjects, in one order."""
    return json.dumps(weights, sort_keys=True)


if __name__ == "__main__":
    tyro.cli(Mutations).run()
