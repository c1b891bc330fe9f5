"""Statements of a run that are data where `Holds` has a function: laws by cases of the position, and states that are equal.

A `Law` says, for some positions of some words, that one expression equals another or is at least as large. Expressions are texts over
the position t, the length T, coordinates with a name, and how often a token has occurred so far. Because it is data, a prover can read
what the exact run is asked: both evaluate the same text.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

from nopeproof import algebra
from nopeproof.claims import Holds, Site, speaks_of_only
from nopeproof.errors import NopeproofError
from nopeproof.residual import Subspace, Vector
from nopeproof.sublayers import sparse

OPERATORS: dict[type, Callable] = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
Read = tuple[Site, Vector | Subspace]


@dataclass(frozen=True)
class Case:
    """left = right (or left >= right) at t = first, ..., last, in words with the given tokens at the given positions.

    last: None for every later position. Raises NopeproofError for positions out of order, or a token beyond the first position.
    """

    left: str
    right: str
    first: int = 1
    last: int | None = None
    tokens: Mapping[int, str] = field(default_factory=dict)
    relation: Literal["=", ">="] = "="

    def __post_init__(self) -> None:
        ordered = self.first >= 1 and (self.last is None or self.first <= self.last)
        if not ordered or any(not 1 <= p <= self.first for p in self.tokens) or self.relation not in ("=", ">="):
            raise NopeproofError("a case of a law", str(self), "1 <= each token's position <= first <= last, and = or >=")

    def speaks_of(self, t: int, word: Sequence[str]) -> bool:
        """Whether it says something of position t of the word."""
        return self.first <= t and (self.last is None or t <= self.last) and all(word[p - 1] == x for p, x in self.tokens.items())

    def __str__(self) -> str:
        end = f" at t = {self.first}" if self.first == self.last else "" if self.last is None else f" up to t = {self.last}"
        start = f" from t = {self.first} on" if self.last is None and self.first > 1 else ""
        start = f" from t = {self.first}" if self.last is not None and 1 < self.first < self.last else start
        tokens = ", ".join(f"token {p} is {x}" for p, x in self.tokens.items())
        return f"{self.left} {self.relation} {self.right}{start}{end}" + f" where {tokens}" * bool(tokens)


class NoValue(NopeproofError, ArithmeticError):
    """A law that says nothing of a position it speaks of: one of its sides divides by zero there."""


@dataclass(frozen=True)
class Law(Holds):
    """Every case holds at every position it speaks of. `says` is read off the data; where no case speaks, nothing is said.

    reads: {name: (where, what)}, a coordinate or a combination of coordinates. counts: {name: token}, how often the token is among
    the first t. Raises NopeproofError for an expression with an unknown name.
    """

    says: str = ""
    predicate: Callable[[Any], bool] = field(default=None, compare=False)  # type: ignore[assignment]
    cases: Sequence[Case] = ()
    reads: Mapping[str, Read] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cases", tuple(self.cases))
        names = ["t", "T", *self.reads, *self.counts]
        known = set(names)
        if twice := [n for n in known if names.count(n) > 1]:
            raise NopeproofError("a law's names", f"{min(twice)!r} stands for two things", "t and T are the position and the length")
        for name, (_, what) in self.reads.items():
            if what.vector.symbols:
                found = f"the symbol {min(what.vector.symbols)!r} in {what.vector}"
                raise NopeproofError(f"what a law calls {name!r}", found, "numbers as coefficients: what is read is one number")
        for text in [x for c in self.cases for x in (c.left, c.right)]:
            _parse(text)
            speaks_of_only(text, known, "the law", logs=False)
        if not self.cases:
            raise NopeproofError("a law", "no case", "at least one")
        legend = [f"{n}: {v.vector} after {s}" for n, (s, v) in self.reads.items() if len(self.reads) <= 3]
        legend += [f"{n}: the number of {token} among the first t" for n, token in self.counts.items()]
        _ours(self.predicate)
        object.__setattr__(self, "says", "; ".join(map(str, self.cases)) + f"  ({', '.join(legend)})" * bool(legend))
        object.__setattr__(self, "predicate", self.predicate or self.holds)

    @property
    def of_T(self) -> bool:
        """Whether it speaks of T: the length of the word, where in a family's weights T is the longest length they are made for."""
        return any("T" in algebra.read_expression(text).variables() for c in self.cases for text in (c.left, c.right))

    def as_json(self) -> dict:
        """All of it as plain data."""
        reads = {n: [site.block, site.after, sparse(what.vector)] for n, (site, what) in self.reads.items()}
        cases = [{**vars(c), "tokens": {str(p): x for p, x in c.tokens.items()}} for c in self.cases]
        return {"kind": "law", "cases": cases, "reads": reads, "counts": dict(self.counts)}

    def holds(self, trace: Any) -> bool:
        """Whether it holds of a run."""
        for t in range(1, trace.T + 1):
            cases = [c for c in self.cases if c.speaks_of(t, trace.word)]
            names = {"t": Fraction(t), "T": Fraction(trace.T)} if cases else {}
            names |= {n: trace.at(site, what.vector)[t - 1] for n, (site, what) in self.reads.items() if cases}
            names |= {n: Fraction(list(trace.word[:t]).count(token)) for n, token in self.counts.items() if cases}
            for c in cases:
                try:
                    left, right = value(c.left, names), value(c.right, names)
                except ZeroDivisionError:
                    raise NoValue(
                        f"the law {c} at t = {t} of {' '.join(trace.word)}", "a division by zero", "a case that begins later"
                    ) from None
                if not (left == right if c.relation == "=" else left >= right):
                    return False
        return True


def _ours(predicate: Callable | None) -> None:
    """Raises NopeproofError for a predicate from elsewhere: it might be another thing than what the data says."""
    if predicate is not None and not str(predicate.__module__).startswith("nopeproof."):
        raise NopeproofError("a statement that is data", f"a predicate of {predicate.__module__}", "no predicate: it is read off the data")


@lru_cache(maxsize=1 << 10)
def _parse(text: str) -> ast.expr:
    """The expression. Raises NopeproofError unless it is + - * / ** over whole numbers and names."""
    try:
        algebra.read_expression(text)
    except algebra.NotExact as bad:
        raise NopeproofError(f"the expression {text!r}", str(bad), "an expression such as '1/t'") from None
    tree = ast.parse(text, mode="eval").body
    if any(isinstance(node, ast.Call) for node in ast.walk(tree)):
        raise NopeproofError(f"the expression {text!r}", "a function", "+ - * / ** over whole numbers and names")
    return tree


def value(text: str, names: Mapping[str, Any]) -> Any:
    """The expression's value in the numbers given, whatever kind they are.

    >>> value("1/(t + 1)", {"t": Fraction(3)})
    Fraction(1, 4)
    """

    def of(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=n):
                return Fraction(n)  # type: ignore[arg-type]
            case ast.Name(id=name):
                return names[name]
            case ast.UnaryOp(operand=a):
                return -of(a)
            case ast.BinOp(left=a, op=ast.Pow(), right=b):
                power, base, out = of(b), of(a), Fraction(1)
                for _ in range(int(power)):
                    out = out * base
                return out
            case ast.BinOp(left=a, op=op, right=b):
                return OPERATORS[type(op)](of(a), of(b))
        raise NopeproofError(f"the expression {text!r}", type(node).__name__, "+ - * / ** over whole numbers and names")

    return of(_parse(text))


@dataclass(frozen=True)
class EqualStates(Holds):
    """States that are equal, coordinate by coordinate: at all positions from `first` on, or, by_token, at positions with one token.

    last_layer: after the last block alone, else after every sub-layer. sharp: and where there is a position `first`, its state is not
    that of the position before.
    """

    says: str = ""
    predicate: Callable[[Any], bool] = field(default=None, compare=False)  # type: ignore[assignment]
    first: int = 1
    by_token: bool = False
    last_layer: bool = False
    sharp: bool = False

    def __post_init__(self) -> None:
        if self.first < 1 + self.sharp:
            raise NopeproofError("equal states", f"first = {self.first}, sharp = {self.sharp}", "first >= 1, and >= 2 where it is sharp")
        _ours(self.predicate)
        whose = "equal tokens have equal states" if self.by_token else "all states are equal"
        start = f" from t = {self.first} on" if self.first > 1 else ""
        sharp = f", and not from t = {self.first - 1} on" if self.sharp else ""
        where = " after the last block" if self.last_layer else " in every layer"
        object.__setattr__(self, "says", whose + start + sharp + where)
        object.__setattr__(self, "predicate", self.predicate or self.holds)

    def as_json(self) -> dict:
        """All of it as plain data."""
        return {"kind": "equal states", **{n: getattr(self, n) for n in ("first", "by_token", "last_layer", "sharp")}}

    def holds(self, trace: Any) -> bool:
        """Whether it holds of a run."""
        for rows in [trace.final] if self.last_layer else trace.residuals.values():
            seen: dict = {}
            for token, row in zip(trace.word[self.first - 1 :], rows[self.first - 1 :], strict=True):
                if list(row) != seen.setdefault(token if self.by_token else None, list(row)):
                    return False
            if self.sharp and self.first <= trace.T and list(rows[self.first - 2]) == list(rows[self.first - 1]):
                return False
        return True
