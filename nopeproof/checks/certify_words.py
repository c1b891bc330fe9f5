"""Float certificates for any circuit that `enclose` covers: every word up to a length, each in balls, shortest first."""

from __future__ import annotations

import time
from itertools import count

import flint

from nopeproof.checks.enclose import EXP_ULPS, ball, enclose
from nopeproof.checks.evaluate import rational
from nopeproof.checks.exhaust import members, shown_scope, words
from nopeproof.checks.probe import facts
from nopeproof.circuit import Family
from nopeproof.claims import Claim, Evidence, Within
from nopeproof.errors import NopeproofError
from nopeproof.theory.rounding import Arithmetic

SECONDS = 0.5


def certify_words(claim: Claim, declared: Arithmetic, why: str = "", seconds: float = SECONDS) -> Evidence:
    """`certified` for all words of this vocabulary up to the last length finished, for one instance of open weights; else `open`."""
    start, platform, finished = time.perf_counter(), facts(declared), 0
    how, tool = platform.shrink(declared), f"float enclosure of all words, {declared}"
    if how is None:
        return Evidence("open", claim.scope, tool, reason="a probe of the platform failed: " + "; ".join(platform.failed))
    end = claim.scope.t_max if isinstance(claim.scope.t_max, int) else 64
    reason = why
    if isinstance(claim.subject, Family) and claim.circuit.mask == "none":
        return Evidence("open", claim.scope, tool, reason="a family without a mask: shorter words are no part of those of T tokens")
    try:
        for length in count(claim.scope.t_min):
            if length > end or not _length(claim, how, length, start + seconds):
                break
            finished = length
    except NopeproofError as bad:
        reason = "; ".join(x for x in (why, bad.found) if x)
    took = time.perf_counter() - start
    assumes = (f"exp is within {EXP_ULPS} roundoffs of {how.accumulator}; rounding to nearest, sums in any order", *platform.said)
    if finished < claim.scope.t_min:
        return Evidence(
            "open",
            claim.scope,
            tool,
            took,
            reason=reason or f"not enclosed within the error at T = {max(finished + 1, claim.scope.t_min)}",
            assumes=assumes,
        )
    return Evidence(
        "certified", shown_scope(claim, finished), tool, took, None, f"certified to T = {finished}; {reason}".rstrip("; "), assumes
    )


def _length(claim: Claim, how: Arithmetic, length: int, deadline: float) -> bool:
    """Whether every word of one length was enclosed within the claimed error, in time."""
    s = claim.statement
    assert isinstance(s, Within)
    error = ball(rational(s.error))
    for T, circuit in members(claim, length):
        for word in words(circuit, length, claim.scope.words):
            if time.perf_counter() > deadline:
                return False
            rows = enclose(circuit, word, how).at(s.site)
            for t in range(1, length + 1):
                want = rational(s.value, t=t, T=T)
                with flint.ctx.workprec(192):
                    if not abs(rows[t - 1][s.index] - ball(want)) < error:
                        return False
    return True
