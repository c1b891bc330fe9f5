"""The clocks of the main job in floats: how far each is certified, in each dtype and kernel, and where nothing can go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nopeproof import ledger
from nopeproof.claims import Claim
from nopeproof.cli import _out, _rows, _targets
from nopeproof.library import Construction

CLOCKS = ("absolute-position/minimal", "rounding-clock", "sink-clock")
"""Theorem 1 with its FFN, and two clocks beside it. `nopeproof limits` shows any construction's."""
POSITIONS = 256
"""How far the torch runs go here."""


@dataclass(frozen=True)
class Job:
    """One clock in one arithmetic."""

    target: str
    arithmetic: str
    ledger: Path


def asked(where: Path) -> list[Job]:
    """All of the main job's."""
    from nopeproof.checks.limits import CONFIGURATIONS

    return [Job(f"{c.name}/{k.id}", text, where) for c, k in clocks() for text in CONFIGURATIONS]


def clocks() -> Iterator[tuple[Construction, Claim]]:
    """The claims that say that a coordinate holds t."""
    from nopeproof.checks import limits

    for target in CLOCKS:
        construction, claims = _targets.load(target)
        ids = {c.id for c in limits.clocks(claims)}
        yield from ((construction, c) for c in claims if c.id in ids)


def done(job: Job) -> ledger.Row:
    """Work one out, store its row and return it."""
    from nopeproof.checks import limits

    construction, (claim,) = _targets.load(job.target)
    (clock,) = limits.clocks([claim])
    row = ledger.row(
        "limits",
        construction=construction.name,
        claim=claim.id,
        weights_sha256=claim.subject.weights_sha256,
        data={**limits.limits(clock, job.arithmetic, POSITIONS), "fingerprint": _rows.fingerprint(construction, claim)},
        command=["nopeproof", "limits", job.target, "--dtype", job.arithmetic, "--rows", str(POSITIONS)],
    )
    _out.writer(job.ledger, "limits").append(row)
    return row


def kept(found: ledger.Ledger) -> dict[tuple[str, str], ledger.Row]:
    """{(target, arithmetic): the stored row}, where weights, claim and code are still those."""
    now = {f"{c.name}/{k.id}": _rows.fingerprint(c, k) for c, k in clocks()}
    out: dict[tuple[str, str], Any] = {}
    for row in found.of("limits"):
        target = f"{row['construction']}/{row['claim']}"
        same = row["data"].get("fingerprint") == now.get(target) and row["versions"] == ledger.versions()
        if same and row["command"][-1] == str(POSITIONS):
            out[target, row["data"]["arithmetic"]] = row
    return out
