"""Proofs for every length: find the hints, write the certificate, and let the kernel decide. Only its word counts.

What has to be found for a ReLU sum over k = first..last(T): how to split the positions into cases (t = m r + c), which
units are active in each, and the closed form of their sum. SymPy sums; the kernel checks the result by induction.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from nopeproof import __version__, kernel
from nopeproof.circuit import Units
from nopeproof.claims import Claim, Evidence, Fails, Holds, Within

MODULI, SINGLES = (1, 2, 3, 4), (1, 2, 3, 4)


def prove(claim: Claim) -> Evidence:
    """`proved` with the certificate the kernel accepted, or `open` with the reason it gave."""
    start = time.perf_counter()
    if isinstance(claim.statement, Within | Holds | Fails) or isinstance(claim.scope.t_max, int):
        return Evidence("open", claim.scope, "prove", reason="outside fragment K: not an identity for every length")
    reason = ""
    for certificate in candidates(claim):
        try:
            kernel.check(certificate)
        except kernel.Reject as bad:
            reason = reason or str(bad)
            continue
        shown = replace(claim.scope, t_min=1, t_max=None if claim.scope.t_max != "T" else "T", parameters="all")
        return Evidence("proved", shown, "kernel", time.perf_counter() - start, certificate=certificate)
    return Evidence("open", claim.scope, "prove", time.perf_counter() - start, reason=reason)


def certificate_for(claim: Claim, hints: dict) -> dict:
    """The certificate of a claim with given hints: everything the kernel reads."""
    scope = {k: v for k, v in claim.scope.as_json().items() if k != "parameters"}
    return {
        "schema": kernel.SCHEMA,
        "claim": claim.statement.as_json(),
        "scope": scope,
        "subject": claim.circuit.as_json(),
        "weights_sha256": claim.circuit.weights_sha256,
        "hints": hints,
        "about": {"id": claim.id, "says": claim.says, "source": claim.source, "nopeproof": __version__},
    }


def candidates(claim: Claim) -> Iterator[dict]:
    """Certificates to try, the simplest case split first."""
    units = [u for b in claim.circuit.blocks for u in (b.mlp.units if b.mlp else ())]
    floors = [int(u.last.partition("//")[2] or 1) for u in units if isinstance(u, Units)]
    likely = math.lcm(*floors) if floors else 1  # a width T // m suggests cases modulo m
    for modulus in sorted(MODULI, key=lambda m: m != likely) if floors else MODULI[:1]:
        for singles in SINGLES if units else SINGLES[:1]:
            hints = {"modulus": modulus, "singles": singles, "units": {}}
            if floors:
                try:
                    hints["units"] = unit_hints(claim, hints)
                except kernel.Reject:
                    continue
            yield certificate_for(claim, hints)


def unit_hints(claim: Claim, hints: dict) -> dict:
    """For each range of units and each case: the last active unit and the closed form of the sum up to k."""
    found: dict = {}
    subject = claim.circuit.as_json()
    for b, block in enumerate(subject["blocks"], 1):
        units = block["mlp"]["units"] if block["mlp"] else []
        for u, unit in [(u, unit) for u, unit in enumerate(units) if unit["first"] is not None]:
            checker = kernel.Checker(subject, {**hints, "units": found})
            for case in checker.cases("t"):
                x = checker.state(b, "attention", case)
                pre = kernel.dot(checker.vector(unit["read"], ("k",)), x) + kernel.weight(unit["bias"], ("k",))
                hint = _hint(checker, unit, pre.num, case)
                if hint is not None:
                    found[f"{b}.{u}:{case.key}"] = hint
    return found


def _hint(checker: kernel.Checker, unit: dict, pre: kernel.Poly, case: kernel.Case) -> dict | None:
    """Active up to K(r), the last k below the zero of pre in k, if that is linear in r with a whole slope."""
    r = f"r@{case.tag}"
    slope, rest = Fraction(0), {}
    for monomial, c in pre.terms.items():
        if monomial == (("k", 1),):
            slope = Fraction(c)
        elif monomial in ((), ((r, 1),)):
            rest[monomial] = Fraction(c)
        else:
            return None
    if slope >= 0:
        return None
    speed, offset = (-rest.get(m, Fraction(0)) / slope for m in (((r, 1),), ()))
    if speed.denominator != 1:
        return None
    first = int(unit["first"])
    last = math.ceil(offset) - 1
    K = f"{speed}*r + {last}" if speed else str(max(last, first - 1))
    writes = checker.vector(unit["write"], ("k",))
    sums = {str(i): _closed_form((w * kernel.Ratio(pre)).num, first, r) for i, w in enumerate(writes) if not w.zero()}
    return {"active": K.replace("+ -", "- "), "sums": sums}


def _closed_form(term: kernel.Poly, first: int, r: str) -> str:
    """sum over j = first..k of term(j), as a polynomial in k and r."""
    import sympy

    k, j, rr = sympy.symbols("k j r")
    names = {"k": j, r: rr}
    expression = sympy.Integer(0)
    for monomial, c in term.terms.items():
        c = Fraction(c)
        piece = sympy.Rational(c.numerator, c.denominator)
        for name, power in monomial:
            piece *= names.get(name, sympy.Symbol(name)) ** int(power)
        expression += piece
    return str(sympy.expand(sympy.summation(sympy.expand(expression), (j, first, k))))
