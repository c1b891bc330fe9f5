"""What an algorithm in a Transformer does, said of every word and shown for every length: counts, look-ups, answers.

Each function makes one statement, a `Holds`: the predicate reads it off a run, and the prover beside it shows the same of every word,
on the places that `counting` finds from the circuit's own weights. Where a place is not understood, or a bound is not met, it says
"open". To believe "proved" one has to believe the docstring of `counting`, and that a function's two halves say the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from nopeproof import algebra, kernel
from nopeproof.circuit import Circuit, Family, Head
from nopeproof.claims import Claim, Equals, Evidence, Holds, Site, speaks_of_only
from nopeproof.errors import NopeproofError
from nopeproof.kernel import Ratio
from nopeproof.residual import Subspace, Vector
from nopeproof.theory.counting import Counting
from nopeproof.theory.places import NUMBER, Impossible, Place, Undecided, put, whole

TOOL = "counting prover: every place of every word, from the weights"
KEPT = 4
Goal = Callable[[Counting], Iterator[str]]


def shown_by(goal: Goal) -> Callable[[Claim], Evidence]:
    """The prover for a goal: its steps, or Undecided with the reason. What it shows holds for every length."""

    def by(claim: Claim) -> Evidence:
        start, scope, subject = time.perf_counter(), claim.scope, claim.weights
        try:
            run = counted(subject)
            in_reach(run, claim)
            steps = tuple(goal(run))
        except (Undecided, kernel.Reject) as why:
            return Evidence("open", scope, TOOL, time.perf_counter() - start, reason=str(why))
        shown = replace(scope, t_min=1, t_max="T" if isinstance(subject, Family) else None, parameters="all")
        return Evidence("proved", shown, TOOL, time.perf_counter() - start, steps=steps)

    return by


_RUNS: dict[int, tuple[Circuit | Family, Counting]] = {}  # the last few, for the claims about one subject


def counted(subject: Circuit | Family) -> Counting:
    """The places of a subject, found once. Raises Undecided."""
    if id(subject) not in _RUNS:  # a subject that is kept keeps its id to itself
        if len(_RUNS) >= KEPT:
            del _RUNS[next(iter(_RUNS))]
        _RUNS[id(subject)] = (subject, Counting(subject))
    return _RUNS[id(subject)][1]


def in_reach(run: Counting, claim: Claim) -> None:
    """Raise Undecided where the claim's scope is not what the places speak of."""
    scope, words = claim.scope, "any" if run.circuit.bos is None else "bos-first"
    if scope.arithmetic != "real" or scope.vocabulary != "given" or scope.words != words:
        raise Undecided(f"the places are those of words as the circuit is run on, in real numbers; the scope is {scope}")
    if isinstance(claim.subject, Circuit) and claim.subject.mentions_T:
        raise Undecided("weights that mention T are other ones for each T")


def level(site: Site) -> int:
    """How many sub-layers have run there."""
    return 2 * site.block - (site.after == "attention")


# --- numbers that a word has at t ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """How many of the first t positions hold one of `tokens` (None: any), stand at `at` (None: anywhere), and stand before the first
    `mark` or, with `since`, from it on (mark None: anywhere). here: 1 if position t itself is such a one, else 0."""

    tokens: tuple[str, ...] | None = None
    mark: str | None = None
    since: bool = True
    at: int | None = None
    here: bool = False

    def of(self, word: Sequence[str]) -> list[int]:
        """At t = 1, ..., T."""
        first = word.index(self.mark) if self.mark in word else len(word)
        right = (self.tokens is None or x in self.tokens for x in word)
        place = (self.at is None or self.at == t for t in range(1, len(word) + 1))
        side = (self.mark is None or (n >= first) is self.since for n in range(len(word)))
        out = [0]
        for fits in zip(right, place, side, strict=True):
            out.append((0 if self.here else out[-1]) + all(fits))
        return out[1:]

    def holds(self, place: Place) -> bool | None:
        """Whether a place is one of those counted, if it is known."""
        if self.tokens is not None and place.token not in self.tokens:
            return False
        out: bool | None = True
        if self.at is not None:
            t, at = Ratio("t"), place.fixed().get("t")
            other = place.nonnegative(t - self.at - 1) or place.nonnegative(t * -1 + self.at - 1)
            out = False if other else True if at is not None and not (at - self.at).num else None
        if self.mark is not None and out is not False:
            marks = place.count(lambda p: p.token == self.mark)
            after, before = place.nonnegative(marks - 1), place.nonnegative(marks * -1)
            out = None if not (after or before) or out is None else after is self.since
        return out

    def at_place(self, place: Place) -> Ratio:
        """The number there, in the place's counts. Raises Undecided."""
        if not self.here:
            return place.count(self.holds)
        known = self.holds(place)
        if known is None:
            raise Undecided("it is not known whether this position is counted")
        return Ratio(int(known))


@dataclass(frozen=True)
class Recent:
    """How many of the last `width` positions up to t hold a token, which is not BOS."""

    token: str
    width: int

    def of(self, word: Sequence[str]) -> list[int]:
        """At t = 1, ..., T."""
        return [word[max(t - self.width, 0) : t].count(self.token) for t in range(1, len(word) + 1)]

    def at_place(self, place: Place) -> Ratio:
        """The count at t less that at t - width, where a look-up at t - width has read it. Raises Undecided."""
        now = place.count(lambda p: p.token == self.token)
        for (b, h), look in place.looks.items():
            if self.width >= 1 and same(place, look.p, Ratio("t") - self.width):
                if look.where == "p" and [*now.num.values()] == [1] and sum(map(len, now.num)) == 1 and now.den == {(): 1}:
                    (name,) = now.names()
                    return now - Ratio(f"{name}@{b}.{h}")
                if look.where != "p" and look.token != self.token:  # t <= width + 1, and what stands first is not counted
                    return now
        raise Undecided(f"no look-up has read the count at t - {self.width}")


@dataclass(frozen=True)
class Previous:
    """1 where the position before t holds a token, which is not BOS; 0 elsewhere, and at t = 1."""

    token: str

    def of(self, word: Sequence[str]) -> list[int]:
        """At t = 1, ..., T."""
        return [0, *(int(x == self.token) for x in word[:-1])]

    def at_place(self, place: Place) -> Ratio:
        """Known where a look-up has read t - 1. Raises Undecided."""
        for look in place.looks.values():
            if same(place, look.p, Ratio("t") - 1) and (look.where == "p" or look.token != self.token):
                return Ratio(int(look.where == "p" and look.token == self.token))
        raise Undecided("no look-up has read the token at t - 1")


@dataclass(frozen=True)
class Parity:
    """1 where a number is odd, else 0."""

    number: Number

    def of(self, word: Sequence[str]) -> list[int]:
        """At t = 1, ..., T."""
        return [n % 2 for n in self.number.of(word)]

    def at_place(self, place: Place) -> Ratio:
        """Known where the place says whether what it counts is odd. Raises Undecided."""
        count = place.normal(self.number.at_place(place))
        if not whole(count) or any(m and Fraction(c) % 2 for m, c in count.num.items()):
            raise Undecided("it is not known whether the number is odd")
        return Ratio(int(sum(Fraction(c) for m, c in count.num.items() if not m) % 2))


Counted = Number | Recent | Previous | Parity


def same(place: Place, x: Ratio, y: Ratio) -> bool:
    """Whether two functions of t and the counts are one at every position of the kind, visibly."""
    return not put(x - y, place.fixed()).num or place.zero(x - y)


@lru_cache(maxsize=1 << 14)
def _value(text: str, names: tuple[tuple[str, int], ...]) -> Fraction:
    ratio = algebra.read_expression(text).substitute({n: algebra.number(v) for n, v in names})
    top, bottom = ratio.num.constant(), ratio.den.constant()
    assert top is not None and bottom is not None
    return top / bottom


def expression(text: str, place: Place, names: Mapping[str, Counted]) -> Ratio:
    """An expression in t and named numbers, at a place; t = d + 1 with d >= 0 while it is read, as it may divide by t."""
    read = kernel.read(text, {"t": Ratio("d") + 1, **{n: q.at_place(place) for n, q in names.items()}})
    return put(read, {"d": Ratio("t") - 1})


# --- statements --------------------------------------------------------------------------------------------------------------


def reads(says: str, site: Site, direction: Vector | Subspace, value: str, error: str | None = None, /, **names: Counted) -> Holds:
    """At every t, the coordinate is `value`, an expression in t and the named numbers; with an error, within it, strictly."""
    index = Equals(site, direction, "0").index
    ours(names)
    speaks_of_only(value, {"t", *names}, "the expression", logs=False)

    def predicate(trace: Any) -> bool:
        stream_of(direction, trace.circuit)
        rows, numbers = trace.at(site), {n: q.of(trace.word) for n, q in names.items()}
        for t, row in enumerate(rows, 1):
            gap = row[index] - _value(value, (("t", t), *((n, v[t - 1]) for n, v in numbers.items())))
            if not (gap == 0 if error is None else abs(gap) < Fraction(error)):
                return False
        return True

    def goal(run: Counting) -> Iterator[str]:
        stream_of(direction, run.circuit)
        for place in run.after(level(site)):
            have = place.x[index]
            want = expression(value, place, names)
            sides = () if error is None else (have - want + Fraction(error), want - have + Fraction(error))
            if not (same(place, have, want) if error is None else all(place.nonnegative(s, strict=True) for s in sides)):
                raise Undecided(f"not shown at {named(place)}")
            yield f"{named(place)}: shown"

    return Holds(says, predicate, shown_by(goal))


def ours(names: Mapping[str, Any]) -> None:
    """Raise NopeproofError for a number of another class: it could count one thing in a word and say another to the prover."""
    for name, number in names.items():
        if type(number) not in (Number, Recent, Previous, Parity):
            raise NopeproofError(f"the number {name!r} of a word", f"a {type(number).__name__}", "Number, Recent, Previous or Parity")


def stream_of(part: Vector | Subspace, circuit: Circuit) -> None:
    """Raise NopeproofError for a coordinate of another stream than the circuit's."""
    if part.residual != circuit.residual:
        raise NopeproofError(f"what is read of {circuit.name!r}", f"a coordinate of {part.residual!r}", f"one of {circuit.residual!r}")


def named(place: Place) -> str:
    """A place in words: its token, and what its look-ups have read."""
    return ", ".join([place.token, *(f"block {b} reads {look.token} at {look.where}" for (b, _), look in place.looks.items())])


def scores(says: str, block: int, head: int, value: str, query: Mapping[str, Counted], key: Mapping[str, Counted]) -> Holds:
    """The score of every query on every key i <= t is `value`, an expression in numbers named at t (query) and at i (key)."""
    ours({**query, **key})
    speaks_of_only(value, {*query, *key}, "the expression", logs=False)

    def predicate(trace: Any) -> bool:
        table, at_t, at_i = trace.head(block, head).scores, *({n: q.of(trace.word) for n, q in of.items()} for of in (query, key))
        value_at = lambda t, i: _value(value, (*((n, v[t]) for n, v in at_t.items()), *((n, v[i]) for n, v in at_i.items())))  # noqa: E731
        return all(table[t][i] == value_at(t, i) for t in range(trace.T) for i in range(t + 1))

    def goal(run: Counting) -> Iterator[str]:
        places, heads = run.after(2 * block - 2), run.circuit.blocks[block - 1].heads if 0 < block <= len(run.circuit.blocks) else ()
        asked = heads[head] if 0 <= head < len(heads) else None
        if not isinstance(asked, Head):
            raise Undecided("no such head, or an opaque one")
        for place in places:
            for other in [key for key in places if run.sees(place, key)]:
                names = {n: q.at_place(p) for of, p in ((query, place), (key, other)) for n, q in of.items()}
                parts = [*names.values(), *(run.dot(v, p.x) for row, p in ((asked.W_Q, place), (asked.W_K, other)) for v in row)]
                # a variable stands for one number at the query and for another at the key
                loose = {v for x in parts for v in x.names() if v != "T" and not v.startswith(NUMBER)}
                if loose or (run.score(asked, place.x, other.x) - kernel.read(value, names)).num:
                    raise Undecided(f"the score is not shown at {named(place)} on {named(other)}")
            yield f"{named(place)}: shown on every key"

    return Holds(says, predicate, shown_by(goal))


def looks(says: str, block: int, head: int, target: str, least: str, **names: Number) -> Holds:
    """At every t, the key at `target`, or at 1 if that is below 1, has more than `least` of the weight.

    target: an expression in t and the named numbers whose values are whole.
    """
    bound = Fraction(least)
    ours(names)
    speaks_of_only(target, {"t", *names}, "the expression", logs=False)

    def predicate(trace: Any) -> bool:
        weights, numbers = trace.head(block, head).weights, {n: q.of(trace.word) for n, q in names.items()}
        for t in range(1, trace.T + 1):
            key = max(int(_value(target, (("t", t), *((n, v[t - 1]) for n, v in numbers.items())))), 1)
            if key > t or not weights[t - 1][key - 1] > bound:
                return False
        return True

    def goal(run: Counting) -> Iterator[str]:
        for place in run.after(2 * block - 1):
            look = place.looks.get((block, head))
            if look is None:
                raise Undecided(f"the head is no look-up at {named(place)}")
            want = expression(target, place, names)
            if place.token == run.circuit.bos and place.nonnegative(want * -1 + 1) and bound < 1:
                yield f"{named(place)}: one key"
            elif look.where == "last" or not same(place, look.p, want) or not look.weight > bound:
                raise Undecided(f"not shown at {named(place)}")
            else:
                yield f"{named(place)}: weight > {look.weight.limit_denominator(10**6)}"

    return Holds(says, predicate, shown_by(goal))


ORDERS: Mapping[str, Callable[[Sequence[str]], list[str]]] = {"copied": list, "reversed": lambda w: list(w)[::-1], "sorted": sorted}


def answers(says: str, mark: str, how: str, least: str, strict: bool = True) -> Holds:
    """In a word with one mark, from it on, the next token of the word before it (less BOS), `how` = copied, reversed or sorted, leads
    every other by more than `least` (not strict: by at least that). Nothing is said where no token is left, or of other words.

    With the mark at s and n = t - s + 1 that token is, for 1 <= n <= the length of the source: copied, the one at first + n - 1;
    reversed, at s - n; sorted, token number v (in order) iff C_(v-1) < n <= C_v, where C_v counts the tokens up to number v before the
    mark. `first` is 2 behind a BOS, else 1. For a look-up at such a position it is enough that its p is the same function of t and n.
    """
    if how not in ORDERS:
        raise NopeproofError("the order of an answer", repr(how), "one of " + ", ".join(map(repr, ORDERS)))
    bound, bos = Fraction(least), lambda c: c.bos is not None

    def predicate(trace: Any) -> bool:
        if trace.word.count(mark) != 1:
            return True
        cut = trace.word.index(mark)
        answer, logits = ORDERS[how](trace.word[bos(trace.circuit) : cut]), trace.logits()[cut:]
        leads = [row[want] - row[other] - bound for row, want in zip(logits, answer, strict=False) for other in row if other != want]
        return all(x > 0 if strict else x >= 0 for x in leads)

    def goal(run: Counting) -> Iterator[str]:
        readout, spoken = run.circuit.unembedding or {}, {*run.circuit.tokens} - {mark, run.circuit.bos}
        if not spoken <= set(readout) or mark not in run.circuit.tokens:
            raise Undecided("tokens that have no read-out, or no mark")
        for place in run.after(2 * len(run.circuit.blocks)):
            if place.token == run.circuit.bos:
                continue  # before the mark
            for part, want in cases(run, place, sorted(spoken)):
                for other in readout:
                    lead = run.dot(readout[want], part.x) - run.dot(readout[other], part.x) - bound
                    if other != want and not part.nonnegative(lead, strict):
                        raise Undecided(f"{want} is not shown to lead {other} enough at {named(part)}")
                yield f"{named(part)}: {want} leads"

    def cases(run: Counting, place: Place, spoken: list[str]) -> Iterator[tuple[Place, str]]:
        """(part of the place, the token that is next there): together every position where one is due."""
        t, n = Ratio("t"), Number(mark=mark).at_place(place)
        if how == "sorted":
            upto = [Number(tuple(spoken[: v + 1]), mark, since=False).at_place(place) for v in range(len(spoken))]
            ranges = [(low, high) for low, high in zip([Ratio(0), *upto], upto, strict=False)]
            yield from ((part, v) for v, (low, high) in zip(spoken, ranges, strict=True) for part in parted(place, n - low - 1, high - n))
            return
        s = t - n + 1
        p = n + (run.first - 1) if how == "copied" else s - n
        for part in parted(place, n - 1, p - run.first, s - 1 - p):
            token = next((look.token for look in part.looks.values() if look.where == "p" and same(part, look.p, p)), None)
            if token is None:
                raise Undecided(f"no look-up reads the position that is due at {named(part)}")
            if token in spoken:  # what stands before the one mark, and behind BOS
                yield part, token

    return Holds(says, predicate, shown_by(goal))


def parted(place: Place, *facts: Ratio) -> Iterator[Place]:
    """The part of a place with these facts, if there is any."""
    try:
        yield place.given(*facts)
    except Impossible:
        return
