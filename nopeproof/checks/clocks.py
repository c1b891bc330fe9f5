"""The known clocks side by side: for each float format the longest T of each, what it costs there, and what is left of its margin.

A clock is a claim with a member for every T: a family's, one circuit's for a float format, or one that its file makes for a
given T (`grown`). The longest T of the last is that of the last member certified up to its own T, by doubling and bisection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from nopeproof.checks.certify import Unreadable
from nopeproof.checks.evaluate import value_of
from nopeproof.checks.limits import Certified, certified, has_reciprocal, pairs
from nopeproof.claims import Claim
from nopeproof.errors import NopeproofError
from nopeproof.theory.costs import cost
from nopeproof.theory.precision import first_collision
from nopeproof.theory.rounding import Arithmetic, arithmetic

FORMATS = ("float64", "float32", "float16", "bfloat16")
MOST, MOST_BY_ROWS = 1 << 27, 1 << 7  # members are looked at up to here; an FFN's certificate costs its width at each row

Grown = Callable[[int], Claim]


def beside(name: str, claims: Sequence[Claim], grown: Grown | None, formats: Sequence[str] = FORMATS) -> Iterator[dict[str, Any]]:
    """One row a format for a construction's last clock there, or, where its file has one for each T, for those."""
    last = {text: claim for claim, text in pairs(claims, formats)}
    for text, claim in last.items():
        how = arithmetic(text)
        try:
            found, member = (certified(claim, how), claim) if grown is None else _longest(grown, how)
        except Unreadable as why:
            yield {**_head(name, claim, how), "certified": None, "reason": str(why)}
            continue
        T = max(found.T, getattr(member.subject, "T_min", 2))
        allowed = Fraction(value_of(member.statement.error))  # type: ignore[union-attr]
        yield {
            **_head(name, member, how),
            "certified": found.T,
            "capped": found.capped if grown is None else found.T in (MOST, MOST_BY_ROWS),
            "error_bound": float(found.error),
            "margin": float(allowed - found.error) if found.T else None,
            "reason": found.reason,
            **cost(member.weights, T),
        }


def _head(name: str, claim: Claim, how: Arithmetic) -> dict[str, Any]:
    collision = first_collision(how.storage) if has_reciprocal(claim) else None
    return {"schema": 1, "kind": "clock", "clock": name, "claim": claim.id, "arithmetic": str(how), "collision": collision}


def _longest(grown: Grown, how: Arithmetic) -> tuple[Certified, Claim]:
    """The last member certified up to its own T. Raises Unreadable if no theorem covers them."""

    ended: list[str] = []

    def good(T: int) -> bool:
        try:
            return certified(grown(T), how).T >= T
        except NopeproofError as bad:  # weights beyond the format, or beyond what a circuit may hold
            ended[:] = [f"no member for T = {T}: {bad.found}"]
            return False

    low, most = 2, MOST_BY_ROWS if cost(grown(2).weights)["units"] else MOST
    if not good(low):
        return certified(grown(low), how), grown(low)
    while 2 * low <= most and good(2 * low):
        low *= 2
    high = min(2 * low, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(middle) else (low, middle)
    found = certified(grown(low), how)
    return replace(found, reason="; ".join(x for x in (found.reason, *ended) if x)), grown(low)
