"""Where to look for a counterexample: every short word, words with a pattern, larger members of a family, Hypothesis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import strategies as st

from nopeproof.checks.evaluate import Witness, exact_number, trimmed, value_of, violations
from nopeproof.checks.exhaust import VOCABULARY, trace_of, words
from nopeproof.circuit import Circuit, Family
from nopeproof.claims import Claim, Equals, Fails, Holds, Statement, Unchanged
from nopeproof.errors import NopeproofError
from nopeproof.run.trace import Trace

Try = tuple[int, int, tuple[str, ...]]  # T of the member, seed of the instance, word
PHASES = (Phase.generate, Phase.target, Phase.shrink)


@dataclass(frozen=True)
class Budget:
    """How much to try: seconds for each way, longest word, instances of the parts left open, examples for Hypothesis."""

    seconds: float = 3.0
    longest: int = 65
    instances: int = 4
    examples: int = 150

    def __post_init__(self) -> None:
        if self.seconds <= 0 or min(self.longest, self.instances, self.examples) < 1:
            raise NopeproofError("a budget for an attack", str(self), "more than 0 seconds, and at least 1 of everything else")


@dataclass
class Method:
    """What one way of searching tried."""

    name: str
    words: int = 0
    longest: int = 0
    instances: set[int] = field(default_factory=set)
    seconds: float = 0.0
    stopped: str = ""

    def as_json(self) -> dict:
        """Plain data."""
        return {**vars(self), "instances": len(self.instances), "seconds": round(self.seconds, 2)}


class Found(Exception):
    pass


class Search:
    """One attack: members and instances are made once, and every word is tried once."""

    def __init__(self, claim: Claim, budget: Budget) -> None:
        self.claim, self.budget = claim, budget
        statement = claim.statement
        self.inner: Statement = statement.statement if isinstance(statement, Fails) else statement
        self.low = claim.weights.T_min if isinstance(claim.weights, Family) else 1
        self.end = claim.scope.t_max if isinstance(claim.scope.t_max, int) else 10**9
        self.first = claim.scope.t_min
        self.whole: dict[tuple[int, int], Circuit] = {}
        self.parts: dict[tuple[int, int], Circuit] = {}
        self.seen: dict[int, dict] = {}
        self.open = not (claim.weights.at(self.low) if isinstance(claim.weights, Family) else claim.weights).concrete

    def member(self, T: int, seed: int) -> Circuit:
        """The concrete circuit: the family's member, the instance."""
        key = (max(T, self.low) if isinstance(self.claim.weights, Family) else 0, seed)
        if key not in self.whole:
            found = self.claim.weights.at(key[0]) if isinstance(self.claim.weights, Family) else self.claim.weights
            self.whole[key] = found if found.concrete else found.instance(vocabulary=VOCABULARY, seed=seed)
            self.parts[key] = trimmed(self.whole[key], self.inner)
        return self.whole[key]

    def trace(self, T: int, seed: int, word: tuple[str, ...], whole: bool = False) -> Trace:
        """The run, of the part that the claim reads or of the whole."""
        circuit = self.member(T, seed)
        key = (max(T, self.low) if isinstance(self.claim.weights, Family) else 0, seed)
        return trace_of(circuit if whole else self.parts[key], word, self.claim.scope, isinstance(self.inner, Holds))

    def fails(self, attempt: Try) -> tuple[Witness | None, Trace]:
        """The first violation, or None."""
        T, seed, word = attempt
        trace = self.trace(T, seed, word)
        return next(violations(self.inner, trace, max(T, self.low), self.seen.setdefault(seed, {})), None), trace

    def run(self, name: str, attempts: Iterator[Try]) -> tuple[Method, Try | None]:
        """Try them until one fails or the time is up."""
        method, start = Method(name), time.perf_counter()
        found = None
        for attempt in attempts:
            if time.perf_counter() - start > self.budget.seconds:
                method.stopped = "out of time"
                break
            try:
                witness, _ = self.fails(attempt)
            except NopeproofError as bad:
                method.stopped = bad.message.splitlines()[0]
                break
            self.count(method, attempt)
            if witness is not None:
                found = attempt
                break
        method.seconds = time.perf_counter() - start
        return method, found

    @staticmethod
    def count(method: Method, attempt: Try) -> None:
        """Note one word tried."""
        method.words += 1
        method.longest = max(method.longest, len(attempt[2]))
        method.instances.add(attempt[1])

    def seeds(self) -> range:
        """Instances of what the weights leave open."""
        return range(self.budget.instances if self.open else 1)

    def every_word(self) -> Iterator[Try]:
        """Shortest first, in order, in instance 0."""
        for length in range(self.first, min(self.end, self.budget.longest) + 1):
            yield from ((max(length, self.low), 0, word) for word in words(self.member(length, 0), length, self.claim.scope.words))

    def structured(self) -> Iterator[Try]:
        """Words with a pattern, at the lengths where constructions break."""
        lengths = {self.low, self.low + 1, self.first, self.end - 1, self.end} | {2**k + d for k in range(1, 12) for d in (-1, 0, 1)}
        for length in sorted(n for n in lengths if self.first <= n <= min(self.end, self.budget.longest)):
            for seed in self.seeds():
                circuit = self.member(length, seed)
                for word in _patterns(circuit, length, self.claim.scope.words == "any"):
                    yield max(length, self.low), seed, word

    def larger_members(self) -> Iterator[Try]:
        """Short words in members of a family made for longer ones."""
        if not isinstance(self.claim.weights, Family) or self.claim.scope.t_max != "T":
            return
        for T in (self.low, self.low + 1, 5, 8, 13, 32):
            for length in range(self.first, min(T, 4)):
                for word in words(self.member(T, 0), length, self.claim.scope.words):
                    yield T, 0, word

    def guided(self) -> tuple[Method, Try | None]:
        """Hypothesis, towards larger distances from what is claimed."""
        method, start, found = Method("Hypothesis, led by the distance"), time.perf_counter(), []
        end = max(self.first, min(self.end, 24, self.budget.longest))

        quiet: dict = {"derandomize": True, "database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}  # type: ignore[call-overload]

        @settings(max_examples=self.budget.examples, phases=PHASES, **quiet)
        @given(st.data(), st.integers(self.first, end), st.integers(0, len(self.seeds()) * 4 - 1 if self.open else 0))
        def attempt(data: st.DataObject, length: int, seed: int) -> None:
            if time.perf_counter() - start > self.budget.seconds and not found:
                return
            circuit = self.member(length, seed)
            alphabet = [t for t in circuit.tokens if t != circuit.bos or self.claim.scope.words == "any"]
            head = [] if circuit.bos is None else [circuit.bos]
            if length > len(head) and not alphabet:
                return
            size = length - len(head)
            word = tuple(head + (data.draw(st.lists(st.sampled_from(alphabet), min_size=size, max_size=size)) if size else []))
            witness, trace = self.fails((length, seed, word))
            self.count(method, (length, seed, word))
            if witness is not None:
                found.append((length, seed, word))
                raise Found
            target(_distance(self.inner, trace, length))

        try:
            attempt()
        except Found:
            pass
        except NopeproofError as bad:
            method.stopped = bad.message.splitlines()[0]
        method.seconds = time.perf_counter() - start
        return method, found[-1] if found else None

    def shrink(self, attempt: Try) -> Try:
        """Shorter words, then earlier tokens, in the same instance, while it still fails."""
        T, seed, word = attempt
        bos = self.whole[next(iter(self.whole))].bos
        first = 0 if bos is None else 1
        tight = max(len(word), self.low) == T
        again = True
        while again:
            again = False
            tokens = [t for t in self.member(T, seed).tokens if t != bos]
            shorter = [word[:n] + word[n + 1 :] for n in range(len(word) - 1, first - 1, -1) if len(word) > max(self.first, 1)]
            lower = [
                (*word[:n], t, *word[n + 1 :])
                for n in range(first, len(word))
                for t in tokens[: tokens.index(word[n]) if word[n] in tokens else 1]
            ]
            for candidate in [*shorter, *lower]:
                new = (max(len(candidate), self.low) if tight else T, seed, candidate)
                try:
                    self.seen.pop(seed, None)
                    if self.fails(new)[0] is not None:
                        (T, seed, word), again = new, True
                        break
                except NopeproofError:
                    continue
        return T, seed, word


def _patterns(circuit: Circuit, length: int, any_words: bool) -> Iterator[tuple[str, ...]]:
    head = () if circuit.bos is None else (circuit.bos,)
    others = [t for t in circuit.tokens if t != circuit.bos][:3] or list(circuit.tokens)
    n = length - len(head)
    found = [[t] * n for t in others]
    for a, b in ((a, b) for a in others for b in others if a != b):
        found += [[(a, b)[k % 2] for k in range(n)], [a] * (n - 1) + [b], [b] + [a] * (n - 1), [a] * (n // 2) + [b] * (n - n // 2)]
    if any_words and circuit.bos is not None:
        found += [[circuit.bos] * n, [others[0]] * (n - 1) + [circuit.bos]]
    yield from dict.fromkeys((*head, *tail) for tail in found if len(tail) == n)


def _distance(statement: Statement, trace: Trace, T: int) -> float:
    """How far the run is from breaking the claim, as a number to increase; 0 where there is no such number."""
    worst = 0.0
    for t in range(trace.T if isinstance(statement, Equals | Unchanged) else 0):
        if isinstance(statement, Equals):
            pairs = [(trace.at(statement.site)[t][statement.index], value_of(statement.value, t=t + 1, T=T))]
        else:
            pairs = [(trace.at(statement.end)[t][i], trace.at(statement.start)[t][i]) for i in statement.indices]  # type: ignore[union-attr]
        for one, two in pairs:
            one, two = exact_number(one), exact_number(two)
            worst = max(worst, min(abs(float(one) - float(two)), 1e9)) if one is not None and two is not None else 1e9
    return worst
