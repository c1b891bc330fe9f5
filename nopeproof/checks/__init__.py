"""(claim, subject) -> Evidence, one check a file; `verify` asks those that apply and draws the verdict."""

from __future__ import annotations

from nopeproof.claims import Claim, Evidence, Verdict, judge
from nopeproof.errors import NopeproofError


def verify(claim: Claim, *, deep: bool = False) -> Verdict:
    """The verdict on one claim: a proof if the kernel accepts one, all short words in any case, random longer ones.

    deep: exhaust for 20 s and sample ten times as much. Raises NopeproofError if an exact run contradicts an accepted
    proof, which would be a bug in the kernel: please report it.
    """
    from nopeproof.checks.exhaust import SECONDS, exhaust
    from nopeproof.checks.prove import prove
    from nopeproof.checks.sample import EXAMPLES, sample

    evidence: list[Evidence] = [prove(claim), exhaust(claim, 20.0 if deep else SECONDS)]
    if all(e.kind != "refuted" for e in evidence):
        evidence.append(sample(claim, EXAMPLES * (10 if deep else 1)))
    contradiction = evidence[0].kind == "proved" and next((e for e in evidence if e.kind == "refuted"), None)
    if contradiction:
        raise NopeproofError(
            f"the verdict on {claim.id!r}", f"the kernel accepts it, and an exact run refutes it: {contradiction.witness}", "reporting this as a bug"
        )
    return judge(claim, evidence)
