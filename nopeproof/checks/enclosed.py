"""Three helpers for where neither the kernel nor an exact run speaks.

Violations read off a ball run, reported only where the enclosures exclude the claim; predicates of a ball run, whose every comparison
is decided by the enclosures or refused; and frames that hold because no sub-layer writes to the coordinates, whatever the mask, norm
or activation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import flint

from nopeproof.checks.evaluate import value_of
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Holds, ScoreIs, Statement, Unchanged, Within
from nopeproof.errors import NopeproofError
from nopeproof.run import run
from nopeproof.run.exact import ExpNumber
from nopeproof.run.trace import Trace
from nopeproof.scalars import Scalar

BITS = 192


class Enclosed:
    """A number known up to a ball. It is equal to whatever its ball may hold, and less than whatever it is not surely above."""

    __slots__ = ("ball",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, x: Any) -> None:
        self.ball = x.ball if isinstance(x, Enclosed) else x if isinstance(x, flint.arb) else _ball(x)

    def __sub__(self, other: Any) -> Enclosed:
        with flint.ctx.workprec(BITS):
            return Enclosed(self.ball - Enclosed(other).ball)

    def __rsub__(self, other: Any) -> Enclosed:
        return Enclosed(other) - self

    def __eq__(self, other: object) -> bool:
        return bool((self - other).ball.contains(0))

    def __lt__(self, other: Any) -> bool:
        return not bool((self - other).ball >= 0)

    def __abs__(self) -> Enclosed:
        return Enclosed(abs(self.ball))

    def __float__(self) -> float:
        return float(self.ball.mid())

    def __repr__(self) -> str:
        return f"~{float(self):.6g} (in a ball)"


class Decided:
    """A number known up to a ball, as a predicate reads it: a comparison is what it is at every point of the ball.

    Raises NopeproofError for a comparison or a quotient of which the ball says nothing, so that what a predicate answers, it answers of
    the number itself. It has no hash, and is no float and no whole number.
    """

    __slots__ = ("ball",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, x: Any) -> None:
        self.ball = x.ball if isinstance(x, Decided) else x if isinstance(x, flint.arb) else _ball(x)

    def __eq__(self, other: object) -> bool:
        return _read(other, lambda: self is other or self._gap(other, lambda d: bool(d.is_zero()), lambda d: not d.contains(0)))

    def __lt__(self, other: Any) -> bool:
        return _read(other, lambda: self._gap(other, lambda d: bool(d < 0), lambda d: bool(d >= 0)))

    def __le__(self, other: Any) -> bool:
        return _read(other, lambda: self._gap(other, lambda d: bool(d <= 0), lambda d: bool(d > 0)))

    def __gt__(self, other: Any) -> bool:
        return _read(other, lambda: not self <= other)

    def __ge__(self, other: Any) -> bool:
        return _read(other, lambda: not self < other)

    def __bool__(self) -> bool:
        return self != 0

    def __add__(self, other: Any) -> Decided:
        return _read(other, lambda: Decided(self.ball + Decided(other).ball))

    def __sub__(self, other: Any) -> Decided:
        return _read(other, lambda: Decided(self.ball - Decided(other).ball))

    def __mul__(self, other: Any) -> Decided:
        return _read(other, lambda: Decided(self.ball * Decided(other).ball))

    def __truediv__(self, other: Any) -> Decided:
        return _read(other, lambda: self._over(Decided(other)))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Decided:
        return _read(other, lambda: Decided(other) - self)

    def __rtruediv__(self, other: Any) -> Decided:
        return _read(other, lambda: Decided(other) / self)

    def __pow__(self, power: int) -> Decided:
        return _read(power, lambda: Decided(self.ball**power)) if type(power) is int and power >= 0 else NotImplemented

    def __neg__(self) -> Decided:
        return Decided(-self.ball)

    def __abs__(self) -> Decided:
        return Decided(abs(self.ball))

    def __repr__(self) -> str:
        return f"~{float(self.ball.mid()):.6g} (in a ball)"

    def _gap(self, other: Any, surely: Callable[[flint.arb], bool], surely_not: Callable[[flint.arb], bool]) -> bool:
        gap = (self - other).ball
        if surely(gap) or surely_not(gap):
            return surely(gap)
        raise NopeproofError("a comparison of two numbers that are not exact", f"{self!r} and {other!r}, in balls that overlap", OTHERWISE)

    def _over(self, other: Decided) -> Decided:
        if not other:  # 0 itself; a ball that may hold it, and more, is refused by the question
            raise ZeroDivisionError("division by zero")
        return Decided(self.ball / other.ball)


OTHERWISE = "a predicate with room for rounding, such as a weight of more than 1/2"
NUMBERS = (int, float, Fraction, ExpNumber, flint.arb, Decided)


def _read(other: Any, make: Callable[[], Any]) -> Any:
    """What is made with another number, in the precision of these balls; NotImplemented if it is none."""
    if not isinstance(other, NUMBERS):
        return NotImplemented
    with flint.ctx.workprec(BITS):
        return make()


def _ball(x: Any) -> flint.arb:
    if hasattr(x, "enclosure"):
        return x.enclosure(BITS)
    with flint.ctx.workprec(BITS):
        return flint.arb(x) if isinstance(x, float) else flint.arb(flint.fmpq(x.numerator, x.denominator))


def can_enclose(statement: Statement) -> bool:
    """Whether overlapping balls never make a violation of it: not where states are compared with each other, or predicates."""
    return not (isinstance(statement, Holds) or (isinstance(statement, ScoreIs) and bool(statement.content)))


class DecidedTrace(Trace):
    """A ball run of `Decided` numbers, for predicates."""

    def lift(self, x: Scalar) -> Decided:
        """An exact number, enclosed."""
        with flint.ctx.workprec(BITS):
            return Decided(super().lift(x))


def enclosed_trace(circuit: Circuit, word: tuple[str, ...]) -> Trace:
    """A ball run of `Enclosed` numbers: a violation read off it is certain, for statements that `can_enclose`."""
    return _in_balls(circuit, word, Trace, Enclosed)


def decided_trace(circuit: Circuit, word: tuple[str, ...]) -> Trace:
    """A ball run of `Decided` numbers: what a predicate answers of it is certain."""
    return _in_balls(circuit, word, DecidedTrace, Decided)


def _in_balls(circuit: Circuit, word: tuple[str, ...], kind: type[Trace], number: Callable[[Any], Any]) -> Trace:
    trace = run(circuit, word, "ball", bits=BITS)
    grid = lambda rows: [[None if x is None else number(x) for x in row] for row in rows]  # noqa: E731
    residuals = {site: grid(rows) for site, rows in trace.residuals.items()}
    kept = lambda rows: None if rows is None else grid(rows)  # noqa: E731
    heads = {key: replace(h, scores=kept(h.scores), made=kept(h.weights), output=kept(h.output)) for key, h in trace.heads.items()}
    return kind(circuit, trace.word, trace.arithmetic, residuals, heads)


def surely_within(statement: Within, trace: Trace, T: int) -> bool:
    """Whether every ball of an enclosed trace lies within the claimed error, strictly."""
    rows, error = trace.at(statement.site), Enclosed(value_of(statement.error))
    gaps = [abs(rows[t - 1][statement.index] - value_of(statement.value, t=t, T=T)) for t in range(1, trace.T + 1)]
    return all(bool(gap.ball < error.ball) for gap in gaps)


def untouched(claim: Claim) -> bool:
    """Whether it is a frame claim in real numbers about coordinates that nothing between its two sites writes to."""
    statement = claim.statement
    if not isinstance(statement, Unchanged) or claim.scope.arithmetic != "real":
        return False
    order = lambda block, after: 2 * block + (after == "ffn")  # noqa: E731
    low, high = (order(s.block, s.after) for s in (statement.start, statement.end))
    written: set[int] = set()
    for b, block in enumerate(claim.circuit.blocks, 1):
        for after, parts in (("attention", block.heads), ("ffn", [block.mlp] if block.mlp else [])):
            if low < order(b, after) <= high:
                written |= {i for part in parts for i in part.writes}
    return not written & set(statement.indices)
