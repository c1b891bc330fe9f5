"""Look-ups: how much weight the key at t - offset is sure to have, for every length.

The score is found from the kernel's symbolic run as a polynomial in t and i, and the kernel's own check of `score = that` makes it
certain. If the target's lead over the key m places away is then a m^2 + b m with a > |b|, the other keys share at most

    leak = sum_{m >= 1} e^-(a m^2 + b m) + e^-(a m^2 - b m)

for each unit of weight on the target, so it has at least 1/(1 + leak). The sum is enclosed in balls, its tail by a geometric series.
"""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

import flint

from nopeproof import algebra, kernel
from nopeproof.checks.prove import candidates, certificate_for
from nopeproof.claims import Attends, Claim, Evidence, ScoreIs
from nopeproof.run.exact import ball_of
from nopeproof.scalars import from_poly, spell

TOOL = "look-up prover: the kernel's score, the leak in balls"
TERMS, BITS = 8, 192


def attends(claim: Claim) -> Evidence | None:
    """`proved` with the kernel's certificate of the score, or `open` with the reason; None for any other kind of claim."""
    s, start = claim.statement, time.process_time()
    if type(s) is not Attends:
        return None
    open_ = lambda why: Evidence("open", claim.scope, TOOL, time.process_time() - start, reason=why)  # noqa: E731
    found = score(claim, s)
    if isinstance(found, str):
        return open_(found)
    value, certificate = found
    lead = _lead(value, s.offset)
    if lead is None:
        return open_(f"the score is {value}: not a quadratic look-up at t - {s.offset}")
    with flint.ctx.workprec(BITS):
        weight = 1 / (1 + leak(*lead))
        enough = weight > ball_of(algebra.read_expression(s.least).num) / ball_of(algebra.read_expression(s.least).den)
    a, b = (spell(from_poly(x)) for x in lead)
    steps = (
        f"score = {value}: the kernel",
        f"the target's lead over the key m places on is ({a})*m**2 + ({b})*m",
        f"weight > {weight.lower()}",
    )
    if not enough:
        return open_(f"the bound on the weight is {weight}")
    shown = replace(claim.scope, t_min=1, t_max=certificate["scope"]["t_max"], parameters="all")
    return Evidence("proved", shown, TOOL, time.process_time() - start, certificate=certificate, steps=steps)


def score(claim: Claim, s: Attends) -> tuple[str, dict] | str:
    """(the score as a polynomial in t and i, the certificate the kernel accepts for it), or why there is none."""
    length = None if claim.scope.order == "exists weights forall T" else "T"
    every = replace(claim, statement=ScoreIs(s.block, s.head, "0"), scope=replace(claim.scope, t_min=1, t_max=length))
    why = "the score is no polynomial in t and i"
    for certificate in candidates(every):
        try:
            value, names = _polynomial(kernel.Checker(certificate["subject"], certificate["hints"]), s)
            if value is None and not any(v.startswith("?") for v in names):  # other hints make nothing else of it
                return f"the score is a function of more than t and i: {', '.join(sorted(names)[:3])}"
            if value is None:
                continue
            found = certificate_for(replace(every, statement=ScoreIs(s.block, s.head, value)), certificate["hints"])
            kernel.check(found)
        except kernel.Reject as bad:
            why = str(bad)
            continue
        return value, found
    return why


def _polynomial(checker: kernel.Checker, s: Attends) -> tuple[str | None, set[str]]:
    """What the score is where both positions are general, t = m r + c and i = m r' + c'; and what else it names."""
    import sympy

    *_, (q, k, value) = checker.pairs(s.block, [s.head], [])
    other = {v for v in value.names() - {"r@t", "r@i"} if not v.startswith(("rt", "ln "))}
    if other:
        return None, other
    put = {f"r@{c.tag}": (sympy.Symbol(c.tag) - int(c.key.partition("r+")[2])) / sympy.Integer(checker.modulus) for c in (q, k)}
    named = lambda v: put.get(v, sympy.Symbol(v.replace("ln ", "ln_")))  # noqa: E731
    number = lambda c: sympy.Rational(Fraction(c).numerator, Fraction(c).denominator)  # noqa: E731
    top, bottom = (sympy.Add(*(sympy.Mul(number(c), *map(named, m)) for m, c in p.items())) for p in (value.num, value.den))
    text = str(sympy.expand(sympy.cancel(top / bottom)))
    for v in value.names():
        text = text.replace(
            v.replace("ln ", "ln_"), f"ln({v[3:]})" if v.startswith("ln ") else f"sqrt({v[2:]})" if v.startswith("rt") else v
        )
    return text, other


def _lead(value: str, offset: int) -> tuple[algebra.Poly, algebra.Poly] | None:
    """(a, b) with score(t, t - offset) - score(t, t - offset + m) = a m^2 + b m for all t and m; None if it is not of that form."""
    ratio, t, m = algebra.read_expression(value), algebra.variable("t"), algebra.variable("m")
    at = lambda step: ratio.substitute({"i": t - algebra.number(offset) + step})  # noqa: E731
    gap = at(algebra.number(0)) - at(m)
    if gap.den.constant() != 1:  # a lead such as m^2/t, which dies out
        return None
    parts: dict[int, dict] = {1: {}, 2: {}}
    for monomial, c in gap.num.terms.items():
        powers = dict(monomial)
        n = powers.pop("m", 0)
        if "t" in powers or n not in parts:
            return None
        parts[n][tuple(sorted(powers.items()))] = c
    return algebra.Poly(parts[2]), algebra.Poly(parts[1])


def leak(a: algebra.Poly, b: algebra.Poly) -> flint.arb:
    """sum over m != 0 of e^-(a m^2 + b m), from above; infinite unless a > |b|."""
    A, B = ball_of(a), ball_of(b)
    if not abs(B) < A:
        return flint.arb("inf")
    term = lambda m: (-(A * m * m + B * m)).exp() + (-(A * m * m - B * m)).exp()  # noqa: E731
    ratio = (-(A - abs(B))).exp()  # from one m to the next the exponent grows by at least a (2 m + 1) - |b| > a - |b|
    return sum((term(m) for m in range(1, TERMS)), flint.arb(0)) + term(TERMS) / (1 - ratio)
