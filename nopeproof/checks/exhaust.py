"""All words, in exact arithmetic, shortest first: the first failure met is a smallest one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product

from nopeproof.checks.evaluate import Witness, trimmed, violations
from nopeproof.circuit import Circuit, Family
from nopeproof.claims import Claim, Evidence, Fails, Holds, Scope
from nopeproof.errors import NopeproofError
from nopeproof.run import run
from nopeproof.run.trace import Trace

VOCABULARY = ("a", "b")
SECONDS, PATIENCE = 0.5, 20.0  # of processor time, so that a busy machine changes no verdict; PATIENCE for a scope that ends
FEW, PATIENCE = 2048, 20
"""A scope of so few words is finished even if that takes so many times as long: what is shown must not depend on the machine."""


def members(claim: Claim, length: int, seed: int = 0) -> Iterator[tuple[int, Circuit]]:
    """(T, concrete circuit) to run words of this length on: the member T = length of a family, else the circuit itself."""
    subject = claim.weights
    T = max(length, subject.T_min) if isinstance(subject, Family) else length
    found = subject.at(T) if isinstance(subject, Family) else subject
    yield T, trimmed(found if found.concrete else found.instance(vocabulary=VOCABULARY, seed=seed), claim.statement)


def words(circuit: Circuit, length: int, kind: str) -> Iterator[tuple[str, ...]]:
    """Every word of one length: BOS first where there is one, and BOS again only if the scope says "any"."""
    alphabet = [t for t in circuit.tokens if t != circuit.bos or kind == "any"]
    first = [(circuit.bos,)] if circuit.bos is not None else [(t,) for t in alphabet]
    for start in first:
        for rest in product(alphabet, repeat=length - 1):
            yield (*start, *rest)  # type: ignore[misc]


def trace_of(circuit: Circuit, word: tuple[str, ...], scope: Scope, keep_weights: bool = False) -> Trace:
    """The run in the arithmetic the scope names."""
    return run(circuit, word, keep_weights=keep_weights) if scope.arithmetic == "real" else run(circuit, word, scope.arithmetic)


def shown_scope(claim: Claim, length: int) -> Scope:
    """What having checked all words up to a length really covers: this instance, this vocabulary."""
    circuit = claim.circuit
    open_parts = bool(circuit.free) or any(hasattr(h, "instance") for b in circuit.blocks for h in b.heads)
    given = claim.scope.vocabulary if circuit.embedding.other is None else "given"
    return replace(claim.scope, t_min=1, t_max=length, vocabulary=given, parameters="one" if open_parts else "all")


def exhaust(claim: Claim, seconds: float = SECONDS) -> Evidence:
    """Run every word, length after length, until the scope's end or the CPU time is up.

    `exhausted` up to the last length finished; `refuted` with a smallest witness; for `Fails` the witness proves the claim.
    """
    start, finished, statement = time.process_time(), 0, claim.statement
    inner = statement.statement if isinstance(statement, Fails) else statement
    seen: dict = {}
    end = claim.scope.t_max if isinstance(claim.scope.t_max, int) else 10**6
    seconds *= PATIENCE if _few(claim, end) else 1
    for length in count(claim.scope.t_min):
        if length > end or (length > 1 and time.process_time() - start > seconds):
            break
        found, complete = _length(claim, inner, length, seen, start + seconds)
        if found is not None:
            return _found(claim, found, time.process_time() - start)
        if not complete:
            break
        finished = length
    took = time.process_time() - start
    if isinstance(statement, Fails) or not finished:
        return Evidence("open", claim.scope, "exhaust", took, reason=f"no counterexample among all words up to T = {finished}")
    return Evidence("exhausted", shown_scope(claim, finished), _tool(claim), took)


def _few(claim: Claim, end: int) -> bool:
    """Whether the scope has so few words that all can be run."""
    if end > FEW:
        return False
    _, circuit = next(members(claim, claim.scope.t_min))
    bos = circuit.bos is not None
    return max(len(circuit.tokens) - (bos and claim.scope.words != "any"), 1) ** (end - bos) <= FEW


def _length(claim: Claim, inner: object, length: int, seen: dict, deadline: float) -> tuple[Witness | None, bool]:
    """The first violation among the words of one length, and whether all of them were run."""
    for T, circuit in members(claim, length):
        for n, word in enumerate(words(circuit, length, claim.scope.words)):
            if n % 16 == 15 and time.process_time() > deadline:
                return None, False
            try:
                witness = next(violations(inner, trace_of(circuit, word, claim.scope, isinstance(inner, Holds)), T, seen), None)  # type: ignore[arg-type]
            except NopeproofError as bad:
                if "exact run" in bad.asked:
                    return None, False
                raise
            if witness is not None:
                return {**witness, "T": T, "seed": 0}, True
    return None, True


def _found(claim: Claim, witness: Witness, took: float) -> Evidence:
    if isinstance(claim.statement, Fails):
        return Evidence("proved", claim.scope, f"{_tool(claim)}, its witness", took, witness)
    return Evidence("refuted", claim.scope, _tool(claim), took, witness)


def _tool(claim: Claim) -> str:
    return "exact run of all words" if claim.scope.arithmetic == "real" else f"torch {claim.scope.arithmetic} run of all words"
