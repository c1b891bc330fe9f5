"""All words, in exact arithmetic, shortest first: the first failure met is a smallest one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import count, product
from typing import Any

from nopeproof.checks.enclosed import can_enclose, decided_trace, enclosed_trace, surely_within
from nopeproof.checks.evaluate import Witness, trimmed, violations
from nopeproof.circuit import Circuit, Embedding, Family
from nopeproof.claims import Attends, Claim, Evidence, Fails, Holds, Scope, Statement, Within
from nopeproof.errors import NopeproofError
from nopeproof.run import run
from nopeproof.run.trace import Trace
from nopeproof.theory.rounding import arithmetic

VOCABULARY = ("a", "b")
FARTHEST = 1 << 16
"""The longest word that is run to see what it shows."""
EXTREMES = tuple(Fraction(x) for x in ("0", "1", "-1", "1/3", "1000000", "-1000000", "1/1048576", "-1/1048576"))
SECONDS = 0.5  # of processor time, so that a busy machine changes no verdict
FEW, PATIENCE = 2048, 20
"""A scope of so few words is finished even if that takes so many times as long: what is shown must not depend on the machine."""


def instance(circuit: Circuit, seed: int = 0) -> Circuit:
    """A concrete circuit: itself, or with numbers for what it leaves open: small ones, drawn, for seeds from 0 on.

    Below 0, for claims that only a huge, tiny or vanishing weight breaks: -1 makes all 0, and in -2, -3, ... each free weight
    takes each value of EXTREMES in turn.
    """
    if circuit.concrete:
        return circuit
    if seed >= 0:
        return circuit.instance(vocabulary=VOCABULARY, seed=seed)
    turn, other = count(-seed), circuit.embedding.other
    put = lambda names: {s: Fraction(0) if seed == -1 else EXTREMES[next(turn) % len(EXTREMES)] for s in sorted(names)}  # noqa: E731
    tokens = dict(circuit.embedding.tokens)
    for token in VOCABULARY if other is not None else ():
        tokens.setdefault(token, other.substitute(put(other.symbols - {"T"})))  # type: ignore[union-attr]
    whole = replace(circuit, embedding=Embedding(tokens))
    return whole.instance(put(whole.free), seed=-seed)


def named(circuit: Circuit, scope: Scope) -> Circuit:
    """The circuit without further tokens, where a scope is about the named ones alone."""
    return circuit if scope.vocabulary == "every" else replace(circuit, embedding=Embedding(circuit.embedding.tokens))


def guarded(claim: Claim) -> Claim:
    """The same claim about a changed circuit: where its predicate has no value there (divides by zero, finds nothing), it is false.

    Where it cannot read the run, one of tensors say, or refuses to, that is a run that shows nothing: a NopeproofError.
    """
    statement = claim.statement
    if not isinstance(statement, Holds):
        return claim

    def holds(trace: Trace) -> bool:
        try:
            return statement.of(trace)
        except (ArithmeticError, LookupError, ValueError):
            return False
        except (TypeError, NopeproofError) as bad:
            asked = f"an exact value of the predicate of {claim.id!r} on a {trace.arithmetic} run"
            found = bad.message.replace("\n", ";") if isinstance(bad, NopeproofError) else f"{type(bad).__name__}: {bad}"
            raise NopeproofError(asked, found, "a predicate that reads such numbers") from None

    return replace(claim, statement=replace(statement, predicate=holds))


class Members:
    """The circuits of a claim to run words of some length on, each made once."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.made = claim, {}
        self.balls = False  # whether a word was run in balls

    def __call__(self, length: int, seed: int = 0) -> tuple[int, Circuit]:
        """(T, concrete circuit): the member T = length of a family, else the circuit itself. `seed` chooses what is left open."""
        subject = self.claim.weights
        T = max(length, subject.T_min) if isinstance(subject, Family) else length
        which = T if isinstance(subject, Family) else None
        whole = self._once((which, "whole"), lambda: named(subject.at(T) if isinstance(subject, Family) else subject, self.claim.scope))
        part = lambda: trimmed(instance(whole, seed), self.claim.statement)  # noqa: E731
        return T, self._once((which, None if whole.concrete else seed), part)

    def _once(self, key: Any, make: Callable[[], Circuit]) -> Circuit:
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]


def members(claim: Claim, length: int, seed: int = 0) -> Iterator[tuple[int, Circuit]]:
    """The one (T, concrete circuit) to run words of this length on."""
    yield Members(claim)(length, seed)


def words(circuit: Circuit, length: int, kind: str) -> Iterator[tuple[str, ...]]:
    """Every word of one length: BOS first where there is one, and BOS again only if the scope says "any"."""
    alphabet = [t for t in circuit.tokens if t != circuit.bos or kind == "any"]
    first = [(circuit.bos,)] if circuit.bos is not None else [(t,) for t in alphabet]
    for start in first:
        for rest in product(alphabet, repeat=length - 1):
            yield (*start, *rest)  # type: ignore[misc]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread: for short words several of them only wait for each other, on a busy machine for very long."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def trace_of(circuit: Circuit, word: tuple[str, ...], scope: Scope, statement: Statement) -> Trace:
    """The run in the arithmetic the scope names. For real numbers: exact, or, where there is no exact run, in balls.

    A violation read off balls is one, but their silence shows nothing: see `silent`. Raises NopeproofError where neither serves.
    """
    if scope.arithmetic == "incremental":
        return run(circuit, word, scope.arithmetic)
    if scope.arithmetic != "real":
        how = arithmetic(scope.arithmetic)  # its accumulator is a hypothesis about the route, not a choice
        with one_thread():
            return run(circuit, word, how.storage.name, route=how.route)
    try:
        return run(circuit, word, keep_weights=isinstance(statement, Holds | Attends))
    except NopeproofError as bad:
        if not inexact(bad) or not can_enclose(statement) or not circuit.concrete:
            raise
        return enclosed_trace(circuit, word)


def look(
    circuit: Circuit, word: tuple[str, ...], scope: Scope, statement: Statement, T: int, seen: dict | None = None
) -> tuple[Iterator[Witness], Trace]:
    """The violations in one run, and the run. T and `seen` as in `violations`.

    A predicate that has no exact run to read, or none of the number it asks for, is asked about a run in balls. Raises NopeproofError
    where neither serves.
    """
    if not isinstance(statement, Holds):
        trace = trace_of(circuit, word, scope, statement)
        return violations(statement, trace, T, seen), trace
    try:
        trace = trace_of(circuit, word, scope, statement)
        return iter([*violations(statement, trace, T)]), trace
    except NopeproofError as bad:
        if scope.arithmetic != "real" or not inexact(bad) or not circuit.concrete:
            raise
        trace = decided_trace(circuit, word)
        try:
            return iter([*violations(statement, trace, T)]), trace
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # it wants exact numbers
            raise bad from None


def inexact(bad: NopeproofError) -> bool:
    """Whether a run was refused because its numbers cannot be exact."""
    return "exact" in bad.asked


def silent(statement: Statement, trace: Trace, T: int) -> bool:
    """Whether a run without a violation shows nothing: its numbers are balls that might hold one. A predicate's answer is one of each."""
    if isinstance(statement, Holds) or not trace.arithmetic.startswith("ball"):
        return False
    return not (isinstance(statement, Within) and surely_within(statement, trace, T))


def shown_scope(claim: Claim, length: int) -> Scope:
    """What having checked all words up to a length really covers: this instance, this vocabulary."""
    circuit = claim.circuit
    open_parts = bool(circuit.free) or any(hasattr(h, "instance") for b in circuit.blocks for h in b.heads)
    return replace(claim.scope, t_max=length, vocabulary="given", parameters="one" if open_parts else "all")


def too_long(claim: Claim) -> str:
    """Why nothing is run where the shortest words of a claim are too long."""
    return f"words of {claim.scope.t_min} tokens or more: none of more than {FARTHEST} is run"


def exhaust(claim: Claim, seconds: float = SECONDS) -> Evidence:
    """Run every word, length after length, until the scope's end or the CPU time is up.

    `exhausted` up to the last length finished; `refuted` with a smallest witness; for `Fails` the witness proves the claim.
    """
    start, finished, statement = time.process_time(), 0, claim.statement
    inner = statement.statement if isinstance(statement, Fails) else statement
    end = claim.scope.t_max if isinstance(claim.scope.t_max, int) else 10**6
    contents: dict[int, dict] = {}
    if claim.scope.t_min > FARTHEST:
        return Evidence("open", claim.scope, "exhaust", reason=too_long(claim))
    of = Members(claim)
    seconds *= PATIENCE if _few(of, end) else 1
    for length in count(claim.scope.t_min):
        if length > end or (length > 1 and time.process_time() - start > seconds):
            break
        found, complete = _length(of, inner, length, contents, start + seconds)
        if found is not None:
            return _found(claim, found, _tool(of), time.process_time() - start)
        if not complete:
            break
        finished = length
    took = time.process_time() - start
    if isinstance(statement, Fails) or not finished:
        return Evidence("open", claim.scope, "exhaust", took, reason=f"no counterexample among all words up to T = {finished}")
    return Evidence("exhausted", shown_scope(claim, finished), _tool(of), took)


def _few(of: Members, end: int) -> bool:
    """Whether the scope has so few words that all can be run."""
    if end > FEW:
        return False
    _, circuit = of(of.claim.scope.t_min)
    bos = circuit.bos is not None
    return max(len(circuit.tokens) - (bos and of.claim.scope.words != "any"), 1) ** (end - bos) <= FEW


def _length(of: Members, inner: Statement, length: int, contents: dict, deadline: float) -> tuple[Witness | None, bool]:
    """The first violation among the words of one length, and whether all of them were run, exactly.

    contents: what a content term was, for each circuit; the members of a family are circuits of their own. A shorter word in the same
    member is the beginning of one of these, unless its positions see what comes later.
    """
    complete, scope, family = True, of.claim.scope, isinstance(of.claim.weights, Family)
    T, circuit = of(length)
    seen = contents.setdefault(T if family else 0, {})
    shortest = scope.t_min if family and circuit.mask == "none" else length
    for n, word in enumerate(w for size in range(shortest, length + 1) for w in words(circuit, size, scope.words)):
        if n % 16 == 15 and time.process_time() > deadline:
            return None, False
        try:
            found, trace = look(circuit, word, scope, inner, T, seen)
            witness, of.balls = next(found, None), of.balls or trace.arithmetic.startswith("ball")
        except NopeproofError as bad:
            if inexact(bad):
                return None, False
            raise
        if witness is not None:
            return {**witness, "T": T, "seed": 0}, True
        complete = complete and not silent(inner, trace, T)
    return None, complete


def _found(claim: Claim, witness: Witness, tool: str, took: float) -> Evidence:
    if isinstance(claim.statement, Fails):
        return Evidence("proved", claim.scope, f"{tool}, its witness", took, witness)
    return Evidence("refuted", claim.scope, tool, took, witness)


def _tool(of: Members) -> str:
    arithmetic = of.claim.scope.arithmetic
    kind = {"real": "exact", "incremental": "exact incremental"}.get(arithmetic, f"torch {arithmetic}")
    return f"{kind} run of all words" + " (in balls where there is none)" * of.balls
