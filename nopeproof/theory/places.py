"""Kinds of positions, and what is known of them: facts about whole numbers, signs of polynomials, and what look-ups have read.

What `nopeproof.theory.counting` computes with; its docstring says how signs are decided and why that is sound.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

from nopeproof import kernel
from nopeproof.kernel import Ratio

ONE = {(): 1}
NUMBER = ("ln ", "rt")  # variables that are numbers > 0
HALF = "n/"  # in front of a count: half of it, rounded down


class Undecided(Exception):
    """The circuit is outside what is understood here, or a sign is not decided; the message says where."""


class Impossible(Exception):
    """No position is of this kind: its facts contradict each other."""


@dataclass(frozen=True)
class Look:
    """What a look-up reads: its p, the base B, whether the key is p, the first one or the query's own, and that key's token."""

    p: Ratio
    base: int
    where: Literal["p", "first", "last"]
    token: str

    @property
    def leak(self) -> Fraction:
        """At least 2 sum_{m >= 1} B^-(m^2): two terms, and the rest by a geometric series."""
        q = Fraction(1, self.base)
        return 2 * (q + q**4 + q**9 / (1 - q))

    @property
    def drift(self) -> Fraction:
        """At least 2 sum_{m >= 1} m B^-(m^2): from m = 3 on each term is at most (4/3) q^7 <= 1/2 of the one before."""
        q = Fraction(1, self.base)
        return 2 * (q + 2 * q**4 + 6 * q**9)

    @property
    def weight(self) -> Fraction:
        """The key has more than this weight."""
        return 1 / (1 + self.leak)


@dataclass(frozen=True, eq=False)
class Place:
    """A kind of position, after some sub-layer. x [d_model]: the residual. counts: for each counting layer (the kinds of key, how many).

    boxes: real variables with their largest value, the smallest being 0. looks: for each look-up (block, head) what it reads.
    halves: counts (or t, where nothing is counted) of which it is known whether they are odd, as 2 m + e with m whole.
    """

    token: str
    x: tuple[Ratio, ...]
    facts: tuple[Ratio, ...]
    counts: tuple[tuple[tuple[tuple[Place, ...], Ratio], ...], ...] = ()
    boxes: Mapping[str, Fraction] = field(default_factory=dict)
    looks: Mapping[tuple[int, int], Look] = field(default_factory=dict)
    halves: Mapping[str, Ratio] = field(default_factory=dict)
    kept: dict = field(default_factory=dict, repr=False)

    def given(self, *facts: Ratio) -> Place:
        """The same with more facts. Raises Impossible where they contradict each other."""
        out = replace(self, facts=(*self.facts, *facts))
        for _ in out.solved():
            pass
        return out

    def either(self, fact: Ratio) -> list[Place]:
        """The place where a whole form is >= 0, and where it is <= -1, as far as there are such. Raises Undecided if nothing is gained."""
        parts = []
        for said in (fact, fact * -1 - 1):
            with contextlib.suppress(Impossible):
                parts.append((self.given(said), said))
        if not all(part.nonnegative(said) for part, said in parts):
            raise Undecided("a fact of which nothing follows")
        return [part for part, _ in parts]

    def halved(self, v: str) -> Iterator[Place]:
        """The place where the count v is even, and where it is odd, as far as there are such. Raises Undecided if that is known already."""
        if v in self.halves or v.startswith(HALF):
            raise Undecided(f"half of {v}: only once")
        for e in (0, 1):
            with contextlib.suppress(Impossible):
                yield replace(self, halves={**self.halves, v: Ratio(f"{HALF}{v}") * 2 + e}).given()

    def normal(self, x: Ratio) -> Ratio:
        """x with t as the sum of the last layer's counts, and the halves put in."""
        if self.counts:
            x = put(x, {"t": self.total(len(self.counts) - 1)})
        return put(x, self.halves)

    def total(self, layer: int) -> Ratio:
        """The sum of a layer's counts, which is t."""
        return sum((n for _, n in self.counts[layer]), Ratio(0))

    def solved(self) -> Iterator[dict[str, Ratio]]:
        """Ways to put variables >= 0 for t, T and the counts. Raises Impossible.

        They differ in the counting layer whose sum stands for t, and in which facts are used first.
        """
        for view in range(len(self.counts), min(len(self.counts), 1) - 1, -1):
            for order in (1, -1):
                key = (id(self.facts), id(self.counts), id(self.halves), view, order)
                if key not in self.kept:
                    at = {"T": Ratio("t") + Ratio("d")}
                    if view:
                        at = compose(at, {"t": self.total(view - 1)})
                    at = compose(at, self.halves)
                    for n, fact in enumerate(self.facts[::order]):
                        at = compose(at, learn(put(fact, at), f"s{n}"))
                    self.kept[key] = (self.facts, self.counts, self.halves, at)  # what an id names has to stay alive
                yield self.kept[key][3]

    def nonnegative(self, x: Ratio, strict: bool = False) -> bool:
        """True only if x >= 0 (strict: > 0) at every position of this kind."""
        return any(self._nonnegative(put(x, at), strict) for at in self.solved())

    def zero(self, x: Ratio) -> bool:
        """True only if x = 0 at every position of this kind."""
        return any(not put(x, at).num for at in self.solved())

    def fixed(self) -> dict[str, Ratio]:
        """Counts, and t, that are one number at every position of this kind."""
        key = (id(self.facts), id(self.counts), id(self.halves))
        if key not in self.kept:
            found = (pair for at in self.solved() for pair in at.items() if not pair[1].names())
            self.kept[key] = {v: y for v, y in found if v == "t" or v.startswith("n")}
        return self.kept[key]

    def _nonnegative(self, x: Ratio, strict: bool) -> bool:
        box = next((v for v in self.boxes if v in x.names()), None)
        if box is not None:  # linear in it: the extremes are at the ends
            ends = (Ratio(0), Ratio(self.boxes[box]))
            return all(m.count(box) <= 1 for m in x.num) and all(self._nonnegative(put(x, {box: end}), strict) for end in ends)
        known = not any(v.startswith("?") for v in x.names()) and all(c > 0 for c in x.den.values())
        return known and all(c > 0 for c in x.num.values()) and (() in x.num or not strict)

    def count(self, holds: Callable[[Place], bool | None]) -> Ratio:
        """How many of the first t positions are of kinds that `holds`, from a layer that tells them apart. Raises Undecided."""
        for layer in reversed(self.counts):
            sides = [({holds(p) for p in kinds}, n) for kinds, n in layer]
            if all(side in (set(), {True}, {False}) for side, _ in sides):
                return sum((n for side, n in sides if side == {True}), Ratio(0))
        raise Undecided("no layer counts these positions")


def put(x: Ratio, at: Mapping[str, Ratio]) -> Ratio:
    """x with polynomials for some of its variables."""
    if not x.names() & at.keys():
        return x
    assert all(y.den == ONE for y in at.values())

    def of(p: dict) -> dict:
        pairs = []
        for m, c in p.items():
            term = {tuple(v for v in m if v not in at): c}
            for v in m:
                term = Ratio.total((term, at[v].num)) if v in at else term
            pairs.append((term, ONE))
        return Ratio.total(*pairs)

    return Ratio(of(x.num), of(x.den))


def compose(at: Mapping[str, Ratio], then: Mapping[str, Ratio]) -> dict[str, Ratio]:
    """One substitution after another, as one."""
    return {**{v: put(x, then) for v, x in at.items()}, **{v: x for v, x in then.items() if v not in at}}


def learn(fact: Ratio, fresh: str) -> dict[str, Ratio]:
    """The substitution that a linear form >= 0 in whole variables >= 0 comes to; none where it says too little. Raises Impossible."""
    p: Any = fact.num
    least = p.get((), 0)
    if any(len(m) > 1 for m in p) or fact.den != {(): 1}:
        return {}
    up, down = ([m[0] for m, c in p.items() if m and (c > 0) is sign] for sign in (True, False))
    if not up and least < 0:
        raise Impossible
    if not up:
        return {x: Ratio(0) for x in down if -p[(x,)] > least}  # a x <= least < a, and x is whole
    if len(up) == 1 and p[(up[0],)] == 1 and least <= 0:
        return {up[0]: Ratio(up[0]) - fact + Ratio(fresh)}
    if len(up) == 1 and not down and least < 0:  # a x >= -least, and x is whole
        return {up[0]: Ratio(fresh) + math.ceil(Fraction(-least) / Fraction(p[(up[0],)]))}
    return {}


def lowest(x: Ratio) -> Ratio:
    """The same without the variables that every term of it has, above and below: counts and t, which are > 0 below."""
    while x.num and (shared := set.intersection(*(set(m) for p in (x.num, x.den) for m in p))):
        v = min(shared)
        x = Ratio(*({(*m[: m.index(v)], *m[m.index(v) + 1 :]): c for m, c in p.items()} for p in (x.num, x.den)))
    c = Fraction(x.den[()]) if set(x.den) == {()} else Fraction(1)
    return x if c == 1 else Ratio({m: a / c for m, a in x.num.items()})


@lru_cache(maxsize=1 << 12)
def weight(text: str) -> Ratio:
    """A weight as the kernel reads it; k and T are variables."""
    return kernel.read(text, {"k": Ratio("k")})


def number(x: Ratio) -> Fraction:
    """A number without variables."""
    return sum(map(Fraction, x.num.values()), Fraction(0)) / sum(map(Fraction, x.den.values()), Fraction(0))


def whole(x: Ratio) -> bool:
    """Whether x is visibly a whole number: a polynomial with whole coefficients in t, T and counts."""
    small = all(Fraction(c).denominator == 1 and all(v in ("t", "T") or v.startswith("n") for v in m) for m, c in x.num.items())
    return small and x.den == ONE


def constant(x: Ratio) -> Fraction | None:
    """The number that a quotient of polynomials is, if it visibly is one."""
    term, below = next(iter(x.den.items()))
    c = Fraction(x.num.get(term, 0)) / Fraction(below)  # type: ignore[arg-type]
    return None if (x - c).num else c


def power(score: Ratio) -> Fraction | None:
    """e^score, if score is a sum of whole multiples of ln n."""
    logs = all(len(m) == 1 and m[0].startswith("ln ") and Fraction(q).denominator == 1 for m, q in score.num.items())
    if score.den != ONE or not logs:
        return None
    terms: Any = score.num
    return math.prod((Fraction(int(m[0][3:])) ** int(q) for m, q in terms.items()), start=Fraction(1))


def last_on(pre: Ratio) -> Iterator[Ratio]:
    """Candidates for the last k with pre(k) > 0: the zero in k of pre, or of what T multiplies in it, and one before."""
    for top in sorted({m.count("T") for m in pre.num}, reverse=True):
        part: Any = {tuple(v for v in m if v != "T"): Fraction(c) for m, c in pre.num.items() if m.count("T") == top}
        slope = part.pop(("k",), None)
        if slope and not any("k" in m for m in part):
            zero = Ratio({m: -c / slope for m, c in part.items() if c})
            yield from (zero, zero - 1)


def parted_last(last: str) -> tuple[Ratio, int]:
    """(P, d) of the last k of a range, floor(P/d): a whole k is at most that iff d k <= P. Raises Undecided."""
    top, _, share = last.rpartition("//") if "//" in last else (last, "", "1")
    if "/" in top or not share.strip().isdigit() or int(share) < 1:
        raise Undecided(f"units up to {last}")
    return weight(top.strip()), int(share)


def summed(term: Ratio, K: Ratio) -> Ratio:
    """sum over k = 1..K of a polynomial of degree <= 3 in k, by the four formulas; empty for K = 0. Raises Undecided."""
    n = K + 1
    powers = [K, K * n / Ratio(2), K * n * (K * 2 + 1) / Ratio(6), K * n * K * n / Ratio(4)]
    out = Ratio(0)
    for m, c in term.num.items():
        degree = m.count("k")
        if degree > 3:
            raise Undecided("a sum over units of more than the third degree")
        out = out + Ratio({tuple(v for v in m if v != "k"): c}) * powers[degree]
    return out * Ratio({(): 1}, term.den)
