"""How far a construction goes in each dtype and kernel: certified, measured, and where no decoder can go. One row each.

Every certificate is held against the torch run of the same member, row by row: the claim, and the bound at that row.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from nopeproof.checks.certify import Length, Unreadable, arithmetic, content, length, reader
from nopeproof.checks.evaluate import exact_number, trimmed, value_of
from nopeproof.checks.probe import facts
from nopeproof.circuit import Circuit, Family
from nopeproof.claims import Claim, Equals, Within, after_attention
from nopeproof.errors import NopeproofError
from nopeproof.theory import rounding
from nopeproof.theory.precision import first_collision

CONFIGURATIONS = (
    "float64/float64/materialised",
    "float32/float32/materialised",
    "float32/float32/sdpa",
    "float32/float32/streaming",
    "float16/float32/materialised",
    "float16/float32/sdpa",
    "bfloat16/float32/materialised",
    "bfloat16/float32/sdpa",
)
ROWS = 1024


def clocks(claims: Sequence[Claim]) -> list[Claim]:
    """The claims that put a whole number depending on t into a coordinate, as "within 1/2": what rounding can read off."""
    found = []
    for c in claims:
        s = c.statement
        if isinstance(s, Equals) and s.site.block > 0:
            values = [value_of(s.value, t=t, T=9) for t in (1, 2, 3)]
            if len(set(values)) > 1 and all(isinstance(v, Fraction) and v.denominator == 1 for v in values):
                found.append(replace(c, statement=s if isinstance(s, Within) else Within(s.site, s.direction, s.value)))
    return found


def limits(claim: Claim, text: str, rows: int = ROWS) -> dict[str, Any]:
    """One row: a claim in one arithmetic. `contradictions` lists every row of the torch run that the certificate forbids."""
    start, how = time.perf_counter(), arithmetic(text)
    row: dict[str, Any] = {
        "schema": 1,
        "kind": "limits",
        "claim": claim.id,
        "subject": claim.weights.name,
        "statement": claim.says,
        "weights_sha256": claim.weights.weights_sha256,
        "arithmetic": str(how),
        "storage": str(how.storage),
        "accumulator": str(how.accumulator),
        "route": how.route,
        "certified": None,
        "first_failure": None,
        "rows_run": 0,
        "measured_collision": None,
        "collision": first_collision(how.storage) if has_reciprocal(claim) else None,
        "reason": "",
        "assumes": [],
        "probes": [p.as_json() for p in facts(how).probes],
        "contradictions": [],
    }
    found = None
    try:
        found = length(replace(claim, scope=replace(claim.scope, arithmetic=str(how))), how)
        row |= {"certified": found.T, "capped": found.capped, "error_bound": float(found.error), "e_0": float(found.how.e_0)}
        row |= {"assumes": list(found.assumes), "reason": found.reason}
    except Unreadable as why:
        row["reason"] = str(why)
    row |= measure(claim, how, rows)
    row["reason"] = "; ".join(x for x in (row["reason"], row.pop("not_run")) if x)
    if found is not None and found.T:
        row["contradictions"] = contradictions(claim, found, rows)
    return {**row, "seconds": round(time.perf_counter() - start, 3)}


def has_reciprocal(claim: Claim) -> bool:
    """Whether position enters as a head's 1/t: two t with one fl(1/t) then have one stream, which no decoder tells apart."""
    circuit = claim.circuit
    if not circuit.blocks or circuit.mask != "causal" or circuit.blocks[0].norm_attention:
        return False
    for j in {j for h in circuit.blocks[0].heads for j in h.writes}:
        try:
            if content(circuit, circuit.blocks[0], j)[1]:
                return True
        except Unreadable:
            continue
    return False


def _member(claim: Claim, T: int) -> Circuit:
    subject = claim.weights
    found = subject.at(max(T, subject.T_min)) if isinstance(subject, Family) else subject
    return trimmed(found if found.concrete else found.instance(), claim.statement)


def _column(claim: Claim, circuit: Circuit, how: rounding.Arithmetic, T: int) -> tuple[list[Any], list[Any]]:
    """The claimed coordinate of a torch run at t = 1..T, at the claim's site and after the attention before it."""
    from nopeproof.run import run

    s = claim.statement
    assert isinstance(s, Equals)
    others = [t for t in circuit.tokens if t != circuit.bos] or [str(circuit.bos)]
    word = [circuit.bos or others[0]] + [others[t % len(others)] for t in range(T - 1)]
    trace = run(circuit, word, how.storage.name, route=how.route)
    before = trace.at(after_attention(s.site.block))[:, s.index]
    return [[exact_number(x) for x in xs.double().tolist()] for xs in (trace.at(s.site)[:, s.index], before)]  # type: ignore[return-value]


def _wrong(claim: Claim, t: int, T: int, x: Any) -> bool:
    s = claim.statement
    assert isinstance(s, Within)
    return t >= claim.scope.t_min and (x is None or not abs(x - value_of(s.value, t=t, T=T)) < value_of(s.error))


def measure(claim: Claim, how: rounding.Arithmetic, rows: int) -> dict[str, Any]:
    """The first row that fails in a torch run of the member T, and the first two equal inputs, for T = 32, 128, ... `rows`.

    It stops once a row has failed and the format's own collision lies behind.
    """
    T, enough = 0, min(rows, first_collision(how.storage) + 2)
    out: dict[str, Any] = {"first_failure": None, "measured_collision": None, "rows_run": 0, "not_run": ""}
    while rows > T and (out["first_failure"] is None or enough > T):
        T = min(rows, 4 * T or 32)
        try:
            have, before = _column(claim, _member(claim, T), how, T)
        except (NopeproofError, RuntimeError) as bad:  # weights beyond the dtype's range, or no kernel for it here
            why = f"{bad.asked}: {bad.found}" if isinstance(bad, NopeproofError) else str(bad).splitlines()[0]
            return {**out, "not_run": f"no run of T = {T}: {why}"}
        failed = next((t for t, x in enumerate(have, 1) if _wrong(claim, t, T, x)), None)
        out["first_failure"] = out["first_failure"] or failed
        out["measured_collision"] = next((t for t in range(2, T) if before[t - 1] == before[t]), None)
        out["rows_run"] = T
    return out


def contradictions(claim: Claim, found: Length, rows: int) -> list[dict[str, Any]]:
    """Rows of the torch run of a certified member that break the claim, or the bound at that row; none, if all is well."""
    T = min(found.T, rows)
    have, _ = _column(claim, _member(claim, T), found.how, T)
    clock = reader(claim)(T)
    out = []
    for t, x in list(enumerate(have, 1))[claim.scope.t_min - 1 :]:
        bound = rounding.error(clock, found.how, t, t)
        want = value_of(claim.statement.value, t=t, T=T)  # type: ignore[union-attr]
        if _wrong(claim, t, T, x) or abs(x - want) > bound:
            out.append({"t": t, "T": T, "expected": str(want), "found": str(x if x is None else float(x)), "bound": float(bound)})
    return out


def table(claims: Sequence[Claim], configurations: Sequence[str] = CONFIGURATIONS, rows: int = ROWS) -> Iterator[dict[str, Any]]:
    """The rows of every clock among the claims. Raises NopeproofError if there is none."""
    chosen = clocks(claims)
    if not chosen:
        found = "none puts a whole number that depends on t into a coordinate"
        raise NopeproofError("the limits of these claims", found, "absolute-position, for example")
    for claim in chosen:
        for text in configurations:
            yield limits(claim, text, rows)
