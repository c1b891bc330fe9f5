"""The ablation table: every assumption of the central constructions taken away, one at a time.

    python experiments/ablations.py                      the table of the report and the paper
    python experiments/ablations.py --names alibi        another construction

No chance is involved: words are run in order of length. A row that is there already, of the same weights and statement, is
not made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from nopeproof import ledger
from nopeproof.checks.ablate import ablate, ledger_row
from nopeproof.claims import Claim, Fails, Shown, Unchanged
from nopeproof.cli._out import progress
from nopeproof.library import load

CENTRAL = (
    "absolute-position",
    "absolute-to-relative",
    "relative-position",
    "position-tables",
    "pre-norm",
    "sink-clock",
    "strict-mask",
    "copy-and-reverse",
)


@dataclass(frozen=True)
class Ablations:
    """Take each assumption of each claim away and store what becomes of it."""

    names: tuple[str, ...] = CENTRAL
    """Constructions."""

    frames: bool = False
    """Frame claims too: most of them need nothing."""

    seconds: float = 1.0
    """Processor time to search for each counterexample."""

    ledger: Path = Path(__file__).parent / "ledger"
    """Where ablations.jsonl is."""

    def run(self) -> None:
        """Write the rows that are missing."""
        writer = ledger.Writer(self.ledger, "ablations", own=False)
        done = {key(r["construction"], r["claim"], r["weights_sha256"], r["data"]["statement"]) for r in finished(writer.path)}
        todo = [(n, c) for n, c in self.claims() if key(n, c.id, c.weights.weights_sha256, c.says) not in done]
        with progress() as bars:
            for name, claim in bars.track(todo, description="ablations"):
                command = ["nopeproof", "ablate", f"{name}/{claim.id}"]
                rows = [ledger_row(name, claim, found, command) for found in ablate(claim, self.seconds)]
                for n, row in enumerate(rows, 1):
                    row["data"]["of"] = [n, len(rows)]  # a claim whose last row is there is finished
                    writer.append(row)

    def claims(self) -> Iterator[tuple[str, Claim]]:
        """(construction, claim)."""
        skip = Fails | Shown if self.frames else Fails | Shown | Unchanged
        for name in self.names:
            yield from ((name, claim) for claim in load(name).claims if not isinstance(claim.statement, skip))


def key(*parts: object) -> str:
    """What a stored row must agree in."""
    return repr(parts)


def finished(path: Path) -> list[ledger.Row]:
    """The last row of each claim that was ablated to its end."""
    rows = ledger.read(path).rows if path.exists() else ()
    return [r for r in rows if r["data"]["of"][0] == r["data"]["of"][1]]


if __name__ == "__main__":
    tyro.cli(Ablations).run()
