"""Replay: evidence as it was written down is checked again, by the kernel where there is a certificate, else by doing it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nopeproof import certificates
from nopeproof.checks import proof_of, shown
from nopeproof.checks.counter import certify_counter
from nopeproof.checks.exhaust import exhaust, instance, look, named
from nopeproof.circuit import Family
from nopeproof.claims import Attends, Claim, Evidence, Fails, Holds, Scope, Shown, judge
from nopeproof.errors import NopeproofError
from nopeproof.theory.rounding import Arithmetic, arithmetic

PATIENT = 600.0
"""Seconds for words that were once run in less."""


@dataclass(frozen=True)
class Replayed:
    """What became of one piece of evidence. by: what checked it, or did it again. reason: why it was rejected or declined."""

    kind: str
    status: Literal["accepted", "rejected", "declined", "nothing claimed"]
    by: str
    reason: str = ""

    def as_json(self) -> dict[str, str]:
        """Plain data."""
        return dict(vars(self))


def replay(claim: Claim, evidence: Mapping[str, Any], ledger: Path) -> Replayed:
    """One piece of a row's evidence about a claim, again. Its certificate, if it has one, is looked for beside the ledger."""
    try:
        return _replay(claim, evidence, ledger)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as bad:  # a row that somebody else wrote, or edited
        kind, tool = (str(evidence.get(x, "")) if isinstance(evidence, Mapping) else "" for x in ("kind", "tool"))
        return Replayed(kind, "rejected", tool, f"evidence that cannot be read: {type(bad).__name__}: {bad}".split("\n")[0])


def _replay(claim: Claim, evidence: Mapping[str, Any], ledger: Path) -> Replayed:
    kind, by = evidence["kind"], evidence["tool"]
    if kind == "open":
        return Replayed(kind, "nothing claimed", by)
    if by == "coq" and not evidence.get("certificate_sha256"):  # a remark beside the kernel's proof, which is replayed by itself
        return Replayed(kind, "declined", by, "Coq's opinion is not stored: `nopeproof verify --deep` asks coqc again")
    try:
        if evidence.get("certificate_sha256") and not isinstance(claim.statement, Attends):  # there it is the score's, and more is needed
            by = _certificate(claim, evidence, ledger)
        elif isinstance((evidence.get("witness") or {}).get("word"), list):
            _kind(evidence, "proved" if isinstance(claim.statement, Fails) else "refuted")
            _narrower(evidence, claim.scope)
            by = _witness(claim, evidence["witness"])
        else:
            by = _again(claim, evidence)
    except certificates.Rejected as why:
        return Replayed(kind, "rejected", by, str(why))
    except _Elsewhere as why:
        return Replayed(kind, "declined", by, str(why))
    except NopeproofError as bad:
        return Replayed(kind, "rejected", by, bad.message)
    return Replayed(kind, "accepted", by)


class _Elsewhere(Exception):
    """The checker accepts it, and a hypothesis about the platform does not hold here."""


def _certificate(claim: Claim, evidence: Mapping[str, Any], ledger: Path) -> str:
    certificate = certificates.read(certificates.find(ledger, evidence["certificate_sha256"]))
    certificates.about(certificate, claim)
    T, reach = certificate.get("T"), evidence["scope"]["t_max"]
    if isinstance(T, int) and not isinstance(claim.statement, Fails) and not (isinstance(reach, int) and reach <= T):
        raise certificates.Rejected(f"it reaches T = {T}, and the row says {reach}")
    by = certificates.check(certificate)
    floats = certificate.get("arithmetic") if by == "counter_kernel" and claim.scope.arithmetic != "real" else None
    if floats is not None and not _same_floats(floats, arithmetic(claim.scope.arithmetic)):
        raise certificates.Rejected(f"it is about another arithmetic than {claim.scope.arithmetic}")
    if floats is not None:
        here = certify_counter(claim)  # what the probes leave of its hypotheses
        if here is None or here.kind != "certified" or not _reaches(here.scope.t_max, reach):
            says = (here and here.reason) or "nothing is certified here"
            raise _Elsewhere(f"{by} accepts it to T = {T} under its hypotheses; on this machine: {says}")
    _kind(evidence, "proved" if floats is None else "certified")
    _narrower(evidence, replace(claim.scope, t_min=1, vocabulary=_vocabulary(claim), parameters="all"))
    return by


def _same_floats(found: Mapping[str, Any], declared: Arithmetic) -> bool:
    """Whether a certificate's formats are those declared, or its sums narrower: what a probe may take away, and nothing added."""
    form = lambda f: {"p": f.p, "emin": f.emin, "emax": f.emax}  # noqa: E731
    sums = [form(f) for f in (declared.accumulator, declared.storage)]
    return found["storage"] == form(declared.storage) and found["accumulator"] in sums and found["route"] == declared.route


def _vocabulary(claim: Claim) -> Literal["every", "given"]:
    return "given" if claim.circuit.embedding.other is None else "every"


def _kind(evidence: Mapping[str, Any], shown: str) -> None:
    """Raises Rejected where a row calls a thing by another name than it has, a refutation a proof say."""
    if evidence["kind"] != shown:
        raise certificates.Rejected(f"what is there shows a claim {shown}, and the row says {evidence['kind']}")


def _narrower(evidence: Mapping[str, Any], shown: Scope) -> None:
    """Raises Rejected where the row's scope is wider than the one shown; how far each reaches is compared elsewhere."""
    row = Scope(**evidence["scope"])
    if not replace(shown, t_max=row.t_max).covers(row):
        raise certificates.Rejected(f"it holds for {shown}, and the row says {row}")


def _witness(claim: Claim, witness: Mapping[str, Any]) -> str:
    """Run the witness's word on the circuit it was found on: the same place has to fail, with the same numbers."""
    statement = claim.statement.statement if isinstance(claim.statement, Fails) else claim.statement
    subject, other = claim.weights, witness.get("same_contents_in")
    T = int(witness.get("T") or len(witness["word"]))
    for word in (witness["word"], *([other["word"]] if other else [])):
        if not _speaks_of(claim, word, T if word is witness["word"] or isinstance(subject, Family) else len(word)):
            raise certificates.Rejected("the witness's word is none of those the claim is about")
    member = named(subject.at(T) if isinstance(subject, Family) else subject, claim.scope)
    circuit = instance(member, int(witness.get("seed") or 0))
    seen: dict = {}
    if other:  # a score is compared with what it was for the same contents elsewhere
        list(look(circuit, tuple(other["word"]), claim.scope, statement, T, seen)[0])
    keys = [k for k in ("t", "i", "coordinate", "expected", "found") if k in witness]
    found = list(look(circuit, tuple(witness["word"]), claim.scope, statement, T, seen)[0])
    if not any(all(v.get(k) == witness[k] for k in keys) for v in found):
        raise certificates.Rejected("the witness, run again, does not show what it is said to show")
    return f"{claim.scope.arithmetic} run of the witness"


def _speaks_of(claim: Claim, word: Sequence[str], T: int) -> bool:
    """Whether a word is one of the claim's, or, of the member for T, the beginning of one."""
    last, bos = claim.scope.t_max, claim.circuit.bos
    within = claim.scope.t_min <= len(word) <= T and not (isinstance(last, int) and max(last, getattr(claim.subject, "T_min", 1)) < T)
    whole = len(word) == T or (isinstance(claim.weights, Family) and claim.circuit.mask != "none")
    return within and whole and not (bos in word[1:] and claim.scope.words == "bos-first")


def drawn(claim: Claim, row: Mapping[str, Any]) -> Replayed | None:
    """What is wrong with a row's verdict: that it is none its own evidence allows. None where it is the one."""
    try:
        weighed = [e for e in row["evidence"] if e["tool"] != "coq" or e.get("certificate_sha256")]  # a remark beside a proof
        found = judge(claim, [Evidence(e["kind"], Scope(**e["scope"]), e["tool"], assumes=tuple(e["assumes"])) for e in weighed])
    except (KeyError, TypeError, ValueError, NopeproofError) as bad:
        return Replayed(str(row["verdict"]), "rejected", "judge", f"evidence that cannot be read: {bad}".split("\n")[0])
    stands, said = row["data"].get("stands"), {n: row["data"].get(n) for n in ("assuming", "verdict_scope")}
    if (found.kind, found.stands) == (row["verdict"], stands):
        own = {"assuming": list(found.assuming), "verdict_scope": found.scope.as_json()}
        odd = [n for n, x in own.items() if said[n] != x]
        return Replayed(row["verdict"], "rejected", "judge", f"another {' and '.join(odd)} than its evidence has") if odd else None
    say = lambda kind, holds: f"{kind}, which {'stands' if holds else 'does not stand'}"  # noqa: E731
    why = f"its evidence makes it {say(found.kind, found.stands)}; the row says {say(row['verdict'], stands)}"
    return Replayed(row["verdict"], "rejected", "judge", why)


def _again(claim: Claim, evidence: Mapping[str, Any]) -> str:
    """Do again what found it; the kind and the reach have to be the same, or more."""
    from nopeproof.checks.beyond import beyond
    from nopeproof.checks.certify import certify
    from nopeproof.checks.inequality import bound
    from nopeproof.checks.look_up import attends
    from nopeproof.checks.sample import sample

    reach = evidence["scope"]["t_max"]
    found: list[Evidence | None]
    if isinstance(claim.statement, Shown):
        found = list(shown(claim))
    elif evidence["kind"] == "exhausted":
        found = [exhaust(replace(claim, scope=replace(claim.scope, t_max=reach)), PATIENT)]
    elif evidence["kind"] == "tested":
        found = [sample(claim)]
    elif isinstance(claim.statement, Holds) and claim.statement.by is not None:
        found = [proof_of(claim)]
    else:
        found = [bound(claim), attends(claim), certify(claim), beyond(claim, Evidence("open", claim.scope, "replay"))]
    same = [e for e in found if e and e.kind == evidence["kind"] and _reaches(e.scope.t_max, reach)]
    if not same:
        raise certificates.Rejected("done again, it shows less: " + "; ".join(e.reason or e.kind for e in found if e))
    _narrower(evidence, same[0].scope)
    return "done again"


def _reaches(now: Any, then: Any) -> bool:
    return now == then or now is None or (isinstance(now, int) and isinstance(then, int) and now >= then)
