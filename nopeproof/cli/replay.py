"""`nopeproof replay`: check stored evidence again, certificates by the kernel alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from nopeproof import certificates, ledger
from nopeproof.claims import Claim
from nopeproof.cli import _out, _rows, _targets
from nopeproof.errors import NopeproofError
from nopeproof.library import Construction

What = Annotated[
    tuple[str, ...],
    tyro.conf.Positional,
    tyro.conf.arg(
        metavar="WHAT ...",
        help="A certificate's FILE.json, the first digits of its SHA-256, a construction NAME or NAME/CLAIM (its newest stored verdict), "
        "or rows of a ledger: FILE.jsonl, FILE.jsonl:LINE. Default: the newest verdict on every claim.",
    ),
]


@dataclass(frozen=True)
class Replay:
    """Check stored evidence again: certificates by the kernel, witnesses by an exact run, anything else by doing it again.

    A row's verdict has to be the one that its evidence allows.

    A certificate that was cut short, edited, or swapped for another is rejected, with the reason; what Coq said of a proof is declined,
    as only coqc can say it again. A row whose file is gone or does not run is rejected, and the others are replayed. Exit code 0 if
    nothing is rejected, 1 if anything is, 2 if there is nothing of that name.
    """

    what: What = ()

    ledger: Path | None = None
    """Where verdicts and certificates are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Check, print. 0, or 1 if anything is rejected."""
        where = ledger.folder(self.ledger)
        found: list[dict[str, Any]] = []
        with _out.aside() as out:
            console = _out.console(out)
            for again in [replayed(what, where) for what in self.what] or [replayed(None, where)]:
                for x in again:
                    found.append(x)
                    if not self.json:
                        console.print(shown(x), markup=False)
        bad = sum(x["status"] == "rejected" for x in found)
        if self.json:
            _out.document({"schema": 1, "replayed": found, "versions": ledger.versions()}, out)
        else:
            console.print(f"{len(found)} replayed, {bad} rejected", markup=False)
        return int(bad > 0)


def shown(x: dict[str, Any]) -> str:
    """One piece of evidence in a line."""
    return f"{x['status']:15} {x['of']}  ({x['kind']}, {x['by']}){': ' + x['reason'] if x['reason'] else ''}"


def replayed(what: str | None, where: Path) -> Iterator[dict[str, Any]]:
    """What becomes of everything one argument names, None all there is, as it is asked for.

    Raises NopeproofError, before anything is replayed, if it names nothing.
    """
    if what is not None and (what.endswith(".json") or re.fullmatch(rf"[0-9a-f]{{{certificates.SHORTEST},64}}", what)):
        return iter([_file(Path(what) if what.endswith(".json") else certificates.find(where, what))])
    rows = _chosen(what, where)
    return (x for row in rows for x in _row(row, where))


def _file(path: Path) -> dict[str, Any]:
    of = {"of": str(path), "kind": "certificate"}
    try:
        by = certificates.check(certificates.read(path))
    except certificates.Rejected as why:
        return {**of, "status": "rejected", "by": "", "reason": str(why)}
    return {**of, "status": "accepted", "by": by, "reason": ""}


def _chosen(what: str | None, where: Path) -> list[ledger.Row]:
    """The verdict rows an argument names. Raises NopeproofError if there is none."""
    rows = re.fullmatch(r"(.+\.jsonl)(?::([0-9]+))?", what or "")
    if rows:
        return _of_file(what or "", Path(rows[1]), rows[2])
    known = list(ledger.read_all(where).latest("verdict", lambda r: (r["construction"], r["claim"])).values())
    if what is not None:
        construction, claims = _named(what)
        known = [r for r in known if r["construction"] == construction.name and r["claim"] in {c.id for c in claims}]
    if not known:
        raise NopeproofError(f"a replay of {what or 'everything'}", f"no stored verdict in {where}", "nopeproof verify, which stores them")
    return known


def _of_file(what: str, path: Path, line: str | None) -> list[ledger.Row]:
    """The verdict rows of one file, or the one of a line."""
    found = ledger.read(path).rows
    if line and not 1 <= int(line) <= len(found):
        raise NopeproofError(f"a replay of {what}", f"{len(found)} rows", f"a line from 1 to {len(found)}")
    rows = [r for r in (found[int(line) - 1 : int(line)] if line else found) if r["kind"] == "verdict"]
    if not rows:
        there = f"a row of the kind {found[int(line) - 1]['kind']!r}" if line else f"{len(found)} rows in it, no verdict among them"
        raise NopeproofError(f"a replay of {what}", there, "a row of the kind 'verdict': nopeproof verify stores them")
    return rows


def _named(what: str) -> tuple[Construction, tuple[Claim, ...]]:
    """A construction and claims of it; what could have been meant as a hash is told how many digits one needs."""
    try:
        return _targets.load(what)
    except NopeproofError as bad:
        if not re.fullmatch("[0-9A-Fa-f]+", what):
            raise
        digits = f"{certificates.SHORTEST} to 64 of the digits 0-9a-f, the first of a certificate's SHA-256"
        raise NopeproofError(bad.asked, f"{bad.found}; and no hash of a certificate", digits) from None


def _row(row: ledger.Row, where: Path) -> Iterator[dict[str, Any]]:
    """One verdict's pieces of evidence, each again; the verdict is rejected where what it is about is gone, or is something else by now."""
    from nopeproof.checks.replay import Replayed, drawn, replay

    of = f"{row['construction']}/{row['claim']}"
    try:
        construction, claim = _about(row)
        for evidence in row["evidence"]:
            with _targets.blame(construction, claim):
                done = replay(claim, evidence, where)
            yield {"of": of, **done.as_json()}
    except NopeproofError as bad:
        why = "; ".join(filter(None, (bad.asked, bad.found, bad.todo)))
        yield {"of": of, **Replayed(str(row["verdict"]), "rejected", "", why).as_json()}
        return
    if wrong := drawn(claim, row):
        yield {"of": of, **wrong.as_json()}


def _about(row: ledger.Row) -> tuple[Construction, Claim]:
    """The claim of a row, as it was. Raises NopeproofError where it is no longer, or its file cannot be run from here."""
    target = next((word for word in map(str, row["command"][2:]) if not word.startswith("-")), str(row["construction"]))
    try:
        construction, _ = _targets.load(_targets.split(target)[0])
    except NopeproofError as bad:
        raise NopeproofError(
            bad.asked, bad.found, f"the file it had, and the folder where `{' '.join(map(str, row['command']))}` was run"
        ) from None
    claim = next((c for c in construction.claims if c.id == row["claim"]), None)
    if claim is None or _rows.fingerprint(construction, claim) != row["data"].get("fingerprint"):
        raise NopeproofError("the construction has changed since", "other weights, statement or scope")
    return construction, claim
