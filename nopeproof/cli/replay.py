"""`nopeproof replay`: check stored evidence again, certificates by the kernel alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from nopeproof import certificates, ledger
from nopeproof.cli import _out, _rows, _targets
from nopeproof.errors import NopeproofError

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
    as only coqc can say it again. Exit code 0 if nothing is rejected, 1 if anything is, 2 if there is nothing of that name.
    """

    what: What = ()

    ledger: Path | None = None
    """Where verdicts and certificates are stored. Default: the variable NOPEPROOF_LEDGER, else runs/ledger."""

    json: _out.Json = False

    def run(self) -> int:
        """Check, print. 0, or 1 if anything is rejected."""
        where = ledger.folder(self.ledger)
        with _out.aside() as out:
            found = [x for what in self.what or ("",) for x in replayed(what, where)]
        if self.json:
            _out.document({"schema": 1, "replayed": found, "versions": ledger.versions()}, out)
        else:
            console = _out.console(out)
            for x in found:
                console.print(
                    f"{x['status']:15} {x['of']}  ({x['kind']}, {x['by']}){': ' + x['reason'] if x['reason'] else ''}", markup=False
                )
            bad = sum(x["status"] == "rejected" for x in found)
            console.print(f"{len(found)} replayed, {bad} rejected", markup=False)
        return int(any(x["status"] == "rejected" for x in found))


def replayed(what: str, where: Path) -> Iterator[dict[str, Any]]:
    """What became of everything one argument names. Raises NopeproofError if it names nothing."""
    if what.endswith(".json") or re.fullmatch(rf"[0-9a-f]{{{certificates.SHORTEST},64}}", what):
        yield _file(Path(what) if what.endswith(".json") else certificates.find(where, what))
        return
    rows = list(_chosen(what, where))
    if not rows:
        raise NopeproofError(f"a replay of {what or 'everything'}", f"no stored verdict in {where}", "nopeproof verify, which stores them")
    for row in rows:
        yield from _row(row, where)


def _file(path: Path) -> dict[str, Any]:
    of = {"of": str(path), "kind": "certificate"}
    try:
        by = certificates.check(certificates.read(path))
    except certificates.Rejected as why:
        return {**of, "status": "rejected", "by": "", "reason": str(why)}
    return {**of, "status": "accepted", "by": by, "reason": ""}


def _chosen(what: str, where: Path) -> Iterable[ledger.Row]:
    """The verdict rows an argument names."""
    rows = re.fullmatch(r"(.+\.jsonl)(?::([0-9]+))?", what)
    if rows:
        found = ledger.read(Path(rows[1])).rows
        if rows[2] and not 1 <= int(rows[2]) <= len(found):
            raise NopeproofError(f"a replay of {what}", f"{len(found)} rows", f"a line from 1 to {len(found)}")
        return [r for r in (found[int(rows[2]) - 1 : int(rows[2])] if rows[2] else found) if r["kind"] == "verdict"]
    known = ledger.read_all(where).latest("verdict", lambda r: (r["construction"], r["claim"])).values()
    if not what:
        return known
    construction, claims = _targets.load(what)
    return [r for r in known if r["construction"] == construction.name and r["claim"] in {c.id for c in claims}]


def _row(row: ledger.Row, where: Path) -> Iterator[dict[str, Any]]:
    """One verdict's pieces of evidence, each again."""
    from nopeproof.checks.replay import Replayed, drawn, replay

    of = f"{row['construction']}/{row['claim']}"
    target = next((word for word in row["command"][2:] if not word.startswith("-")), row["construction"])
    construction, _ = _targets.load(_targets.split(target)[0])
    claim = next((c for c in construction.claims if c.id == row["claim"]), None)
    for evidence in row["evidence"]:
        if claim is None or _rows.fingerprint(construction, claim) != row["data"]["fingerprint"]:
            done = Replayed(evidence["kind"], "rejected", "", "the construction has changed since: other weights, statement or scope")
        else:
            done = replay(claim, evidence, where)
        yield {"of": of, **done.as_json()}
    if claim is not None and (wrong := drawn(claim, row)):
        yield {"of": of, **wrong.as_json()}
