"""Statements about weights alone: no word is needed, and looking at the exact weights is the proof."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Evidence, Holds

TOOL = "a finite computation on the exact weights"


class OfWeights(Holds):
    """A property of the weights: the same on every word, so that once it is proved no run says more."""


def of_weights(says: str, check: Callable[[Circuit], bool]) -> OfWeights:
    """`check` is True of the circuit. What it computes has to be exact and has to end; what it does not read cannot matter."""

    def by(claim: Claim) -> Evidence:
        start, subject, reason = time.perf_counter(), claim.subject, "a family or weights left open: no finite set of numbers"
        if isinstance(subject, Circuit) and subject.concrete:
            reason = "" if check(subject) else "the weights do not have this property"
        if reason:
            return Evidence("open", claim.scope, TOOL, time.perf_counter() - start, reason=reason)
        shown = replace(claim.scope, t_min=1, t_max=None, words="any", vocabulary="every", parameters="all")
        return Evidence("proved", shown, TOOL, time.perf_counter() - start)

    by.rests_on = check  # type: ignore[attr-defined]  # whose it is decides whose proof this is
    return OfWeights(says, lambda trace: check(trace.circuit), by)
