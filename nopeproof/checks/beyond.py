"""What the provers outside fragment K make of a claim that the kernel's own leave open."""

from __future__ import annotations

from dataclasses import replace

from nopeproof.claims import Claim, Evidence


def beyond(claim: Claim, found: Evidence) -> Evidence:
    """`found`, unless one of these provers says more: proved, or, in one line, why it is open for them too."""
    from nopeproof.checks.alike import alike
    from nopeproof.checks.cached import cached
    from nopeproof.checks.tally import tally
    from nopeproof.checks.windowed import windowed
    from nopeproof.theory.counted_laws import counted_law

    said = []
    for prover in (cached, alike, windowed, tally, counted_law):
        answer = prover(claim)
        if answer is not None and answer.kind == "proved":
            return answer
        said += [] if answer is None else [answer]
    reasons = "; ".join(dict.fromkeys(e.reason for e in (found, *said) if e.reason))
    return replace(said[0], reason=reasons) if said else found
