"""Inequalities at every position: |coordinate - value| < error in real numbers, and equalities up to a length, outside fragment K.

The coordinate is the kernel's own symbolic run of the weights, so nothing here retypes a formula. It is wanted as a rational
function of the position t alone, for each class of token there. Then the claim is a statement about polynomials: decided for
whole ranges of t by the signs of coefficients or by counting real roots (Sturm), and t by t where units switch on and off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from nopeproof import kernel
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Equals, Evidence, Within

TOOL = "inequality prover: exact bounds on the kernel's symbolic run"
SECONDS = 10.0  # of processor time
STARTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256)


class Unbounded(Exception):
    """No bound is found, or it does not hold; the message says where."""


@dataclass(frozen=True)
class Slack:
    """error - |coordinate - value| at one class of token, from two sides; in both, a quotient with a positive denominator."""

    token: str
    sides: tuple[kernel.Ratio, kernel.Ratio]

    @property
    def names(self) -> set[str]:
        """What it is a function of, besides numbers."""
        return self.sides[0].names() | self.sides[1].names()


def bound(claim: Claim) -> Evidence | None:
    """`proved`, or `open` with the reason; None for a claim that is not of this kind.

    Of this kind are Within claims, and Equals claims up to a length, of one circuit in real numbers.
    """
    statement, scope, start = claim.statement, claim.scope, time.process_time()
    within = type(statement) is Within
    bounded = type(statement) is Equals and isinstance(scope.t_max, int)
    if not (within or bounded) or not isinstance(claim.subject, Circuit) or scope.arithmetic != "real":
        return None
    try:
        steps = tuple(Positions(claim, start + SECONDS).all())
    except (Unbounded, kernel.Reject) as why:
        return Evidence("open", scope, TOOL, time.process_time() - start, reason=str(why))
    vocabulary = "given" if claim.circuit.embedding.other is None else "every"
    shown = replace(scope, t_min=1, vocabulary=vocabulary, parameters="all")
    return Evidence("proved", shown, TOOL, time.process_time() - start, steps=steps)


class Positions:
    """One claim, position after position."""

    def __init__(self, claim: Claim, deadline: float) -> None:
        statement, circuit = claim.statement, claim.circuit
        assert isinstance(statement, Equals)
        wanted = "any" if circuit.bos is None else "bos-first"
        if claim.scope.words != wanted or (claim.scope.vocabulary == "every" and circuit.embedding.other is None):
            raise Unbounded("its words or its vocabulary are not those that the circuit is run on")
        if circuit.mentions_T:
            raise Unbounded("weights that mention T are other ones for each T")
        self.checker = kernel.Checker(circuit.as_json(), {"modulus": 1, "singles": 1, "units": {}})
        self.statement, self.bos, self.deadline = statement, circuit.bos, deadline
        self.t_max = claim.scope.t_max
        self.first = 1 if circuit.bos is None else 2

    def all(self) -> Iterator[str]:
        """What was shown, in steps that together cover every position. Raises Unbounded."""
        if self.bos is not None:
            yield self.one(1)
        done = self.first - 1
        for start in STARTS:
            if isinstance(self.t_max, int) and start > self.t_max:
                break
            if start <= done:
                continue
            while done < start - 1:
                done += 1
                yield self.one(done)
            if self.rest(start):
                yield f"t = {start}, ..., {self.t_max or 'every length'}: no sign change of the polynomials in t"
                return
        if not isinstance(self.t_max, int):
            raise Unbounded(f"no bound for all t >= {STARTS[-1]}: {self.why(STARTS[-1])}")
        self.one(self.t_max)  # where most that fail do
        for t in range(done + 1, self.t_max + 1):
            yield self.one(t)

    def slack(self, token: str, p: kernel.Ratio) -> Slack:
        """At t = p."""
        s = self.statement
        case = kernel.Case(token, p, "t", "")
        self.checker.cache = {k: v for k, v in self.checker.cache.items() if k[2] != "t"}  # this key stands for another t each time
        off = self.checker.at(s.index, case, s.site.block, s.site.after) - kernel.read(s.value, {"t": p})
        error = kernel.read(s.error, {}) if isinstance(s, Within) else kernel.Ratio(0)
        return Slack(token, (error - off, error + off))

    def tokens(self, t: int) -> list[str]:
        """The classes that may stand there."""
        return [self.bos] if self.bos is not None and t == 1 else [x for x in self.checker.embed if x != self.bos]

    def one(self, t: int) -> str:
        """The claim at one position, exactly. Raises Unbounded."""
        if time.process_time() > self.deadline:
            raise Unbounded(f"shown up to t = {t - 1}, and no further in {SECONDS:g} s")
        least = None
        for slack in (self.slack(token, kernel.Ratio(t)) for token in self.tokens(t)):
            if slack.names:
                raise Unbounded(f"at t = {t} the coordinate is a function of more than t: {', '.join(sorted(slack.names)[:3])}")
            values = [sum(map(Fraction, side.num.values())) for side in slack.sides]  # one term, or none
            strict = isinstance(self.statement, Within)
            if not all(v > 0 if strict else v == 0 for v in values):
                raise Unbounded(f"it does not hold at t = {t} ({slack.token})")
            least = min(values) if least is None else min(least, *values)
        return f"t = {t}: the claim holds with {least} to spare"

    def rest(self, start: int) -> bool:
        """Whether the claim is shown for all t from `start` to the end at once."""
        for slack in (self.slack(token, kernel.Ratio("r@t") + start) for token in self.tokens(self.first)):
            if not slack.names <= {"r@t"}:
                return False
            if not all(self.positive(side, start) for side in slack.sides):
                return False
        return True

    def positive(self, side: kernel.Ratio, start: int) -> bool:
        """side > 0 (for an equality: = 0) at every r from 0 to the end."""
        if not isinstance(self.statement, Within):
            return not side.num
        if any(c < 0 for c in side.den.values()) or () not in side.den:  # its denominator is a sum of weights: positive, but let it show
            return False
        if side.above() and () in side.num:
            return True
        return isinstance(self.t_max, int) and _no_root(side.num, self.t_max - start)

    def why(self, start: int) -> str:
        """What stands in the way."""
        for slack in (self.slack(token, kernel.Ratio("r@t") + start) for token in self.tokens(self.first)):
            if not slack.names <= {"r@t"}:
                return "the coordinate is known as a function of t only where it is known which units are on"
        return "the error allowed is reached"


def _no_root(polynomial: dict, end: int) -> bool:
    """A polynomial in r@t that is > 0 at 0 and has no real root in [0, end]: decided, by Sturm's theorem."""
    import sympy

    r = sympy.Symbol("r")
    terms = {len(m): sympy.Rational(Fraction(c).numerator, Fraction(c).denominator) for m, c in polynomial.items()}
    p = sympy.Poly({(n,): c for n, c in terms.items()}, r, domain="QQ") if terms else None
    return p is not None and terms.get(0, 0) > 0 and p.count_roots(0, end) == 0
