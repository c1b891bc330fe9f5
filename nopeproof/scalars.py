"""The numbers a circuit may hold: rationals, and polynomials over them in free symbols, k, T, ln(n) and sqrt(n).

A weight is written as an int, a Fraction, or a string ("3/4", "8*k - 2", "ln(100)"). Floats are refused: 0.1 is not
a tenth, and an exact run must not pretend it is. Arithmetic on the symbolic ones is `algebra`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from nopeproof import algebra
from nopeproof.errors import NopeproofError

RESERVED = frozenset("tijred")  # what positions, cases and e are called; k and T have a meaning of their own


@dataclass(frozen=True)
class Symbolic:
    """A weight with symbols in it, e.g. 8*k - 2, in the canonical spelling `text` (so equality is equality of polynomials)."""

    text: str

    @cached_property
    def poly(self) -> algebra.Poly:
        """The polynomial this spells."""
        return algebra.read_expression(self.text).num

    @property
    def symbols(self) -> frozenset[str]:
        """Every variable, `ln 3` and `rt2` included."""
        return frozenset(self.poly.variables())

    @property
    def logs_only(self) -> bool:
        """True if the symbols are all logarithms or square roots: a definite real number."""
        return all(s.startswith(("ln ", "rt")) for s in self.symbols)

    def __str__(self) -> str:
        return self.text


Scalar = Fraction | Symbolic
ScalarLike = int | Fraction | str | Symbolic


def _spell_monomial(monomial: tuple) -> str:
    def one(name: str, power: int) -> str:
        word = re.sub(r"^ln (\d+)$", r"ln(\1)", re.sub(r"^rt(\d+)$", r"sqrt(\1)", name))
        return word if power == 1 else f"{word}**{power}"

    return "*".join(one(v, int(n)) for v, n in monomial)


def _spell(poly: algebra.Poly) -> str:
    parts = []
    for monomial, c in sorted(poly.terms.items(), key=lambda x: (-len(x[0]), str(x[0]))):
        c = Fraction(c)
        size = f"({abs(c)})" if c.denominator != 1 else str(abs(c))
        word = _spell_monomial(monomial)
        term = size if not word else word if abs(c) == 1 else f"{size}*{word}"
        parts.append(("- " if c < 0 else "+ ") + term)
    text = " ".join(parts) or "0"
    return text[2:] if text.startswith("+ ") else "-" + text[2:] if text.startswith("- ") else text


def from_poly(poly: algebra.Poly) -> Scalar:
    """The scalar a polynomial stands for."""
    value = poly.constant()
    return Symbolic(_spell(poly)) if value is None else value


def to_poly(x: Scalar) -> algebra.Poly:
    """The scalar as a polynomial."""
    return x.poly if isinstance(x, Symbolic) else algebra.number(x)


def scalar(x: ScalarLike, where: str = "a weight") -> Scalar:
    """Read a weight. Raises NopeproofError for floats and anything else an exact run cannot hold."""
    if isinstance(x, bool) or not isinstance(x, int | Fraction | str | Symbolic):
        raise NopeproofError(
            f"{where}: {x!r}",
            f"a {type(x).__name__}, which is not an exact number",
            "an int, a Fraction or a string such as '1/10', '8*k - 2' or 'ln(2)'",
        )
    if isinstance(x, int | Fraction):
        return Fraction(x)
    if isinstance(x, Symbolic):
        return x
    try:
        value = algebra.read_expression(x)
    except algebra.NotExact as bad:
        raise NopeproofError(f"{where}: {x!r}", str(bad), "+ - * / ** over integers, names, ln(n) and sqrt(n)") from None
    if value.den.constant() != 1:
        raise NopeproofError(f"{where}: {x!r}", "a division by a symbol, which might be zero", "a polynomial")
    reserved = value.variables() & RESERVED
    if reserved:
        raise NopeproofError(f"{where}: {x!r}", f"the reserved name {sorted(reserved)[0]!r}", "another name; k and T alone have a meaning")
    return from_poly(value.num)


def spell(x: Scalar) -> str:
    """The canonical text, which `scalar` and the kernel read back."""
    return str(x)


def add(a: Scalar, b: Scalar) -> Scalar:
    """Exact sum."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a + b
    return from_poly(to_poly(a) + to_poly(b))


def multiply(a: Scalar, b: Scalar) -> Scalar:
    """Exact product."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a * b
    return from_poly(to_poly(a) * to_poly(b))


def substitute(x: Scalar, values: Mapping[str, Scalar]) -> Scalar:
    """Put numbers (roots and logarithms too) for symbols; the symbols left over stay."""
    if isinstance(x, Fraction) or not x.symbols & set(values):
        return x
    return from_poly(x.poly.substitute({name: to_poly(v) for name, v in values.items()}))


def symbols(x: Scalar) -> frozenset[str]:
    """The free symbols of a scalar; logarithms and square roots are numbers, not symbols."""
    return frozenset(s for s in x.symbols if not s.startswith(("ln ", "rt"))) if isinstance(x, Symbolic) else frozenset()
