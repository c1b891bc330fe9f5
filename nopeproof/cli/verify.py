"""`nopeproof verify`: the verdict on each claim, with its scope, and the counterexample drawn where a claim is false."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from nopeproof import ledger
from nopeproof.claims import Claim
from nopeproof.cli import _out, _rows, _targets
from nopeproof.library import Construction


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
    """Spend much longer on each claim: more words, longer ones."""

    ledger: Path | None = None
    """Where verdicts are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    no_store: bool = False
    """Store nothing."""

    json: _out.Json = False

    def run(self) -> int:
        """Verify, print, store. 0 if every claim stands, else 1."""
        start = time.perf_counter()
        with _out.aside() as out:
            chosen = _targets.load_all(self.targets)
            writer = None if self.no_store else ledger.Writer(ledger.folder(self.ledger), "verify")
            shown, entries, rows = _out.console(out), [], []
            with _out.progress() as bars:
                task = bars.add_task("", total=sum(len(claims) for _, claims in chosen))

                def tell(name: str) -> None:
                    bars.update(task, description=name, advance=1)

                for (construction, claims), target in zip(chosen, self.targets or [c.name for c, _ in chosen], strict=True):
                    command = ["nopeproof", "verify", target, *(["--deep"] if self.deep else [])]
                    found = verify(construction, claims, command, writer, deep=self.deep, tell=tell)
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


def verify(
    construction: Construction,
    claims: Sequence[Claim],
    command: Sequence[str],
    writer: ledger.Writer | None,
    *,
    deep: bool = False,
    tell: Callable[[str], None] = lambda name: None,
) -> list[ledger.Row]:
    """The verdict rows of some claims, each stored as soon as it is there; the construction's own row comes first."""
    if writer is not None:
        writer.append(_rows.construction_row(construction, command))
    rows = []
    for claim in claims:
        with _targets.blame(construction, claim):
            (verdict,) = construction.verify(claim.id, deep=deep)
        rows.append(_rows.verdict_row(construction, verdict, command))
        if writer is not None:
            writer.append(rows[-1])
        tell(f"{construction.name}/{claim.id}")
    return rows
