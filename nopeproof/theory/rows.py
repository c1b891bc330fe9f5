"""One function of t and a row of the residual, read on numbers and on symbols: what the predicate computes is what the prover proves.

`Symbol` is a rational function of t and the counts at one kind of place (`counting`) that answers like a number: + - * / ** with numbers,
and == or != where that is decided at every position of the kind; where it is not, the claim stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from nopeproof.claims import Holds, Site
from nopeproof.kernel import Ratio
from nopeproof.residual import Subspace
from nopeproof.theory.algorithms import level, named, shown_by, stream_of
from nopeproof.theory.counting import Counting
from nopeproof.theory.places import Place, Undecided, put


class Symbol:
    """A rational function at a place, as a number."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, place: Place, x: Any) -> None:
        self.place, self.x = place, x.x if isinstance(x, Symbol) else x if isinstance(x, Ratio) else Ratio(x)

    def _with(self, other: Any, f: Callable[[Ratio, Ratio], Ratio]) -> Symbol:
        return Symbol(self.place, f(self.x, Symbol(self.place, other).x))

    def __add__(self, other: Any) -> Symbol:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Symbol:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Symbol:
        return self._with(other, lambda a, b: a * b)

    def __truediv__(self, other: Any) -> Symbol:
        y = Symbol(self.place, other)
        if y == 0:
            raise Undecided("a division by 0")
        return self._with(y, lambda a, b: a / b)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> Symbol:
        return Symbol(self.place, other) - self

    def __rtruediv__(self, other: Any) -> Symbol:
        return Symbol(self.place, other) / self

    def __neg__(self) -> Symbol:
        return 0 - self

    def __pow__(self, n: int) -> Symbol:
        if type(n) is not int or n < 0:
            raise Undecided(f"a power of {n}")
        out = Symbol(self.place, 1)
        for _ in range(n):
            out = out * self
        return out

    def __bool__(self) -> bool:
        return self != 0

    def __lt__(self, other: Any) -> bool:
        raise Undecided("an order of numbers: only whether they are equal is read here")

    __le__ = __gt__ = __ge__ = __lt__

    def __eq__(self, other: object) -> bool:
        """Raises Undecided unless it is so, or not so, at every position of the kind."""
        gap = put(self._with(other, lambda a, b: a - b).x, self.place.fixed())
        if not gap.num:
            return True
        if self.place.nonnegative(gap, strict=True) or self.place.nonnegative(gap * -1, strict=True):
            return False
        raise Undecided(f"whether two numbers are equal is not the same at every position: {named(self.place)}")


def each_row(says: str, site: Site, part: Subspace, test: Callable[[Any, list[Any]], Any]) -> Holds:
    """At every t, test(t, row) is true, row the part's coordinates at the site. test: with + - * / ** and == alone."""
    indices = list(part.indices)

    def predicate(trace: Any) -> bool:
        stream_of(part, trace.circuit)
        return all(test(Fraction(t), [row[n] for n in indices]) for t, row in enumerate(trace.at(site), 1))

    def goal(run: Counting) -> Iterator[str]:
        stream_of(part, run.circuit)
        for place in run.after(level(site)):
            if not test(Symbol(place, "t"), [Symbol(place, place.x[n]) for n in indices]):
                raise Undecided(f"not so at {named(place)}")
            yield f"{named(place)}: shown"

    by = shown_by(goal)
    by.rests_on = test  # type: ignore[attr-defined]  # whose it is decides whose proof this is
    return Holds(says, predicate, by)
