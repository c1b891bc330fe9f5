"""The clocks of the main job in floats: how far each is certified, in each dtype and kernel, and where nothing can go on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nopeproof import ledger
from nopeproof.cli import _targets
from nopeproof.cli.limits import CLOCKS, Limits, answer

POSITIONS = 256
"""How far the torch runs go here; `nopeproof limits` goes further."""


@dataclass(frozen=True)
class Job:
    """One of the clocks that are set side by side; the first also does the table that does that."""

    target: str
    ledger: Path

    @property
    def beside(self) -> bool:
        """Whether the rows of all clocks side by side are made here."""
        return self.target == CLOCKS[0]


def asked(where: Path) -> list[Job]:
    """All of the main job's."""
    return [Job(target, where) for target in CLOCKS]


def done(job: Job) -> list[ledger.Row]:
    """Work one out, store its rows and return them."""
    answer(Limits(job.target, rows=POSITIONS, alone=not job.beside, ledger=job.ledger))
    return kept(job, ledger.read_all(job.ledger)) or []


def kept(job: Job, found: ledger.Ledger) -> list[ledger.Row] | None:
    """The stored rows, one a claim and arithmetic, if all are there, of these weights and by this very code."""
    from nopeproof.checks.limits import CONFIGURATIONS, pairs

    construction, claims = _targets.with_weights(job.target)
    wanted = {(c.id, text): c.subject.weights_sha256 for c, text in pairs(claims, CONFIGURATIONS)}
    rows = {}
    for row in found.of("limits"):
        key = (str(row["claim"]), row["data"].get("arithmetic"))
        same = row["construction"] == construction.name and row["weights_sha256"] == wanted.get(key)
        if same and row["versions"] == ledger.versions() and f"--rows {POSITIONS}" in " ".join(row["command"]):
            rows[key] = row
    beside = not job.beside or any(r["versions"] == ledger.versions() for r in found.of("clock"))
    return list(rows.values()) if beside and rows.keys() == wanted.keys() else None
