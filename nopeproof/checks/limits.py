"""How far a construction goes in each dtype and kernel: certified, measured, and where no decoder can go. One row each.

Every certificate is held against the torch run of the same member, row by row: the claim, and the bound at that row; a division
clock's also at single rows further on, at random and where 1/t lies nearest to a neighbour's, up to the last that was certified.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from nopeproof.checks.certify import Unreadable, arithmetic, content, length, reader
from nopeproof.checks.counter import Clock, longest, on_platform
from nopeproof.checks.counter import read as read_division
from nopeproof.checks.evaluate import exact_number, trimmed, value_of
from nopeproof.checks.probe import facts
from nopeproof.checks.sink import read as read_sink
from nopeproof.checks.sink import sink_length
from nopeproof.circuit import Circuit, Family
from nopeproof.claims import Claim, Equals, Within, after_attention
from nopeproof.division import R as DIVISION
from nopeproof.errors import NopeproofError
from nopeproof.theory import rounding, sink
from nopeproof.theory.costs import cost
from nopeproof.theory.precision import Format, first_collision, format_named, round_to

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
ROWS, FAR, FARTHEST, POINTS = 1024, 4, 1 << 24, 48


def clocks(claims: Sequence[Claim]) -> list[Claim]:
    """The claims that put a whole number depending on t into a coordinate, as "within 1/2": what rounding can read off.

    Not of families whose depth grows with T: their float members have weights of their own, and claims of their own.
    """
    found = []
    for c in claims:
        s = c.statement
        if isinstance(s, Equals) and s.site.block > 0 and not getattr(c.subject, "grows", False):
            values = [value_of(s.value, t=t, T=9) for t in (1, 2, 3)]
            if len(set(values)) > 1 and all(isinstance(v, Fraction) and v.denominator == 1 for v in values):
                found.append(replace(c, statement=s if isinstance(s, Within) else Within(s.site, s.direction, s.value)))
    return found


@dataclass(frozen=True)
class Certified:
    """How far a claim is certified in one arithmetic: the last T, the error at T, what is assumed, and a bound at each t in a member."""

    T: int
    error: Fraction
    how: rounding.Arithmetic | None
    assumes: tuple[str, ...]
    reason: str
    capped: bool
    bound: Callable[[int, int], Fraction]  # (t, T) -> the error allowed at t in the member for T


def certified(claim: Claim, how: rounding.Arithmetic) -> Certified:
    """By the division's checker, or by the theorem for a head and an FFN, or for a sink. Raises Unreadable where none applies."""
    clock = read_division(claim)
    if isinstance(clock, Clock):
        platform = on_platform(how)
        T = longest(clock, platform.how, platform.ulps) if platform.how else 0
        reason = platform.reason or "; ".join(platform.failed)
        return Certified(T, Fraction(0), platform.how, platform.said, reason, False, lambda t, T: Fraction(0))
    try:
        found, read = length(claim, how), reader(claim)
        bound = lambda t, T: rounding.error(read(T), found.how, t, t)  # noqa: E731
    except Unreadable as why:
        try:
            found, B = sink_length(claim, how), read_sink(claim)
        except Unreadable:
            raise why from None
        bound = lambda t, T: sink.error(B, found.how, t)  # noqa: E731
    return Certified(found.T, found.error, found.how, found.assumes, found.reason, found.capped, bound)


def limits(claim: Claim, text: str, rows: int = ROWS) -> dict[str, Any]:
    """One row: a claim in one arithmetic. `contradictions` lists every row of the torch run that the certificate forbids.

    margin: what is left of the error claimed at the last certified t. points: [t, bound there, error seen there or None].
    """
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
        "collision": first_collision(how.storage) if has_reciprocal(claim) else None,
        "reason": "",
        "assumes": [],
        "probes": [p.as_json() for p in facts(how).probes],
        "contradictions": [],
        "points": [],
    }
    found = None
    try:
        found = certified(claim, how)
        row |= {"certified": found.T, "capped": found.capped, "error_bound": float(found.error), "assumes": list(found.assumes)}
        row |= {"e_0": float(found.how.e_0) if found.how else None, "reason": found.reason}
        row |= {"margin": float(Fraction(value_of(claim.statement.error)) - found.error) if found.T else None}  # type: ignore[union-attr]
    except Unreadable as why:
        row["reason"] = str(why)
    row |= cost(claim.weights, max(row["certified"] or rows, getattr(claim.subject, "T_min", 1)))
    row |= measure(claim, how, rows)
    row["reason"] = "; ".join(x for x in (row["reason"], row.pop("not_run")) if x)
    if found is not None and found.T:
        row |= compared(claim, found, how, rows)
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
    """The claimed coordinate of a torch run at t = 1..T, and what the decoder reads: 1/t, where the attention left it."""
    from nopeproof.run import run

    s = claim.statement
    assert isinstance(s, Equals)
    others = [t for t in circuit.tokens if t != circuit.bos]
    if not others:
        raise NopeproofError(f"runs of {circuit.name!r} at every length", "no token but BOS", "one more token in its embedding")
    word = [circuit.bos or others[0]] + [others[t % len(others)] for t in range(T - 1)]
    trace = run(circuit, word, how.storage.name, route=how.route)
    divides = isinstance(read_division(claim), Clock)
    before = trace.at(after_attention(1 if divides else s.site.block))[:, DIVISION.recip.start if divides else s.index]
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


def compared(claim: Claim, found: Certified, how: rounding.Arithmetic, rows: int) -> dict[str, Any]:
    """The certified member's torch run beside its bounds: contradictions (none, if all is well), points to draw, rows further on."""
    T, s = min(found.T, rows), claim.statement
    assert isinstance(s, Within)
    have, _ = _column(claim, _member(claim, T), found.how or how, T)
    chosen = spread(T)
    bad, points = [], []
    for t, x in list(enumerate(have, 1))[claim.scope.t_min - 1 :]:
        bound, want = found.bound(t, T), value_of(s.value, t=t, T=T)
        if _wrong(claim, t, T, x) or abs(x - want) > bound:
            bad.append({"t": t, "T": T, "expected": str(want), "found": str(x if x is None else float(x)), "bound": float(bound)})
        if t in chosen and x is not None:
            points.append([t, float(bound), float(abs(x - want))])
    far = further(claim, found, how, rows) if found.T > T and isinstance(read_division(claim), Clock) else []
    bad += [{"t": t, "T": found.T, "expected": str(t), "found": str(q), "bound": 0.0} for t, q in far if q != t]
    points += [[t, 0.0, abs(q - t)] for t, q in far]
    points += [[t, float(found.bound(t, t)), None] for t in spread(found.T) if t > T and not far and found.T < FARTHEST]
    return {"contradictions": bad, "points": sorted(points, key=lambda p: p[0]), "rows_beyond": [t for t, _ in far]}


def spread(T: int) -> set[int]:
    """About POINTS numbers from 1 to T, even on a log scale."""
    return {max(1, round(T ** (n / POINTS))) for n in range(POINTS + 1)}


def further(claim: Claim, found: Certified, how: rounding.Arithmetic, rows: int) -> list[tuple[int, float]]:
    """(t, quotient) of single rows of this route beyond `rows`: random ones, the hardest near the end, and the last one certified."""
    from nopeproof.run.counter import divide, single

    s, last = claim.statement, min(found.T, FARTHEST)
    assert isinstance(s, Equals)
    ts = sorted({*(random.Random(0).randrange(rows + 1, last + 1) for _ in range(FAR)), *hardest(how.storage, last, FAR), last})
    ts = [t for t in ts if t > rows]
    x = single(ts, how.storage.name, "sum" if how.route == "streaming" else how.route)
    circuit = claim.circuit
    found_there = divide(circuit, x, min(s.site.block, len(circuit.blocks)), s.index).double().tolist()
    return list(zip(ts, found_there, strict=True))


def hardest(fmt: Format, last: int, n: int, window: int = 4096) -> list[int]:
    """The n rows of last - window..last at which 1/t, rounded to the format, lies farthest from 1/t for what decoding allows."""

    def used(t: int) -> Fraction:
        return abs(round_to(Fraction(1, t), fmt) - Fraction(1, t)) * t * (2 * t + 1)

    return sorted(sorted(range(max(1, last - window), last + 1), key=used)[-n:])


def pairs(claims: Sequence[Claim], configurations: Sequence[str]) -> Iterator[tuple[Claim, str]]:
    """Each clock with each configuration; a claim about one float format only with those that store in it."""
    for claim in clocks(claims):
        own = None if claim.scope.arithmetic == "real" else format_named(claim.scope.arithmetic.split("/")[0])
        for text in configurations:
            if own in (None, arithmetic(text).storage):
                yield claim, text


def table(claims: Sequence[Claim], configurations: Sequence[str] = CONFIGURATIONS, rows: int = ROWS) -> Iterator[dict[str, Any]]:
    """The rows of every clock among the claims. Raises NopeproofError if there is none."""
    if not clocks(claims):
        found = "none puts a whole number that depends on t into a coordinate"
        raise NopeproofError("the limits of these claims", found, "absolute-position, for example")
    for claim, text in pairs(claims, configurations):
        yield limits(claim, text, rows)
