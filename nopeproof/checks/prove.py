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
from typing import Any

from nopeproof import kernel, ledger, scalars
from nopeproof.circuit import Units
from nopeproof.claims import Attends, Claim, Evidence, Fails, Holds, Within

MODULI, SINGLES = (1, 2, 3, 4), (1, 2, 3, 4)


def prove(claim: Claim) -> Evidence:
    """`proved` with the certificate the kernel accepted, or `open` with the reason it gave."""
    start = time.perf_counter()
    if isinstance(claim.statement, Within | Attends | Holds | Fails) or isinstance(claim.scope.t_max, int):
        return Evidence("open", claim.scope, "prove", reason="outside fragment K: not an identity for every length")
    if getattr(claim.subject, "grows", False):  # what the kernel would read is one repetition of a circuit that has more
        return Evidence("open", claim.scope, "prove", reason="outside fragment K: the number of blocks depends on T")
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
        "about": {"id": claim.id, "says": claim.says, "source": claim.source, "hypotheses": ["real numbers"], "versions": _versions()},
    }


def _versions() -> dict[str, str]:
    """What wrote the certificate; nothing of it matters to the kernel."""
    return {tool: version for tool, version in ledger.versions().items() if tool in ("nopeproof", "python", "sympy")}


def candidates(claim: Claim) -> Iterator[dict]:
    """Certificates to try, the simplest case split first."""
    units = [u for b in claim.circuit.blocks for u in (b.mlp.units if b.mlp else ())]
    ranges = [u for u in units if isinstance(u, Units) and not _mentions_T(u)]
    floors = [int(u.last.partition("//")[2] or 1) for u in ranges]
    likely = math.lcm(*floors) if floors else 1  # a width T // m suggests cases modulo m
    for modulus in sorted(MODULI, key=lambda m: m != likely) if floors else MODULI[:1]:
        for singles in SINGLES if units else SINGLES[:2]:
            hints = {"modulus": modulus, "singles": singles, "units": {}}
            if floors:
                try:
                    hints["units"] = unit_hints(claim, hints)
                except kernel.Reject:
                    continue
            yield certificate_for(claim, hints)


def _mentions_T(unit: Units) -> bool:
    """Whether its sum is one of T besides k and r, which no hint can state."""
    return "T" in unit.read.symbols | unit.write.symbols | scalars.symbols(unit.bias)  # type: ignore[union-attr,arg-type]


def unit_hints(claim: Claim, hints: dict) -> dict:
    """For each range of units and each case: the last active unit and the closed form of the sum up to k."""
    found: dict = {}
    subject = claim.circuit.as_json()
    for b, block in enumerate(subject["blocks"], 1):
        units = block["mlp"]["units"] if block["mlp"] else []
        for u, unit in [(u, unit) for u, unit in enumerate(units) if unit["first"] is not None]:
            checker = kernel.Checker(subject, {**hints, "units": found})
            for case in checker.cases("t"):
                hint = _hint(checker, unit, checker.state(2 * b - 1, case), f"r@{case.tag}")
                if hint is not None:
                    found[f"{b}.{u}:{case.key}"] = hint
    return found


def _hint(checker: kernel.Checker, unit: dict, x: list[kernel.Ratio], r: str) -> dict | None:
    """Active up to K(r), the last k below the zero of pre in k, if that is linear in r with a whole slope."""
    k = {"k": kernel.Ratio("k")}
    pre = checker.dot(unit["read"], x, k) + kernel.read(unit["bias"], k)
    found = _last_active(pre, r)
    if found is None:
        return None
    speed, last = found
    first = int(unit["first"])
    K = f"{speed}*r + {last}" if speed else str(max(last, first - 1))
    terms = {n: (w * kernel.Ratio(pre.num)).num for n, w in checker.vector(unit["write"], k).items()}
    return {"active": K.replace("+ -", "- "), "sums": {str(n): _closed_form(term, first, r) for n, term in terms.items()}}


def _last_active(pre: kernel.Ratio, r: str) -> tuple[int, int] | None:
    """(s, o): pre >= 0 for k up to s r + o and no further; None if the zero of pre in k is no such line."""
    import sympy

    k, rr = sympy.symbols("k r")
    known = {"k": k, r: rr}
    if not pre.names() <= set(known):
        return None
    top, bottom = (_sympy(p, known) for p in (pre.num, pre.den))
    line = sympy.Poly(sympy.fraction(sympy.cancel(top / bottom))[0], k, rr)
    slope, speed, offset = (Fraction(int(c.p), int(c.q)) for c in (line.coeff_monomial(m) for m in (k, rr, 1)))
    if line.total_degree() > 1 or slope == 0:
        return None
    speed, offset = -speed / slope, -offset / slope
    return (int(speed), math.ceil(offset) - 1) if speed.denominator == 1 else None


def _sympy(p: dict, names: dict) -> Any:
    """A kernel polynomial for SymPy; a variable without a name here keeps its own."""
    import sympy

    number = lambda c: sympy.Rational(Fraction(c).numerator, Fraction(c).denominator)  # noqa: E731
    return sympy.Add(*(sympy.Mul(number(c), *(names.get(v) or sympy.Symbol(v) for v in m)) for m, c in p.items()))


def _closed_form(term: dict, first: int, r: str) -> str:
    """sum over j = first..k of term(j), as a polynomial in k and r."""
    import sympy

    k, j, rr = sympy.symbols("k j r")
    return str(sympy.expand(sympy.summation(sympy.expand(_sympy(term, {"k": j, r: rr})), (j, first, k))))
