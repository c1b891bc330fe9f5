"""(claim, subject) -> Evidence, one check a file; `verify` asks those that apply and draws the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from nopeproof.claims import FOREIGN, Claim, Evidence, Fails, Holds, Shown, Verdict, judge
from nopeproof.errors import NopeproofError, expect


def verify(claim: Claim, *, deep: bool = False) -> Verdict:
    """The verdict on one claim: a proof or a certificate if a prover finds one, all short words in any case, random longer ones.

    deep: exhaust for ten times as long and sample ten times as much. Raises NopeproofError if a run contradicts a proof or a
    certificate, which would be a bug in the prover: please report it.
    """
    expect(claim, Claim, "what is verified", "a Claim; of a construction: nopeproof.load(name).claim(id)")
    if isinstance(claim.statement, Shown):
        return judge(claim, shown(claim, deep))
    from nopeproof.checks.exhaust import SECONDS, exhaust
    from nopeproof.checks.sample import EXAMPLES, sample
    from nopeproof.theory.of_weights import OfWeights

    proof = proof_of(claim)
    sure = proof.kind in ("proved", "certified")
    if sure and isinstance(claim.statement, OfWeights):
        return judge(claim, [proof])
    # after a proof the runs only guard against our own bugs
    seconds, examples = (10 * SECONDS, 10 * EXAMPLES) if deep else (SECONDS / 5, EXAMPLES * 2 // 5) if sure else (SECONDS, EXAMPLES)
    evidence: list[Evidence] = [proof, exhaust(claim, seconds)]
    whole = evidence[1].kind == "exhausted" and evidence[1].scope.covers(claim.scope)  # nothing in the scope is left to sample
    if all(e.kind != "refuted" for e in evidence) and not (sure and isinstance(claim.statement, Fails)) and (deep or not whole):
        evidence.append(sample(claim, examples))
    contradiction = sure and next((e for e in evidence if e.kind == "refuted" and _within(proof, e)), None)
    if contradiction:
        raise NopeproofError(
            f"the verdict on {claim.id!r}",
            f"{proof.tool} accepts it, and a run refutes it: {contradiction.witness}",
            "reporting this as a bug",
        )
    return judge(claim, evidence)


def shown(claim: Claim, deep: bool = False) -> list[Evidence]:
    """What the prover of a claim about a class of models finds."""
    assert isinstance(claim.statement, Shown)
    return _called(claim.statement.by, claim.statement.by(claim, deep))


def _called(by: Callable, found: Sequence[Evidence]) -> list[Evidence]:
    """The evidence of a prover that a statement names; one that is not nopeproof's own is called what it is."""
    code = [x for x in (by, getattr(by, "func", by), getattr(by, "rests_on", None)) if x is not None and not isinstance(x, partial)]
    if all(str(getattr(x, "__module__", None) or type(x).__module__).partition(".")[0] == "nopeproof" for x in code):
        return list(found)
    return [replace(e, tool=f"{FOREIGN}: {e.tool}", assumes=(FOREIGN, *e.assumes)) for e in found]


def _within(proof: Evidence, refuted: Evidence) -> bool:
    """Whether a counterexample lies where the proof or the certificate holds: beyond its reach it contradicts nothing."""
    found, reach = refuted.witness or {}, proof.scope.t_max
    place = "T" if proof.scope.order == "forall T exists weights" or "t" not in found else "t"
    same = proof.scope.parameters == "all" or not found.get("seed")
    return same and not (isinstance(reach, int) and found.get(place, 0) > reach)


def proof_of(claim: Claim) -> Evidence:
    """What the provers say: `proved` or `certified` with the scope that covers, or `open` with the reason of the one that looked."""
    from nopeproof.checks.beyond import beyond
    from nopeproof.checks.certify import certify
    from nopeproof.checks.counter import certify_counter
    from nopeproof.checks.inequality import bound
    from nopeproof.checks.look_up import attends
    from nopeproof.checks.prove import prove

    if isinstance(claim.statement, Holds) and claim.statement.by is not None:
        return _called(claim.statement.by, [claim.statement.by(claim)])[0]
    # each says None of what is not its kind
    found = certify_counter(claim) or certify(claim) or bound(claim) or attends(claim) or prove(claim)
    return beyond(claim, found) if found.kind == "open" else found
