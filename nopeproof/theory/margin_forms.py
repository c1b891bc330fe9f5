"""Closed forms of the margins of a clock, shown for every T: `margins` computes them for one T, from the same weights.

A clock is a one-layer read-out g(x) = x + sum of w relu(b + s x) with w, b >= 0 >= s, at x = 1/t: some hidden units by themselves, and
a range k = first..last(T) whose weights are polynomials in k and whose pre-activations fall with k. So at a given x those up to some
k = K are on, and g(x) is a sum in closed form. Because w >= 0,

    g is convex: where g(c) = t and g <= t + 1/2 at the ends of an interval around c, g < t + 1/2 inside it;
    g lies above each of its lines L (units that are on at c taken without their relu): where L >= t - 1/2 at both ends, g > t - 1/2 inside.

So no noise inside an interval does harm if this holds at its ends, and it is the largest such interval if at some t an end is off by
exactly 1/2. The same in the size of an error on W_1, as |b| = b and |s| = -s: what a unit reads moves between b (1 - e) + s x (1 + e) and
b (1 + e) + s x (1 - e). Errors on W_2 add up to e (g(x) - x).

Each of these is an inequality between rational functions of t and T. They are decided case by case: t = p m + r, T = p M + q for the
period p with which last(T) goes, m and M >= m free. A polynomial without a negative coefficient is >= 0; where there is one, the case is
divided into 0 and from 1 on.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor
from typing import Any

from nopeproof import kernel
from nopeproof.circuit import Circuit, Family, Units
from nopeproof.claims import Claim, Evidence, Holds
from nopeproof.errors import NopeproofError
from nopeproof.kernel import Ratio
from nopeproof.laws import value
from nopeproof.residual import Subspace, Vector
from nopeproof.scalars import spell
from nopeproof.theory import margins
from nopeproof.theory.places import Place, Undecided, last_on, number, parted_last, put, summed, weight
from nopeproof.theory.rows import Symbol

TOOL = "margins of the read-out for symbolic t and T, from the family's weights"
KINDS = ("input", "scores", "W_1", "W_2")
DEPTH = 4  # how often a case is divided
HALF = Ratio(Fraction(1, 2))


def margin_forms(
    says: str, one: Subspace, pos: Subspace, units: str, forms: Mapping[str, str], worst: Mapping[str, str], first: int, period: int = 1
) -> Holds:
    """The four margins of a clock for T, T the length of the word, are these expressions in T, and E, the largest even number up to T.

    The clock is block 1's FFN, whose units read the two rows and no other. Nothing is said of words of another length than the one that
    the circuit is made for, by its number of units.

    Args:
        says: the statement in words.
        one: the row that is always 1.
        pos: the row that holds 1/t in front of the FFN of block 1, and t behind it.
        units: how many there are, "linear in T" or "(linear in T) // n".
        forms: {"input", "scores", "W_1", "W_2"}: relative noise on 1/t, e^(2 d) for noise d on scores, relative noise on W_1, on W_2.
        worst: at which position each is attained, an expression in T and E.
        first: the least T that is spoken of.
        period: with which the number of hidden units goes. E is known where it is even.

    Raises NopeproofError for a form in anything else, or a period below 1.
    """
    if type(period) is not int or period < 1:
        raise NopeproofError(f"margins with the period {period!r}", "without residues there is no case to show", "a whole number from 1")
    i, j, names = one.start, pos.start, {"T", "E"} if period % 2 == 0 else {"T"}
    for text in [*forms.values(), *worst.values()]:
        if unknown := sorted({n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)} - names):
            raise NopeproofError(f"the form {text!r}", f"{', '.join(unknown)} in it", f"an expression in {' and '.join(sorted(names))}")

    def predicate(trace: object) -> bool:
        circuit, T = trace.circuit, trace.T  # type: ignore[attr-defined]
        if len(circuit.blocks[0].mlp.units) != number_of(units, T):
            return True
        if any({*entries(u.read)} - {i, j} for u in circuit.blocks[0].mlp.units):
            return False
        try:
            g = margins.read_out(circuit, 1, j, j, {i: Fraction(1)})
            read = margins.weight_margin(circuit, 1, j, j, {i: Fraction(1)}, T)
            found = (margins.input_margin(g, T), margins.logit_margin(g, T), read, margins.write_margin(g, T))
        except (NopeproofError, ValueError, ZeroDivisionError):  # it is wrong without noise, or no noise does harm
            return False
        names = {"T": Fraction(T), "E": Fraction(T // 2 * 2)}
        return all(value(forms[kind], names) == x for kind, x in zip(KINDS, found, strict=True))

    def by(claim: Claim) -> Evidence:
        start, scope, subject = time.perf_counter(), claim.scope, claim.subject
        try:
            if type(subject) is not Family or scope.t_min < max(first, subject.T_min) or scope.arithmetic != "real":
                raise Undecided(f"said of a family, in real numbers, from T = {first} on")
            clock = clock_of(subject.symbolic, i, j)
            _width(clock, units)
            steps = tuple(_shown(clock, forms, worst, scope.t_min, period))
        except (Undecided, kernel.Reject) as why:
            return Evidence("open", scope, TOOL, time.perf_counter() - start, reason=str(why))
        return Evidence("proved", replace(scope, t_max="T", parameters="all"), TOOL, time.perf_counter() - start, steps=steps)

    return Holds(says, predicate, by)


def number_of(units: str, T: int) -> int:
    """How many units there are for a T."""
    top, share = parted_last(units)
    return floor(number(put(top, {"T": Ratio(T)})) / share)


def _width(clock: Clock, units: str) -> None:
    """Raise Undecided unless the clock has that many units for every T."""
    (top, share), (told, by) = clock.last, parted_last(units)
    if share != by or (top + share * (len(clock.alone) + 1 - clock.first) - told).num:
        raise Undecided(f"the FFN does not have {units} units")


NOWHERE = Place("any", (), ())  # variables are >= 0 there, and nothing else is known


def expression(text: str, case: Case) -> Ratio:
    """An expression in T and E. Raises Undecided where it is not known to have a value."""
    names = {"T": Symbol(NOWHERE, case.T)} | ({} if case.below is None else {"E": Symbol(NOWHERE, case.T - case.below)})
    return Symbol(NOWHERE, value(text, names)).x


# --- the clock ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ramp:
    """write * relu(bias + slope * x), of a unit by itself or, in k, of a range."""

    bias: Ratio
    slope: Ratio
    write: Ratio

    def at(self, x: Ratio, up: Ratio) -> Ratio:
        """The pre-activation with an error on what it reads that raises it most, as a share; negative: that lowers it."""
        return self.bias * (up + 1) + self.slope * x * (Ratio(1) - up)


@dataclass(frozen=True)
class Clock:
    """The read-out of a family: units by themselves, and a range of them."""

    alone: tuple[Ramp, ...]
    ranged: Ramp
    first: int
    last: tuple[Ratio, int]
    """(P, d): up to floor(P/d)."""


def entries(v: Any) -> dict[int, Ratio]:
    """A vector of weights by coordinate."""
    return {n: weight(spell(x)) for n, x in v.entries} if isinstance(v, Vector) else {}


def clock_of(circuit: Circuit, one: int, pos: int) -> Clock:
    """The clock in block 1's FFN. Raises Undecided where it is not of the form above."""
    if not circuit.blocks:
        raise Undecided("no block")
    block, alone, ranges = circuit.blocks[0], [], []
    plain = block.mlp is not None and block.mlp.activation == "relu" and block.norm_ffn is None
    if not plain or pos in entries(block.mlp.b_2):  # type: ignore[union-attr]
        raise Undecided("no FFN of ReLU units without a norm and an output bias")
    for unit in block.mlp.units:  # type: ignore[union-attr]
        beside = [*entries(unit.write).values(), *entries(block.mlp.b_2).values()]  # type: ignore[union-attr]
        if any(v != "T" and v != "k" for x in beside for v in x.names()):
            raise Undecided("weights that are not rational")
        read, write = entries(unit.read), entries(unit.write)
        if set(read) - {one, pos} or weight(spell(unit.bias)).num:  # type: ignore[arg-type]
            raise Undecided("a unit that reads more than the clock, or has a bias")
        ramp = Ramp(*(part.get(n, Ratio(0)) for part, n in ((read, one), (read, pos), (write, pos))))
        (ranges if isinstance(unit, Units) else alone).append((unit, ramp))
    if len(ranges) != 1:
        raise Undecided(f"{len(ranges)} ranges of units, where one is understood")
    [(unit, ramp)] = ranges
    if not unit.first.strip().isdigit() or any(x.names() - {"k"} for x in (ramp.bias, ramp.slope, ramp.write)):
        raise Undecided("a range whose first k is no number, or whose weights depend on T")
    low = int(unit.first)
    later = Ramp(*(put(x, {"k": Ratio("k") + low}) for x in (ramp.bias, ramp.slope, ramp.write)))
    for r in (later, *(r for _, r in alone)):
        if r is not later and any(x.names() for x in (r.bias, r.slope, r.write)):
            raise Undecided("a unit by itself whose weights depend on T")
        if not all(map(nonnegative, (r.bias, r.slope * -1, r.write))):
            raise Undecided("a unit that does not have w, b >= 0 >= s")
    last = parted_last(unit.last)
    if last[0].names() - {"T"}:
        raise Undecided(f"units up to {unit.last}")
    return Clock(tuple(r for _, r in alone), ramp, low, last)


def nonnegative(x: Ratio) -> bool:
    """True only if x >= 0 wherever its variables are, its denominator being of one sign: no coefficient is of the other."""
    return any(all(sign * c >= 0 for p in (x.num, x.den) for c in p.values()) for sign in (1, -1))


@dataclass(frozen=True)
class Case:
    """t and T as polynomials in whole a, d >= 0; below: T - E, if it is known whether T is odd."""

    t: Ratio
    T: Ratio
    below: int | None = None

    def divided(self, v: str) -> list[Case]:
        """At 0, and from 1 on."""
        return [replace(self, t=put(self.t, {v: y}), T=put(self.T, {v: y})) for y in (Ratio(0), Ratio(v) + 1)]

    def __str__(self) -> str:
        return f"t = {said(self.t)}, T = {said(self.T)}"


def said(x: Ratio) -> str:
    """A polynomial in a and d, for a reader."""
    return " + ".join(f"{c}*{'*'.join(m)}" if m else str(c) for m, c in sorted(x.num.items())) or "0"


class At:
    """The clock at one case."""

    def __init__(self, clock: Clock, case: Case) -> None:
        self.clock, self.case, self.x = clock, case, Ratio(1) / case.t
        pre = clock.ranged.at(self.x, Ratio(0))
        zeros = [z for z in last_on(pre) if not z.den.keys() - {()}]
        near = [Ratio({m: c if m else floor(c) for m, c in ({(): 0} | dict(z.num)).items()}) for z in zeros[:1]]
        self.near = [K + shift for K in (*near, Ratio(clock.first - 1)) for shift in (0, -1, 1)]
        self.near = [K for K in self.near if all(Fraction(c).denominator == 1 for c in K.num.values())]

    def on(self, x: Ratio, up: Ratio) -> tuple[tuple[bool, ...], Ratio]:
        """Which units alone are on, and K. Raises Undecided."""
        clock, (top, share) = self.clock, put_pair(self.clock.last, self.case.T)
        alone = []
        for r in clock.alone:
            pre = r.at(x, up)
            if not nonnegative(pre) and not nonnegative(pre * -1):
                raise Undecided(f"whether a unit is on at {self.case}")
            alone.append(nonnegative(pre))
        pre = clock.ranged.at(x, up)
        at = lambda k: put(pre, {"k": k})  # noqa: E731
        if not nonnegative(pre - at(Ratio("k") + 1)):
            raise Undecided(f"pre-activations that do not fall with k at {self.case}")
        for K in self.near:
            rest = top - K * share  # the last k is K if 0 <= rest < share
            none = not (K - (clock.first - 1)).num
            some = nonnegative(K - clock.first) and nonnegative(rest) and nonnegative(at(K))
            ends = nonnegative(at(K + 1) * -1) or (nonnegative(rest) and nonnegative(Ratio(share - 1) - rest))
            if (none or some) and ends:
                return tuple(alone), K
        raise Undecided(f"up to which k units are on at {self.case}")

    def line(self, x: Ratio, up: Ratio, on: tuple[tuple[bool, ...], Ratio]) -> Ratio:
        """x and what those units add, without their relu: at most g there, and g itself where these are the units that are on."""
        alone, K = on
        pre = self.clock.ranged.at(x, up) * self.clock.ranged.write
        ranged = summed(pre, K) - summed(pre, Ratio(self.clock.first - 1))
        return x + ranged + sum((r.write * r.at(x, up) for r, yes in zip(self.clock.alone, alone, strict=True) if yes), Ratio(0))

    def lines(self) -> Iterator[tuple[tuple[bool, ...], Ratio]]:
        """Choices of units whose line goes through (1/t, t): those that are on there, with or without those that are just 0."""
        (alone, _), (top, share) = self.on(self.x, Ratio(0)), put_pair(self.clock.last, self.case.T)
        for K in self.near:
            there = nonnegative(K - (self.clock.first - 1)) and nonnegative(top - K * share)
            for some in (alone, tuple(yes and bool(r.at(self.x, Ratio(0)).num) for r, yes in zip(self.clock.alone, alone, strict=True))):
                if there and not (self.line(self.x, Ratio(0), (some, K)) - self.case.t).num:
                    yield some, K

    def value(self, x: Ratio, up: Ratio | None = None) -> Ratio:
        """g there. Raises Undecided."""
        up = up or Ratio(0)
        return self.line(x, up, self.on(x, up))


def put_pair(last: tuple[Ratio, int], T: Ratio) -> tuple[Ratio, int]:
    return put(last[0], {"T": T}), last[1]


# --- what is shown -------------------------------------------------------------------------------------------------------------


def ends(case: Case, kind: str, form: Ratio) -> list[tuple[Ratio, Ratio]]:
    """The (x, error on W_1) between which that noise moves what is read."""
    t, zero, one = case.t, Ratio(0), Ratio(1)
    if kind == "input":
        return [((one - form) / t, zero), ((one + form) / t, zero)]
    if kind == "scores":
        return [(one / (one + (t - 1) * form), zero), (one / (one + (t - 1) / form), zero)]
    return [(one / t, form * -1), (one / t, form)]


def holds_inside(clock: Clock, case: Case, kind: str, form: Ratio) -> None:
    """Raise Undecided unless no noise inside does harm in this case."""
    here = At(clock, case)
    if (here.value(here.x) - case.t).num:
        raise Undecided(f"the read-out is not t at {case}")
    if kind == "W_2":
        if not nonnegative(Ratio(1) / (form * 2) - (case.t - here.x)):
            raise Undecided(f"W_2 at {case}")
        return
    if kind == "scores" and not (case.t - 1).num:
        return  # one key
    moved = ends(case, kind, form)
    below = any(all(nonnegative(here.line(x, up, on) - case.t + HALF) for x, up in moved) for on in here.lines())
    if not below or not all(nonnegative(case.t + HALF - here.value(x, up)) for x, up in moved):
        raise Undecided(f"{kind} at {case}")


def attained(clock: Clock, case: Case, kind: str, form: Ratio) -> None:
    """Raise Undecided unless an end is off by exactly 1/2 in this case, and its t is a position up to T."""
    position = case.t.den == {(): 1} and all(Fraction(c).denominator == 1 for c in case.t.num.values())
    if not position or not nonnegative(case.t - 1) or not nonnegative(case.T - case.t):
        raise Undecided(f"t = {said(case.t)} is no position up to T = {said(case.T)}")
    here = At(clock, case)
    if kind == "W_2":
        if not (Ratio(1) / (form * 2) - (case.t - here.x)).num:
            return
    else:
        for x, up in ends(case, kind, form):
            gap = here.value(x, up) - case.t
            if not (gap - HALF).num or not (gap + HALF).num:
                return
    raise Undecided(f"{kind} is not attained at {case}")


def _shown(clock: Clock, forms: Mapping[str, str], worst: Mapping[str, str], first: int, period: int) -> Iterator[str]:
    for kind in KINDS:

        def inside(case: Case, kind: str = kind) -> None:
            form = expression(forms[kind], case)
            above = form - (1 if kind == "scores" else 0)
            if not (nonnegative(above) and above.num and (kind == "scores" or nonnegative(Ratio(1) - form))):
                raise Undecided(f"the form for {kind} is no margin at {case}")
            holds_inside(clock, case, kind, form)

        def reached(case: Case, kind: str = kind) -> None:
            attained(clock, replace(case, t=expression(worst[kind], case)), kind, expression(forms[kind], case))

        count = sum(_divided(inside, case, DEPTH) for residue in range(period) for case in _cases(residue, first, period))
        yield f"{kind}: nothing inside does harm, in {count} cases of t <= T"
        count = sum(_divided(reached, case, DEPTH) for case in _lengths(first, period))
        yield f"{kind}: attained at t = {worst[kind]}, in {count} cases of T"


def _lengths(first: int, period: int) -> Iterator[Case]:
    """All T >= first."""
    for q in range(period):
        yield Case(Ratio(1), Ratio("d") * period + (first + (q - first) % period), _below(q, period))


def _below(q: int, period: int) -> int | None:
    return None if period % 2 else q % 2


def _cases(q: int, first: int, period: int) -> Iterator[Case]:
    """All t = 1..T, T >= first of one residue q."""
    for r in range(period):
        t = Ratio("a") * period + (r or period)
        yield from _from(Case(t, t + Ratio("d") * period + (q - r) % period, _below(q, period)), first)


def _from(case: Case, first: int) -> Iterator[Case]:
    """The part of a case with T >= first."""
    least = sum(Fraction(c) for m, c in case.T.num.items() if not m)
    if least >= first:
        yield case
    elif "a" in case.T.names():
        yield from (part for half in case.divided("a") for part in _from(half, first))
    else:
        yield from _from(case.divided("d")[1], first)


def _divided(show: Callable[[Case], None], case: Case, depth: int) -> int:
    """How many cases it took. Raises Undecided."""
    try:
        show(case)
        return 1
    except Undecided as why:
        last = why
    for v in ("d", "a"):
        if depth and v in case.T.names() | case.t.names():
            try:
                return sum(_divided(show, part, depth - 1) for part in case.divided(v))
            except Undecided as why:
                last = why
    raise last
