"""From a claim to a sealed Coq file: the kernel's certificate names the case split, Coq decides for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nopeproof.claims import Claim, Evidence, Verdict
from nopeproof.errors import NopeproofError
from nopeproof.export.coq import coqc, spell
from nopeproof.ledger import write_atomic


class Outside(NopeproofError):
    """The claim is not in the fragment that the kernel decides."""


def text(certificate: Mapping[str, Any]) -> str:
    """The Coq file of a certificate, sealed. Raises NopeproofError for what Model.v has no words for."""
    return coqc.seal(spell.theorem(certificate))


def write(name: str, claim: Claim, out: Path, tag: str = "") -> Path:
    """Write OUT/NAME/CLAIM.v and the library beside it; return its path. A tag tells it from other claims that Coq would call the same.

    Raises Outside for a claim that the kernel does not decide or Model.v has no words for, NopeproofError for a folder one cannot write to.
    """
    from nopeproof.checks.prove import prove

    proof = prove(claim)
    asked, todo = f"an export of {name}/{claim.id} to Coq", "a claim with the verdict proved, by the kernel"
    if proof.certificate is None or proof.tool != "kernel":
        raise Outside(
            asked, proof.reason or f"evidence of the kind {proof.kind} by {proof.tool}, without a certificate for the kernel", todo
        )
    try:
        content = text(proof.certificate)
    except NopeproofError as bad:
        raise Outside(asked, bad.found, bad.todo) from None
    for source in [*coqc.library(), coqc.REALS]:
        write_atomic(out / "Nopeproof" / source.name, source.read_bytes())
    return write_atomic(out / spell.identifier(name) / f"{spell.identifier(claim.id)}{tag and f'_{tag}'}.v", content.encode())


def decide(certificates: Sequence[Mapping[str, Any]]) -> list[bool]:
    """What the checker that Sound.v proves right answers to each certificate, in one run of coqc. For mutants by the hundred."""
    asked = "\n\n".join([spell.PREAMBLE, spell.CHECKER, *(spell.question(c, str(n)) for n, c in enumerate(certificates))])
    answers = [line.strip() for line in coqc.run(asked + "\n").split("\n") if line.strip().startswith("= ")]
    if len(answers) != len(certificates) or not set(answers) <= {"= true", "= false"}:
        raise NopeproofError(f"{len(certificates)} questions to Coq", f"{len(answers)} answers", "reporting this as a bug")
    return [a == "= true" for a in answers]


def second(verdict: Verdict) -> Verdict:
    """The verdict with Coq's opinion beside the kernel's proof; as it is where there is no coqc, or no proof by the kernel."""
    proof = next((e for e in verdict.evidence if e.kind == "proved" and e.tool == "kernel" and e.certificate is not None), None)
    if proof is None or not coqc.available():
        return verdict
    return replace(verdict, evidence=(*verdict.evidence, evidence(proof)))


def evidence(proof: Evidence) -> Evidence:
    """What coqc says of an accepted certificate: `proved` by the tool "coq", or `open` with its reason."""
    if proof.certificate is None:
        raise NopeproofError("a second opinion", "no certificate", "evidence of the kind proved, by the kernel")
    try:
        found = coqc.check(text(proof.certificate))
    except NopeproofError as bad:
        found = coqc.Checked(False, 0.0, bad.found)
    return Evidence("proved" if found.accepted else "open", proof.scope, "coq", found.seconds, reason=found.reason)
