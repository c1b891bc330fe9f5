"""`nopeproof verify`: the verdict on each claim, with its scope, and the counterexample drawn where a claim is false."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nopeproof import certificates, ledger
from nopeproof.cli import _out, _pool, _rows, _targets


@dataclass(frozen=True)
class Verify:
    """Find out what is true of each claim: proved, certified, exhausted, tested, open or refuted, and within which scope.

    Without a target everything is verified. A target FILE.py is executed: verify only files you trust as programs. Exit code 0
    if every claim stands as stated, 1 if one does not. Verdicts are added to the ledger, for `list` and `report`.
    """

    targets: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="TARGET ...", help="NAME or FILE.py, with /CLAIM to pick one claim. A FILE.py is executed. Default: all."),
    ] = ()

    deep: bool = False
    """Spend much longer on each claim: more words, longer ones; and ask Coq about each proof, where coqc is installed."""

    ledger: Path | None = None
    """Where verdicts are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    no_store: bool = False
    """Store nothing."""

    jobs: int = 0
    """Constructions verified at the same time, each in a process of its own. 0: one a core."""

    json: _out.Json = False

    def run(self) -> int:
        """Verify, print, store. 0 if every claim stands, else 1."""
        start = time.perf_counter()
        _out.at_least(self.jobs, 0, "--jobs")
        with _out.aside() as out:
            chosen = _targets.load_all(self.targets)
            where = None if self.no_store else ledger.folder(self.ledger)
            names = self.targets or [c.name for c, _ in chosen]
            jobs = [Job(t, tuple(c.id for c in claims), where, self.deep) for t, (_, claims) in zip(names, chosen, strict=True)]
            shown, entries, rows = _out.console(out), [], []
            for (construction, _), found in zip(chosen, work(jobs, self.jobs), strict=True):
                entries.append(_rows.entry(construction, found))
                rows += found
                if not self.json:
                    from nopeproof.report import terminal

                    shown.print(terminal.verdicts(construction.name, construction.title, found))
        if self.json:
            _out.document({"schema": 1, "constructions": entries, "versions": ledger.versions()}, out)
        else:
            from nopeproof.report import terminal

            shown.print(terminal.conclusion(rows, time.perf_counter() - start))
        return 0 if all(r["data"]["stands"] for r in rows) else 1


@dataclass(frozen=True)
class Job:
    """Some claims of one target, and where their rows go (None: nowhere)."""

    target: str
    claims: tuple[str, ...]
    ledger: Path | None
    deep: bool = False


def work(jobs: Sequence[Job], processes: int = 0) -> Iterator[list[ledger.Row]]:
    """The verdict rows of each job, in order, with a progress bar on a terminal."""
    with _out.progress() as bars:
        task = bars.add_task("", total=len(jobs))

        def tell(job: Job) -> None:
            bars.update(task, description=f"verifying {job.target}")

        for found in _pool.spread(done, jobs, processes or _pool.cores(), tell):
            bars.advance(task)
            yield found


def done(job: Job) -> list[ledger.Row]:
    """One job, done here: each row is stored as soon as it is there; the construction's own row comes first."""
    construction, _ = _targets.load(job.target)
    command = ["nopeproof", "verify", job.target, *(["--deep"] if job.deep else [])]
    writer = None if job.ledger is None else _out.writer(job.ledger, "verify")
    if writer is not None:
        writer.append(_rows.construction_row(construction, command))
    rows = []
    for claim in map(construction.claim, job.claims):
        with _targets.blame(construction, claim):
            (verdict,) = construction.verify(claim.id, deep=job.deep)
        rows.append(_rows.verdict_row(construction, verdict, command))
        if writer is not None and job.ledger is not None:
            for certificate in [e.certificate for e in verdict.evidence if e.certificate is not None]:
                certificates.store(job.ledger, certificate)  # before the row that names it
            writer.append(rows[-1])
    return rows
