"""Ablation: take one assumption of a construction away and show the smallest counterexample, or that it was not needed.

A counterexample is smallest in this sense: every shorter word, and every word before it of the same length, was run in
the same arithmetic and the same instances and kept the claim (a family's words of length L in its member for T = L).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nopeproof.checks.enclosed import untouched
from nopeproof.checks.evaluate import Witness, violations
from nopeproof.checks.exhaust import exhaust, members, trace_of, words
from nopeproof.checks.prove import prove
from nopeproof.checks.without import ASSUMPTIONS, Assumption
from nopeproof.claims import Claim, Fails
from nopeproof.errors import NopeproofError

SECONDS, LONGEST, INSTANCES = 1.0, 40, 2
Result = Literal["needed", "not needed", "unsettled"]


@dataclass(frozen=True)
class Ablation:
    """One assumption of one claim. needed: with the smallest counterexample; not needed: shown by `by`; else why it is open."""

    claim: str
    says: str
    assumption: Assumption
    result: Result
    by: str
    witness: Witness | None = None
    words: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        at = {"claim": self.claim, "statement": self.says, "assumption": self.assumption.name, "without": self.assumption.removed}
        return {**at, "result": self.result, "by": self.by, "witness": self.witness, "words": self.words, "seconds": round(self.seconds, 2)}


def ablate(claim: Claim, seconds: float = SECONDS) -> Iterator[Ablation]:
    """Every assumption that the claim's circuit and scope make, removed one at a time. Claims that something `Fails` have none."""
    if isinstance(claim.statement, Fails):
        return
    for assumption in ASSUMPTIONS:
        start = time.perf_counter()
        try:
            changed = assumption.drop(claim)
        except NopeproofError:  # the circuit without it is none: no unit left, say
            continue
        if changed is not None:
            result, by, witness, tried = settle(changed, seconds)
            yield Ablation(claim.id, claim.says, assumption, result, by, witness, tried, time.perf_counter() - start)


def settle(claim: Claim, seconds: float) -> tuple[Result, str, Witness | None, int]:
    """(result, by what or why not, the smallest counterexample, words run)."""
    evidence = prove(claim)
    if evidence.kind == "proved":
        return "not needed", "proved by the kernel", None, 0
    if untouched(claim):
        return "not needed", "nothing writes to these coordinates", None, 0
    witness, tried, length, reason = smallest(claim, seconds)
    if witness is not None:
        return "needed", f"all {tried - 1} smaller tries keep the claim", witness, tried
    if isinstance(claim.scope.t_max, int) and not reason:
        found = exhaust(claim, 5 * seconds)
        if found.kind == "exhausted" and found.scope.covers(claim.scope):
            return "not needed", "all words within the scope", None, tried
    return "unsettled", f"holds on all words up to T = {length}; {reason or evidence.reason}", None, tried


def smallest(claim: Claim, seconds: float) -> tuple[Witness | None, int, int, str]:
    """(first counterexample, words run, longest length finished, why it stopped): by length, instance, and order of the words."""
    start, tried, finished = time.perf_counter(), 0, 0
    end = min(claim.scope.t_max if isinstance(claim.scope.t_max, int) else LONGEST, LONGEST)
    seen: dict[tuple[int, int], dict] = {}
    for length in range(claim.scope.t_min, end + 1):
        for seed in range(INSTANCES if not _concrete(claim) else 1):
            for T, circuit in members(claim, length, seed):
                for word in words(circuit, length, claim.scope.words):
                    if tried and time.perf_counter() - start > seconds:
                        return None, tried, finished, "out of time"
                    try:
                        trace = trace_of(circuit, word, claim.scope, claim.statement)
                        found = next(violations(claim.statement, trace, T, seen.setdefault((T, seed), {})), None)
                    except NopeproofError as bad:
                        return None, tried, finished, bad.message.replace("\n", "; ")
                    tried += 1
                    start = time.perf_counter() if tried == 1 else start  # what is imported for the first run does not count
                    if found is not None:
                        return {**found, "T": T, "seed": seed}, tried, finished, ""
        finished = length
    return None, tried, finished, ""


def _concrete(claim: Claim) -> bool:
    circuit = claim.circuit
    heads = [h for b in circuit.blocks for h in b.heads]
    return not circuit.free and circuit.embedding.other is None and not any(hasattr(h, "instance") for h in heads)


def table(rows: Sequence[Ablation]) -> str:
    """The rows for a terminal."""
    out = []
    for id in dict.fromkeys(r.claim for r in rows):
        mine = [r for r in rows if r.claim == id]
        out.append(f"{id}: {mine[0].says}")
        for r in mine:
            w = r.witness
            shown = r.by
            if w is not None:
                where = f" at t = {w['t']}" if "t" in w else ""
                where += f", i = {w['i']}" if "i" in w else ""
                shown = f"T = {len(w['word'])}: {' '.join(w['word'])}{where}: {w['found']}, not {w['expected']}  ({r.by})"
            out.append(f"  {r.assumption.name:20} {r.assumption.removed:34} {r.result:10}  {shown}")
    return "\n".join(out)
