"""Ablation: take one assumption of a construction away and show the smallest counterexample, or that it was not needed.

A counterexample is smallest in this sense: every shorter word, and every word before it of the same length, was run in
the same arithmetic and the same instances and kept the claim (a family's words of length L in its member for T = L). Where
a smaller run could be made in balls only, which refute and never confirm, the row says so.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from nopeproof import ledger
from nopeproof.checks import proof_of, without_class
from nopeproof.checks.enclosed import untouched
from nopeproof.checks.evaluate import Witness
from nopeproof.checks.exhaust import exhaust, guarded, look, members, silent, words
from nopeproof.checks.without import ASSUMPTIONS, Assumption
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Fails, Shown
from nopeproof.errors import NopeproofError

SECONDS, LONGEST, INSTANCES = 1.0, 40, 2
FEW = 2  # most counterexamples have no more tokens, and no proof needs to be sought
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
    """Every assumption that the claim's circuit and scope make, or its class of models, removed one at a time.

    Nothing for a claim that something `Fails`: there is no construction to take anything from.
    """
    if isinstance(claim.statement, Fails):
        return
    of_class = isinstance(claim.statement, Shown)
    for assumption in without_class.ASSUMPTIONS if of_class else ASSUMPTIONS:
        start = time.process_time()
        try:
            changed = assumption.drop(claim)
        except NopeproofError:  # the circuit without it is none: no unit left, say
            continue
        if changed is not None:
            result, by, witness, tried = (*without_class.settle(changed), 0) if of_class else settle(guarded(changed), seconds)
            yield Ablation(claim.id, claim.says, assumption, result, by, witness, tried, time.process_time() - start)


def settle(claim: Claim, seconds: float) -> tuple[Result, str, Witness | None, int]:
    """(result, by what or why not, the smallest counterexample, words run): a few short words first, then proof, then more words."""
    search = Smallest(claim)
    if search.run(seconds, FEW) is None:
        proof = proof_of(claim)
        if proof.kind in ("proved", "certified") and proof.scope.covers(claim.scope):
            return "not needed", f"{proof.kind} by {'the kernel' if proof.tool == 'kernel' else proof.tool}", None, search.tried
        if untouched(claim):
            return "not needed", "nothing writes to these coordinates", None, search.tried
        search.run(seconds, LONGEST)
        if search.witness is None:
            return _unsettled(claim, search, proof.reason, seconds)
    left = f"; {search.silent} of them known in balls only" if search.silent else ""
    return "needed", f"all {search.tried - 1} smaller tries keep the claim{left}", search.witness, search.tried


def _unsettled(claim: Claim, search: Smallest, reason: str, seconds: float) -> tuple[Result, str, Witness | None, int]:
    """Exhaustion for a claim with a last length; else what has been seen, and what stands in the way."""
    found = None
    with contextlib.suppress(NopeproofError):  # a run that has no value, a norm of nothing say, settles nothing
        found = exhaust(claim, 5 * seconds) if isinstance(claim.scope.t_max, int) else None
    if found is not None and found.kind == "exhausted" and found.scope.covers(claim.scope):
        return "not needed", f"all words up to T = {claim.scope.t_max}", None, search.tried
    reason = search.stopped or reason
    if untouched(replace(claim, scope=replace(claim.scope, arithmetic="real"))):
        reason = "nothing writes to these coordinates, so only an overflow could change them"
    seen = f"holds on all words up to T = {search.finished}" if search.finished else "no word could be run to its end"
    return "unsettled", f"{seen}; {reason}", None, search.tried


class Smallest:
    """A search by length, instance and order of the words, that can go on where it stopped."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.witness, self.stopped = claim, None, ""
        self.tried = self.silent = self.finished = 0
        self.seen: dict[tuple[int, int], dict] = {}
        self.seeds = range(INSTANCES if not _concrete(claim) else 1)
        self.tries = self.all()

    def all(self) -> Iterator[tuple[int, int, int, Circuit, tuple[str, ...]]]:
        """(length, T, seed, circuit, word)."""
        last = self.claim.scope.t_max
        for length in range(self.claim.scope.t_min, min(last if isinstance(last, int) else LONGEST, LONGEST) + 1):
            for seed in self.seeds:
                for T, circuit in members(self.claim, length, seed):
                    yield from ((length, T, seed, circuit, word) for word in words(circuit, length, self.claim.scope.words))
            self.finished = length

    def run(self, seconds: float, longest: int) -> Witness | None:
        """The first counterexample, or None when words get longer than that, time is up, or a run cannot be made."""
        start, first = time.process_time(), not self.tried
        while self.witness is None and not self.stopped and self.finished < longest:
            attempt = next(self.tries, None)
            if attempt is None:
                break
            if self.tried and time.process_time() - start > seconds:
                self.stopped = "out of time"
                break
            try:
                self.attempt(*attempt[1:])
            except NopeproofError as bad:
                self.stopped = bad.message.replace("\n", ";")
            start, first = (time.process_time() if first else start), False  # what is imported for the first run does not count
        return self.witness

    def attempt(self, T: int, seed: int, circuit: Circuit, word: tuple[str, ...]) -> None:
        """One run."""
        where, trace = look(circuit, word, self.claim.scope, self.claim.statement, T, self.seen.setdefault((T, seed), {}))
        found = next(where, None)
        self.tried += 1
        self.witness = None if found is None else {**found, "T": T, "seed": seed}
        self.silent += found is None and silent(self.claim.statement, trace, T)


def _concrete(claim: Claim) -> bool:
    circuit = claim.circuit
    heads = [h for b in circuit.blocks for h in b.heads]
    return not circuit.free and circuit.embedding.other is None and not any(hasattr(h, "instance") for h in heads)


def ledger_row(construction: str, claim: Claim, found: Ablation, command: Sequence[str] = ()) -> ledger.Row:
    """One ablation as a row: what the report needs to draw it."""
    sha256, scope = claim.subject.weights_sha256, claim.scope.as_json()
    return ledger.row(
        "ablation", construction=construction, claim=claim.id, weights_sha256=sha256, scope=scope, data=found.as_json(), command=command
    )


def table(rows: Sequence[Ablation]) -> str:
    """The rows for a terminal."""
    out = []
    for id in dict.fromkeys(r.claim for r in rows):
        mine = [r for r in rows if r.claim == id]
        out.append(f"{id}: {mine[0].says}")
        out += [f"  {r.assumption.name:20} {r.assumption.removed:34} {r.result:10}  {_shown(r)}" for r in mine]
    return "\n".join(out)


def _shown(row: Ablation) -> str:
    w = row.witness
    if w is None:
        return row.by
    where = "".join(f"{', ' if n == 'i' else ' at '}{n} = {w[n]}" for n in ("t", "i") if n in w)
    member = f" (in the member T = {w['T']})" if w["T"] > len(w["word"]) else ""
    return f"T = {len(w['word'])}: {' '.join(w['word'])}{member}{where}: {w['found']}, not {w['expected']}  ({row.by})"
