"""Where to look for a counterexample: every short word, patterns at every length, other members and instances, long words, Hypothesis."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import strategies as st

from nopeproof.checks.evaluate import Witness, exact_number, trimmed, value_of
from nopeproof.checks.exhaust import EXTREMES, instance, look, named, words
from nopeproof.circuit import Circuit, Family
from nopeproof.claims import Claim, Equals, Fails, Holds, ScoreIs, Statement, Unchanged
from nopeproof.errors import NopeproofError
from nopeproof.run.trace import Trace

Try = tuple[int, int, tuple[str, ...]]  # T of the member, seed of the instance, word
PHASES = (Phase.generate, Phase.target)  # what is found is shrunk by our own steps, which know members and instances
EVERY_LENGTH, HYPOTHESIS = 65, 24  # patterns at every length so far; Hypothesis's longest word
MANY, FAR = 1 << 14, 1e9  # so many words are not all run to see whether a smaller one does; a distance beyond all others


@dataclass(frozen=True)
class Budget:
    """How much to try: processor seconds for each way, longest word, instances drawn of what is left open, Hypothesis's examples."""

    seconds: float = 3.0
    longest: int = 1025
    instances: int = 4
    examples: int = 150

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf or min(self.longest, self.instances, self.examples) < 1 or self.instances > MANY:
            todo = f"more than 0 seconds, at least 1 of everything else, and up to {MANY} instances"
            raise NopeproofError("a budget for an attack", str(self), todo)


@dataclass
class Method:
    """What one way of searching tried."""

    name: str
    words: int = 0
    longest: int = 0
    instances: set[int] = field(default_factory=set)
    seconds: float = 0.0
    stopped: str = ""
    passed_over: int = 0
    because: str = ""

    def pass_over(self, bad: NopeproofError) -> None:
        """Note one word that could not be run, in one instance: a norm of nothing, a weight beyond a dtype."""
        self.passed_over += 1
        self.because = bad.message.replace("\n", ";")

    def count(self, attempt: Try) -> None:
        """Note one word tried."""
        self.words += 1
        self.longest = max(self.longest, len(attempt[2]))
        self.instances.add(attempt[1])

    def as_json(self) -> dict:
        """Plain data."""
        return {**vars(self), "instances": len(self.instances), "seconds": round(self.seconds, 2)}


class Found(Exception):
    """Ends Hypothesis's search, with a counterexample or out of time."""


class Search:
    """One attack: members and instances are made once. A word of length L is run in a family's member for L, unless said otherwise."""

    def __init__(self, claim: Claim, budget: Budget) -> None:
        self.claim, self.budget, self.scope = claim, budget, claim.scope
        statement = claim.statement
        self.inner: Statement = statement.statement if isinstance(statement, Fails) else statement
        self.family = isinstance(claim.weights, Family)
        self.low = claim.weights.T_min if isinstance(claim.weights, Family) else 1
        self.end = min(claim.scope.t_max if isinstance(claim.scope.t_max, int) else budget.longest, budget.longest)
        self.first = claim.scope.t_min
        self.wholes: dict[tuple[int, int], Circuit] = {}
        self.parts: dict[tuple[int, int], Circuit] = {}
        self.seen: dict[tuple[int, int], dict] = {}
        self.open = not self.subject(self.low).concrete
        self.seeds = (*range(budget.instances), *range(-1, -2 - len(EXTREMES), -1)) if self.open else (0,)

    def subject(self, T: int) -> Circuit:
        """The family's member, or the circuit."""
        found = self.claim.weights
        return found.at(T) if isinstance(found, Family) else found

    def key(self, T: int, seed: int) -> tuple[int, int]:
        """What tells concrete circuits apart."""
        return (max(T, self.low) if self.family else 0, seed)

    def whole(self, T: int, seed: int) -> Circuit:
        """The concrete circuit."""
        key = self.key(T, seed)
        if key not in self.wholes:
            self.wholes[key] = instance(named(self.subject(key[0]), self.scope), seed)
            self.parts[key] = trimmed(self.wholes[key], self.inner)
        return self.wholes[key]

    def look(self, attempt: Try, seen: dict, whole: bool = False) -> tuple[Iterator[Witness], Trace]:
        """The violations and the run, of the part that the claim reads or of the whole."""
        T, seed, word = attempt
        circuit = self.whole(T, seed)
        return look(circuit if whole else self.parts[self.key(T, seed)], word, self.scope, self.inner, max(T, self.low), seen)

    def fails(self, attempt: Try, alone: bool = False) -> tuple[Witness | None, Trace]:
        """The first violation, or None. alone: contents are compared with those of this word only, not of words tried before."""
        T, seed, _ = attempt
        where, trace = self.look(attempt, {} if alone else self.seen.setdefault(self.key(T, seed), {}))
        return next(where, None), trace

    def run(self, method: Method, attempts: Iterator[Try], seconds: float) -> Try | None:
        """Try more of them until one fails or the time is up. What cannot be run is passed over."""
        start = time.process_time()
        stop, found, method.stopped = start + seconds, None, ""
        while found is None and not method.stopped:
            if time.process_time() > stop:
                method.stopped = "out of time"
                break
            attempt = next(attempts, None)
            if attempt is None:
                break
            try:
                witness, _ = self.fails(attempt)
            except NopeproofError as bad:
                method.pass_over(bad)
                continue
            method.count(attempt)
            found = attempt if witness is not None else None
        method.seconds += time.process_time() - start
        return found

    # --- ways ----------------------------------------------------------------------------------------------------------

    def every_word(self, seed: int = 0, T: int = 0) -> Iterator[Try]:
        """Shortest first, in order, in one instance; in one member too, if it is given."""
        for length in range(self.first, (min(self.end, T) if T and self.family else self.end) + 1):
            for word in words(self.whole(T or length, seed), length, self.scope.words):
                yield max(T, length, self.low), seed, word

    def other_instances(self) -> Iterator[Try]:
        """Words of up to three tokens in every instance but the first."""
        for length in range(self.first, min(self.end, self.first + 2) + 1):
            for seed in self.seeds[1:]:
                for word in words(self.whole(length, seed), length, self.scope.words):
                    yield max(length, self.low), seed, word

    def larger_members(self) -> Iterator[Try]:
        """Words of up to three tokens in members of a family made for longer ones."""
        if not self.family or self.scope.t_max != "T":
            return
        for T in range(self.low + 1, min(self.end, EVERY_LENGTH) + 1):
            for length in range(self.first, min(T, self.first + 3)):
                for word in words(self.whole(T, 0), length, self.scope.words):
                    yield T, 0, word

    def one_token(self) -> Iterator[Try]:
        """The first token over and over: at doubling lengths and, where a prefix of a long word is no test of a short one, at each.

        It is one under a mask that looks back, in one circuit, unless the claim is a predicate of the whole word.
        """
        each = self.family or isinstance(self.inner, Holds) or self.claim.circuit.mask == "none"
        doubling = [2**k + 1 for k in range(1, 20) if self.first <= 2**k + 1 < self.end]
        near = [n for n in doubling if n <= 2 * EVERY_LENGTH]
        far = [n for n in (*doubling, self.end - 1, self.end) if n > max(self.first - 1, *near, 0)]
        for length in dict.fromkeys((*near, *(range(self.first, min(self.end, EVERY_LENGTH) + 1) if each else ()), *far)):
            word = next(_patterns(self.whole(length, 0), length, self.scope.words == "any"), None)
            yield from () if word is None else [(max(length, self.low), 0, word)]

    def patterns(self) -> Iterator[Try]:
        """Words with a pattern, at every length up to EVERY_LENGTH, the instances taking turns."""
        for length in range(self.first, min(self.end, EVERY_LENGTH) + 1):
            for n, word in enumerate(_patterns(self.whole(length, 0), length, self.scope.words == "any")):
                yield max(length, self.low), self.seeds[(n + length) % len(self.seeds)], word

    def guided(self, method: Method) -> Try | None:
        """Hypothesis, towards larger distances from what is claimed."""
        start, first, found = time.process_time(), [], []
        quiet: dict = {
            "report_multiple_bugs": False,
            "derandomize": True,
            "database": None,
            "deadline": None,
            "suppress_health_check": list(HealthCheck),
        }  # type: ignore[call-overload]

        @settings(max_examples=self.budget.examples, phases=PHASES, **quiet)
        @given(st.data(), st.integers(self.first, max(self.first, min(self.end, HYPOTHESIS))), st.sampled_from(self.seeds))
        def attempt(data: st.DataObject, length: int, seed: int) -> None:
            word = self.draw(data, length, seed)
            first.append(time.process_time())  # Hypothesis itself takes a while to begin
            if first[-1] - first[0] > self.budget.seconds and not found:
                raise Found
            if word is None:
                return
            one = (max(length, self.low), seed, word)
            try:
                witness, trace = self.fails(one)
            except NopeproofError as bad:
                return method.pass_over(bad)
            method.count(one)
            if witness is not None:
                found.append(one)
                raise Found
            target(distance(self.inner, trace, one[0]))

        with contextlib.suppress(Found):
            attempt()
        method.seconds = time.process_time() - start
        return found[-1] if found else None

    def draw(self, data: st.DataObject, length: int, seed: int) -> tuple[str, ...] | None:
        """A word of that length; None if there is none."""
        circuit = self.whole(length, seed)
        alphabet = [t for t in circuit.tokens if t != circuit.bos or self.scope.words == "any"]
        head = () if circuit.bos is None else (circuit.bos,)
        size = length - len(head)
        if size and not alphabet:
            return None
        return (*head, *(data.draw(st.lists(st.sampled_from(alphabet), min_size=size, max_size=size)) if size else ()))

    # --- making it small -----------------------------------------------------------------------------------------------

    def least(self, found: Try) -> tuple[Try, bool]:
        """(a smaller counterexample in the same instance, whether it is the smallest: all smaller words there keep the claim).

        Words shrink first, token by token; then, if they are not too many, all words before what is left are run. Where the
        member is one for longer words, the member for each word's own length comes first.
        """
        found, start = self.shrink(found), time.process_time()
        T, seed, word = found
        self.seen.clear()
        letters = len(next(iter(self.wholes.values())).tokens)
        if letters ** (len(word) - 1) > MANY:
            return found, False
        for member in (0,) if max(len(word), self.low) == T else (0, T):
            for attempt in self.every_word(seed, member):
                if attempt == found or len(attempt[2]) > len(word):
                    break
                try:
                    if self.fails(attempt)[0] is not None:
                        return attempt, True
                except NopeproofError:
                    return found, False
                if time.process_time() - start > self.budget.seconds:
                    return found, False
        return found, True

    def shrink(self, attempt: Try) -> Try:
        """The word up to where it fails, then shorter words, earlier tokens and a smaller member, while it fails by itself."""
        start, again = time.process_time(), True
        while again:
            again = False
            for candidate in self.smaller(attempt):
                if time.process_time() - start > self.budget.seconds:
                    return attempt
                try:
                    if self.fails(candidate, alone=True)[0] is not None:
                        attempt, again = candidate, True
                        break
                except NopeproofError:
                    continue
        return attempt

    def smaller(self, attempt: Try) -> Iterator[Try]:
        """One step down."""
        T, seed, word = attempt
        circuit = self.whole(T, seed)
        tight = max(len(word), self.low) == T or not self.family
        fit = lambda w: [(n, seed, w) for n in dict.fromkeys((max(len(w), self.low), T) if tight and self.family else (T,))]  # noqa: E731
        first, least = 0 if circuit.bos is None else 1, max(self.first, 1)
        t = (self.fails(attempt, alone=True)[0] or {}).get("t", len(word))
        if least <= t < len(word):
            yield from fit(word[:t])
        for size in (s for k in range(20, -1, -1) if (s := 2**k) <= len(word) - least):
            for shorter in dict.fromkeys(word[:n] + word[n + size :] for n in range(len(word) - size, first - 1, -size)):
                yield from fit(shorter)
        tokens = [t for t in circuit.tokens if t != circuit.bos]
        for n in range(first, len(word)):
            earlier = tokens[: tokens.index(word[n]) if word[n] in tokens else len(tokens)]
            yield from ((T, seed, (*word[:n], token, *word[n + 1 :])) for token in earlier)
        yield from ((smaller, seed, word) for smaller in range(max(len(word), self.low), T if self.family else 0))


def _patterns(circuit: Circuit, length: int, any_words: bool) -> Iterator[tuple[str, ...]]:
    """One token throughout; two in turn, in halves, a stranger at the ends; each token once at the end, and once in the middle."""
    head = () if circuit.bos is None else (circuit.bos,)
    others = [t for t in circuit.tokens if t != circuit.bos] or list(circuit.tokens if any_words else ())
    n, common = length - len(head), others[:3]
    if n and not others:
        return
    if not n:
        yield head
        return
    found = [[common[0]] * n]
    for a, b in ((a, b) for a in common for b in common if a != b):
        found += [[(a, b)[k % 2] for k in range(n)], [a] * (n - 1) + [b], [b] + [a] * (n - 1), [a] * (n // 2) + [b] * (n - n // 2)]
    found += [[t] * n for t in common[1:]]
    if any_words and circuit.bos is not None:
        found += [[circuit.bos] * n, [others[0]] * (n - 1) + [circuit.bos]]
    found += [[common[0]] * k + [t] + [common[0]] * (n - k - 1) for t in others[1:] for k in {n // 2, n - 1}]
    if length in (9, 17):
        found += [[common[0]] * k + [t] + [common[0]] * (n - k - 1) for t in common[1:2] for k in range(n)]
    yield from dict.fromkeys((*head, *tail) for tail in found if len(tail) == n)


def distance(statement: Statement, trace: Trace, T: int) -> float:
    """How far the run is from what is claimed, as a number to increase; 0 where there is no such number."""
    pairs: list = []
    if isinstance(statement, Equals):
        rows = trace.at(statement.site)
        pairs = [(rows[t][statement.index], value_of(statement.value, t=t + 1, T=T)) for t in range(trace.T)]
    elif isinstance(statement, Unchanged):
        rows = zip(trace.at(statement.end), trace.at(statement.start), strict=True)
        pairs = [(one[i], two[i]) for one, two in rows for i in statement.indices]
    elif isinstance(statement, ScoreIs) and not statement.content:
        scores = trace.head(statement.block, statement.head).scores
        pairs = [(scores[t][i], value_of(statement.value, t=t + 1, i=i + 1)) for t in range(trace.T) for i in range(t + 1)]
    worst = 0.0
    for one, two in pairs:
        one, two = exact_number(one), exact_number(two)
        worst = max(worst, min(abs(float(one) - float(two)), FAR)) if one is not None and two is not None else FAR
    return worst
