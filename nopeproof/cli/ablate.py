"""`nopeproof ablate`: remove each assumption of a construction, one at a time; the smallest counterexample, or why it is not needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nopeproof import ledger
from nopeproof.cli import _out, _targets
from nopeproof.errors import NopeproofError


@dataclass(frozen=True)
class Ablate:
    """Take one assumption away (BOS, mask, norm, scale, width, dtype, ...): does a claim need it? A .py file is executed."""

    target: _targets.Target

    seconds: float = 1.0
    """Processor time to search for each counterexample."""

    ledger: Path | None = None
    """Where the rows are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    no_store: bool = False
    """Store nothing."""

    json: _out.Json = False

    def run(self) -> int:
        """Print the table, store its rows. Exit code 0: an assumption that is needed is no failure."""
        from nopeproof.checks.ablate import ablate, ledger_row, table

        if not self.seconds > 0:
            raise NopeproofError(f"--seconds {self.seconds}", "no time at all", "--seconds 1")
        with _out.aside() as out:
            construction, claims = _targets.load(self.target)
            writer = None if self.no_store else _out.writer(ledger.folder(self.ledger), "ablate")
            rows = []
            for claim in claims:
                new = []
                with _targets.blame(construction, claim):
                    for found in ablate(claim, self.seconds):
                        new.append(found)
                        if writer is not None:
                            writer.append(ledger_row(construction.name, claim, found, ["nopeproof", "ablate", self.target]))
                rows += new
                if new and not self.json:
                    print(table(new), file=out, flush=True)
            if not rows:
                found = "no claim that could lose an assumption"
                raise NopeproofError(f"the assumptions of {self.target!r}", found, "a claim that is not of the form `Fails`")
            if self.json:
                _out.document({"schema": 1, "target": self.target, "ablations": [r.as_json() for r in rows]}, out)
        return 0
