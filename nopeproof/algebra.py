"""Exact numbers as quotients of polynomials, and the text they are read from.

What weights, claims and exact runs are made of. The kernel has an arithmetic of its own and shares no code with this one: an exact
run that guards a proof does not rest on what the proof rests on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from math import isqrt

LARGEST = 10_000  # bound on the size of expressions: beyond it they are refused, not worked on for ever


class NotExact(Exception):
    """A text that is no exact number, or a division by zero."""


class Poly:
    """A polynomial over the rationals: {monomial: coefficient}, a monomial being ((variable, exponent), ...).

    Exponents of "e" and "e^rtM" are rational (they stand for e^q and e^(q sqrt M)); all others are natural numbers.
    """

    __slots__ = ("terms",)

    def __init__(self, terms: dict) -> None:
        self.terms = {m: c for m, c in terms.items() if c}

    def __add__(self, other: Poly) -> Poly:
        out = dict(self.terms)
        for m, c in other.terms.items():
            out[m] = out.get(m, 0) + c
        return Poly(out)

    def __neg__(self) -> Poly:
        return Poly({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Poly) -> Poly:
        return self + -other

    def __mul__(self, other: Poly) -> Poly:
        out: dict = {}
        for m1, c1 in self.terms.items():
            for m2, c2 in other.terms.items():
                powers = dict(m1)
                c = c1 * c2
                for v, n in m2:
                    powers[v] = powers.get(v, 0) + n
                    if v.startswith("rt") and powers[v] >= 2:  # rtM * rtM = M
                        c, powers[v] = c * int(v[2:]) ** (powers[v] // 2), powers[v] % 2
                m = tuple(sorted((v, n) for v, n in powers.items() if n))
                out[m] = out.get(m, 0) + c
        return Poly(out)

    def variables(self) -> set[str]:
        return {v for m in self.terms for v, _ in m}

    def constant(self) -> Fraction | None:
        """The value, if no variable occurs."""
        if len(self.terms) > 1 or (self.terms and () not in self.terms):
            return None
        value = self.terms.get((), 0)
        return value if isinstance(value, Fraction) else Fraction(value)

    def times(self, factor: Fraction) -> Poly:
        """The polynomial times a number."""
        return Poly({m: c * factor for m, c in self.terms.items()})

    def nonnegative(self) -> bool:
        """True only if the value is >= 0 wherever every variable is >= 0."""
        return all(c >= 0 for c in self.terms.values())

    def substitute(self, values: dict[str, Poly]) -> Poly:
        out = Poly({})
        for m, c in self.terms.items():
            term = Poly({tuple((v, n) for v, n in m if v not in values): c})
            for v, n in m:
                for _ in range(n if v in values else 0):
                    term = term * values[v]
            out = out + term
        return out


def number(c: Fraction | int) -> Poly:
    return Poly({(): Fraction(c)})


def variable(name: str, power: Fraction | int = 1) -> Poly:
    return Poly({((name, power),): Fraction(1)} if power else {(): Fraction(1)})


def divide(num: Poly, den: Poly) -> Poly | None:
    """num / den if that is a polynomial, by long division; None if it is not (or an exponent would be fractional)."""
    quotient, rest = Poly({}), num
    order = sorted(num.variables() | den.variables())
    rank = lambda m: [dict(m).get(v, 0) for v in order]  # noqa: E731
    lead = max(den.terms, key=rank)
    while rest.terms:
        if len(quotient.terms) > LARGEST // 10:
            return None  # a quotient this long is of no use
        top = max(rest.terms, key=rank)
        powers = {v: dict(top).get(v, 0) - dict(lead).get(v, 0) for v in order}
        if any(n < 0 for n in powers.values()):
            return None
        step = Poly({tuple((v, n) for v, n in powers.items() if n): Fraction(rest.terms[top]) / den.terms[lead]})
        quotient, rest = quotient + step, rest - step * den
    return quotient


class Ratio:
    """A quotient of polynomials whose denominator its maker has shown to be nonzero. Equality is by cross-multiplying."""

    __slots__ = ("den", "num")

    def __init__(self, num: Poly, den: Poly | None = None) -> None:
        self.num, self.den = num, UNIT if den is None else den
        if self.den.terms == UNIT.terms:
            return
        if not self.den.terms:
            raise NotExact("division by zero")
        value = self.den.constant()
        quotient = divide(num, self.den) if value is None else num if value == 1 else num * number(1 / value)
        if quotient is not None:
            self.num, self.den = quotient, UNIT

    def plus(self, q: Fraction) -> Ratio:
        """The quotient plus a number; in lowest terms if it was so before, hence without another division."""
        return self._over(self.num + self.den.times(q))

    def times(self, q: Fraction) -> Ratio:
        """The quotient times a number, likewise."""
        return self._over(self.num.times(q))

    def _over(self, num: Poly) -> Ratio:
        out = Ratio(num)
        out.den = self.den
        return out

    def __add__(self, o: Ratio) -> Ratio:
        if self.den.terms == o.den.terms:
            return Ratio(self.num + o.num, self.den)
        return Ratio(self.num * o.den + o.num * self.den, self.den * o.den)

    def __sub__(self, o: Ratio) -> Ratio:
        return self + Ratio(-o.num, o.den)

    def __mul__(self, o: Ratio) -> Ratio:
        return Ratio(self.num * o.num, self.den * o.den)

    def zero(self) -> bool:
        return not self.num.terms

    def same(self, o: Ratio) -> bool:
        return (self - o).zero()

    def variables(self) -> set[str]:
        return self.num.variables() | self.den.variables()

    def substitute(self, values: dict[str, Poly]) -> Ratio:
        return Ratio(self.num.substitute(values), self.den.substitute(values))


UNIT = number(1)
ZERO, ONE = Ratio(number(0)), Ratio(number(1))


def read_expression(text: str, names: dict[str, Ratio] | None = None, divisor: Callable[[Ratio], bool] = lambda b: True) -> Ratio:
    """Read + - * / ** over integers, names and ln(integer). Floats are refused.

    names: what to put for a name. divisor: whether one may divide by that; asked before anything cancels.
    """
    if not (isinstance(text, str) and text.isascii() and len(text) <= LARGEST):  # other alphabets have letters Python reads as T
        raise NotExact(f"not a short ASCII expression: {str(text)[:80]!r}")
    try:
        return _read(ast.parse(text, mode="eval").body, text, names or {}, divisor)
    except (SyntaxError, RecursionError, ValueError, MemoryError) as bad:
        raise NotExact(f"cannot read the expression {text[:80]!r}") from bad


def _read(node: ast.AST, text: str, names: dict[str, Ratio], divisor: Callable[[Ratio], bool]) -> Ratio:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Ratio(number(node.value))
    if isinstance(node, ast.Name) and not node.id.startswith("rt"):
        return names.get(node.id) or Ratio(variable(node.id))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return ZERO - _read(node.operand, text, names, divisor)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("ln", "sqrt"):
        arg = _read(node.args[0], text, {}, divisor).num.constant() if len(node.args) == 1 and not node.keywords else None
        if arg is None or not 1 <= arg <= LARGEST**3 or arg.denominator != 1:
            raise NotExact(f"{node.func.id}() takes one positive integer, up to 10^12, in {text!r}")
        return Ratio(variable(f"ln {arg}")) if node.func.id == "ln" else root(int(arg))
    if isinstance(node, ast.BinOp):
        a, b = _read(node.left, text, names, divisor), _read(node.right, text, names, divisor)
        if isinstance(node.op, ast.Add):
            return a + b
        if isinstance(node.op, ast.Sub):
            return a - b
        if isinstance(node.op, ast.Mult):
            return product(a, b)
        if isinstance(node.op, ast.Div):
            if not divisor(b):
                raise NotExact(f"{text!r} may divide by zero")
            return product(a, Ratio(b.den, b.num))
        power = b.num.constant() if b.den.constant() == 1 else None
        if isinstance(node.op, ast.Pow) and power is not None and power.denominator == 1 and 0 <= power <= 64:
            out = ONE
            for _ in range(int(power)):
                out = product(out, a)
            return out
    raise NotExact(f"outside the expression language: {text[:80]!r}")


def product(a: Ratio, b: Ratio) -> Ratio:
    """a * b, refusing to start on a product with too many terms, too large powers or too long coefficients."""
    size = 1
    for p in (a.num, a.den, b.num, b.den):
        digits = max((len(f"{Fraction(c).numerator:x}{Fraction(c).denominator:x}") for c in p.terms.values()), default=0)
        power = max((n for m in p.terms for _, n in m), default=0)
        size = max(size, digits, power)
    if size > LARGEST or len(a.num.terms) * len(b.num.terms) + len(a.den.terms) * len(b.den.terms) > LARGEST:
        raise NotExact("an expression with too many terms, too large a power or too long a number")
    return a * b


def root(n: int) -> Ratio:
    """sqrt(n) as c * rtM with M squarefree; rtM is a variable that only the exponential reads as a number."""
    c = next(c for c in range(isqrt(n), 0, -1) if n % (c * c) == 0)
    m = n // (c * c)
    return Ratio(number(c) * (number(1) if m == 1 else variable(f"rt{m}")))


def exponential(score: Ratio) -> Poly | None:
    """e^score for a sum of rationals, q * sqrt(M) and integer * ln(n); None for any other score."""
    if score.den.constant() != 1:
        return None
    out = number(1)
    for m, c in score.num.terms.items():
        name = m[0][0] if m else ""
        if abs(c) > LARGEST:
            return None
        if m == ():
            out = out * variable("e", c)
        elif len(m) == 1 and m[0][1] == 1 and name.startswith("rt"):
            out = out * variable("e^" + name, c)
        elif len(m) == 1 and m[0][1] == 1 and name.startswith("ln ") and c.denominator == 1:
            out = out * number(Fraction(int(name[3:])) ** int(c))
        else:
            return None
    return out
