"""Replay: evidence as it was written down is checked again, by the kernel where there is a certificate, else by doing it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nopeproof import certificates
from nopeproof.checks.evaluate import violations
from nopeproof.checks.exhaust import exhaust, instance, trace_of
from nopeproof.circuit import Family
from nopeproof.claims import Attends, Claim, Evidence, Fails, Shown
from nopeproof.errors import NopeproofError

PATIENT = 600.0
"""Seconds for words that were once run in less."""


@dataclass(frozen=True)
class Replayed:
    """What became of one piece of evidence. by: what checked it, or did it again. reason: why it was rejected."""

    kind: str
    status: Literal["accepted", "rejected", "nothing claimed"]
    by: str
    reason: str = ""

    def as_json(self) -> dict[str, str]:
        """Plain data."""
        return dict(vars(self))


def replay(claim: Claim, evidence: Mapping[str, Any], ledger: Path) -> Replayed:
    """One piece of a row's evidence about a claim, again. Its certificate, if it has one, is looked for beside the ledger."""
    kind, by = evidence["kind"], evidence["tool"]
    if kind == "open":
        return Replayed(kind, "nothing claimed", by)
    try:
        if evidence.get("certificate_sha256") and not isinstance(claim.statement, Attends):  # there it is the score's, and more is needed
            by = _certificate(claim, evidence, ledger)
        elif isinstance((evidence.get("witness") or {}).get("word"), list):
            by = _witness(claim, evidence["witness"])
        else:
            by = _again(claim, evidence)
    except certificates.Rejected as why:
        return Replayed(kind, "rejected", by, str(why))
    except NopeproofError as bad:
        return Replayed(kind, "rejected", by, bad.message)
    return Replayed(kind, "accepted", by)


def _certificate(claim: Claim, evidence: Mapping[str, Any], ledger: Path) -> str:
    certificate = certificates.read(certificates.find(ledger, evidence["certificate_sha256"]))
    certificates.about(certificate, claim)
    T, reach = certificate.get("T"), evidence["scope"]["t_max"]
    if isinstance(T, int) and not isinstance(claim.statement, Fails) and not (isinstance(reach, int) and reach <= T):
        raise certificates.Rejected(f"it reaches T = {T}, and the row says {reach}")
    return certificates.check(certificate)


def _witness(claim: Claim, witness: Mapping[str, Any]) -> str:
    """Run the witness's word on the circuit it was found on: the same place has to fail, with the same numbers."""
    statement = claim.statement.statement if isinstance(claim.statement, Fails) else claim.statement
    subject, T = claim.weights, int(witness.get("T") or len(witness["word"]))
    circuit = instance(subject.at(T) if isinstance(subject, Family) else subject, int(witness.get("seed") or 0))
    other = witness.get("same_contents_in")
    seen: dict = {}
    if other:  # a score is compared with what it was for the same contents elsewhere
        list(violations(statement, trace_of(circuit, tuple(other["word"]), claim.scope, statement), T, seen))
    keys = [k for k in ("t", "i", "coordinate", "expected", "found") if k in witness]
    found = list(violations(statement, trace_of(circuit, tuple(witness["word"]), claim.scope, statement), T, seen))
    if not any(all(v.get(k) == witness[k] for k in keys) for v in found):
        raise certificates.Rejected("the witness, run again, does not show what it is said to show")
    return f"{claim.scope.arithmetic} run of the witness"


def _again(claim: Claim, evidence: Mapping[str, Any]) -> str:
    """Do again what found it; the kind and the reach have to be the same, or more."""
    from nopeproof.checks.certify import certify
    from nopeproof.checks.inequality import bound
    from nopeproof.checks.look_up import attends
    from nopeproof.checks.sample import sample

    reach = evidence["scope"]["t_max"]
    found: list[Evidence | None]
    if isinstance(claim.statement, Shown):
        found = list(claim.statement.by(claim, False))
    elif evidence["kind"] == "exhausted":
        found = [exhaust(replace(claim, scope=replace(claim.scope, t_max=reach)), PATIENT)]
    elif evidence["kind"] == "tested":
        found = [sample(claim)]
    else:
        found = [bound(claim), attends(claim), certify(claim)]
    if not any(e and e.kind == evidence["kind"] and _reaches(e.scope.t_max, reach) for e in found):
        raise certificates.Rejected("done again, it shows less: " + "; ".join(e.reason or e.kind for e in found if e))
    return "done again"


def _reaches(now: Any, then: Any) -> bool:
    return now == then or now is None or (isinstance(now, int) and isinstance(then, int) and now >= then)
