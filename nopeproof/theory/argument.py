"""An argument about a class of models, written as steps that are computed: a false step shows, and so does a missing hypothesis.

A prover makes an `Argument`, names the conventions it needs of the class (`needs`) and those that do not matter to it (`whatever`),
computes its steps (`step`, `identity`, `positive`) and ends with `proved`, `exhausted` or `refuted`. Where a need or a step fails, or
where the class fixes something that the prover never looked at, the evidence is "open" and says which.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from fractions import Fraction
from itertools import product
from typing import Any

from nopeproof.claims import Claim, Evidence, Kind
from nopeproof.errors import NopeproofError
from nopeproof.models import ModelClass
from nopeproof.scope import Order

SPOTS = (Fraction(0), Fraction(1), Fraction(2, 3), Fraction(7), Fraction(101, 10))
PROSE = ("name", "about")  # fields of a class that no prover can read
EVERY_MEMBER: tuple[Order, ...] = ("forall weights forall T",)
SOME_MEMBER: tuple[Order, ...] = ("forall T exists weights",)


class Argument:
    """The steps of one prover on one claim. `tool` names the prover in the evidence.

    orders: the quantifiers of the statement that is argued for. floats: whether the argument is one about the class's own float
    format; else it is about real numbers. The claim's scope has to agree with both, and with the words that the class has.
    """

    def __init__(self, claim: Claim, tool: str, orders: Sequence[Order] = EVERY_MEMBER, *, floats: bool = False) -> None:
        if not isinstance(claim.subject, ModelClass):
            found = f"a claim about the {type(claim.subject).__name__} {claim.subject.name!r}"
            raise NopeproofError(f"the prover {tool}", found, "a claim about a ModelClass")
        self.claim, self.tool, self.models, self.start = claim, tool, claim.subject, time.perf_counter()
        self.steps: list[str] = []
        self.failed: list[str] = []
        self.looked: set[str] = set(PROSE)
        if floats:
            self.whatever("arithmetic")
        else:
            self.needs("arithmetic", "real")
        scope = claim.scope
        self.need(f"the order {' or '.join(orders)}; the scope has {scope.order}", scope.order in orders)
        same = scope.arithmetic == self.models.arithmetic
        self.need(f"a scope in the class's arithmetic {self.models.arithmetic}; it is in {scope.arithmetic}", same)
        self.need("words without a BOS, as the class has none", self.models.bos or scope.words == "any")

    def need(self, what: str, holds: bool) -> None:
        """A hypothesis about the claim, computed by the caller."""
        if not holds:
            self.failed.append(f"the argument needs {what}")

    def needs(self, convention: str, *allowed: Any) -> None:
        """A hypothesis: the class has one of these values of a field (for positions and norms: no others)."""
        self.looked.add(convention)
        have = getattr(self.models, convention)
        if not (set(have) <= set(allowed) if isinstance(have, tuple) else have in allowed):
            self.failed.append(f"the argument needs {convention} {' or '.join(map(str, allowed))}; the class has {have}")

    def whatever(self, *conventions: str) -> None:
        """Fields, or single sizes ("sizes.T"), that the argument holds for all values of, or reads in steps of its own."""
        self.looked.update(conventions)

    def lacking(self) -> list[str]:
        """What has failed, and what the class fixes and the prover has neither needed nor said to be of no account."""
        have = {f.name: getattr(self.models, f.name) for f in fields(self.models)}
        have |= {f"sizes.{n}": x for n, x in have.pop("sizes").items() if "sizes" not in self.looked}
        return [*self.failed, *(f"the argument never looks at {n}; the class has {x}" for n, x in have.items() if n not in self.looked)]

    def size(self, name: str) -> int:
        """A number the class fixes. Raises NopeproofError if it does not."""
        self.looked.add(f"sizes.{name}")
        if name not in self.models.sizes:
            raise NopeproofError(f"the prover {self.tool}", f"{self.models.name!r} fixes no {name}", f"sizes={{{name!r}: ...}}")
        return self.models.sizes[name]

    def step(self, says: str, holds: bool) -> bool:
        """One step, computed by the caller."""
        self.steps.append(says)
        if not holds:
            self.failed.append(f"this step fails: {says}")
        return holds

    def identity(self, left: str, right: str, because: str = "") -> bool:
        """left = right as rational functions, by expanding the cross-multiplied difference; then once more at rational points."""
        import sympy

        names = _names(left, right)
        top, _ = sympy.fraction(sympy.together(_read(left, names) - _read(right, names)))
        spots = [dict(zip(names, p, strict=True)) for p in product(SPOTS, repeat=len(names))] if len(names) <= 4 else []
        at = [(_value(left, s), _value(right, s)) for s in spots]
        return self.step(f"{left} = {right}{_why(because)}", sympy.expand(top) == 0 and all(x == y for x, y in at if None not in (x, y)))

    def positive(self, expression: str, least: Mapping[str, int | Fraction], because: str = "") -> bool:
        """expression > 0 for all real values of its names from `least` on: with x = least + y, y >= 0, no coefficient is negative.

        Both the numerator and the denominator are looked at, each with a positive constant term.
        """
        import sympy

        names = _names(expression)
        fresh = {n: sympy.Symbol(f"{n}_", nonnegative=True) for n in names}
        moved = _read(expression, names).subs({sympy.Symbol(n): sympy.Rational(str(least[n])) + fresh[n] for n in names}, simultaneous=True)
        parts = [sympy.Poly(sympy.expand(p), *fresh.values()) for p in sympy.fraction(sympy.together(moved))] if names else []
        fine = all(min(p.coeffs()) >= 0 and p.coeff_monomial(1) > 0 for p in parts) if parts else bool(moved > 0)
        where = ", ".join(f"{n} >= {least[n]}" for n in names)
        return self.step(f"{expression} > 0 for {where or 'these numbers'}{_why(because)}", fine)

    def evidence(self, kind: Kind, witness: Mapping[str, Any] | None = None, assumes: Sequence[str] = (), **scope: Any) -> list[Evidence]:
        """Evidence of that kind, if no need and no step has failed, else "open"; `scope`: where it holds, if not everywhere claimed."""
        took = time.perf_counter() - self.start
        failed = self.lacking()
        if failed:
            return [Evidence("open", self.claim.scope, self.tool, took, reason="; ".join(failed), steps=tuple(self.steps))]
        shown = replace(self.claim.scope, **scope)
        return [Evidence(kind, shown, self.tool, took, witness, assumes=tuple(assumes), steps=tuple(self.steps))]

    def refuted(self, witness: Mapping[str, Any]) -> list[Evidence]:
        """The claim is false: the witness says where. "Open" if a need or a step has failed, or a field was not looked at."""
        if self.lacking():
            return self.evidence("refuted")
        took = time.perf_counter() - self.start
        return [Evidence("refuted", self.claim.scope, self.tool, took, witness, steps=tuple(self.steps))]


def _why(because: str) -> str:
    return f"  ({because})" if because else ""


def _names(*texts: str) -> list[str]:
    import ast

    return sorted({n.id for t in texts for n in ast.walk(ast.parse(t, mode="eval")) if isinstance(n, ast.Name)})


def _read(text: str, names: Sequence[str]) -> Any:
    from sympy import Symbol
    from sympy.parsing.sympy_parser import parse_expr

    return parse_expr(text, local_dict={n: Symbol(n) for n in names})


def _value(text: str, at: Mapping[str, Fraction]) -> Fraction | None:
    """The expression at rational values by Python's fractions alone; None where it divides by 0."""
    import ast

    def go(n: ast.expr) -> Fraction:
        if isinstance(n, ast.Constant) and isinstance(n.value, int):
            return Fraction(n.value)
        if isinstance(n, ast.Name):
            return at[n.id]
        if isinstance(n, ast.UnaryOp) and isinstance(n.op, ast.USub):
            return -go(n.operand)
        if isinstance(n, ast.BinOp):
            x, y = go(n.left), go(n.right)
            if isinstance(n.op, ast.Pow) and y.denominator == 1:
                return x ** int(y)
            plain = {ast.Add: Fraction.__add__, ast.Sub: Fraction.__sub__, ast.Mult: Fraction.__mul__, ast.Div: Fraction.__truediv__}
            if type(n.op) in plain:
                return plain[type(n.op)](x, y)
        raise NopeproofError(f"the expression {text!r}", f"a {type(n).__name__}", "whole numbers, names, + - * / and whole powers")

    try:
        return go(ast.parse(text, mode="eval").body)
    except ZeroDivisionError:
        return None
