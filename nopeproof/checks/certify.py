"""Certificates for float arithmetic: up to which length a claim holds in a named dtype, accumulator and kernel.

`certify` reads head and hidden units off the circuit, takes the platform's facts from `probe`, and applies the theorem of
theory.rounding, which holds for every order of summation. The exact identity behind it is the kernel's word for a
family, and an exact evaluation at each t for a single circuit. What cannot be read so goes to `certify_words`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from nopeproof import algebra, scalars
from nopeproof.checks.evaluate import rational
from nopeproof.checks.finite import largest_weight, overflows
from nopeproof.checks.probe import Facts, facts
from nopeproof.checks.prove import prove
from nopeproof.circuit import Block, Circuit, Family, Head, Unit, Units
from nopeproof.claims import Claim, Equals, Evidence, Fails, Scope, Site, Unchanged, Within
from nopeproof.errors import NopeproofError
from nopeproof.residual import Vector
from nopeproof.scalars import Scalar
from nopeproof.theory import rounding
from nopeproof.theory.precision import format_named, is_power_of_two, representable
from nopeproof.theory.rounding import Arithmetic, Clock, Line, Ramps, arithmetic

LONGEST, LONGEST_BY_ROWS, MEMBERS = 1 << 60, 4096, 48


class Unreadable(Exception):
    """The theorem does not apply; the message says why."""


@dataclass(frozen=True)
class Length:
    """The certified length: the bound stays below the tolerance at every t <= T (for a family: in every member up to T)."""

    T: int
    error: Fraction
    how: Arithmetic
    facts: Facts
    reason: str = ""
    capped: bool = False

    @property
    def assumes(self) -> tuple[str, ...]:
        """The hypotheses, each with what was measured of it here."""
        return (
            "jeannerod2013: a sum of n terms, in any order, errs by at most (n - 1) u times the sum of their sizes",
            "rescaling by e^(m - m) where the largest score stays m is exact"
            if self.how.route != "materialised"
            else "softmax of whole rows",
            "scores, averages, hidden units and outputs are sums of products, softmax a quotient of exponentials",
            "weights are rounded to nearest; so is each product, partial sum, quotient or reciprocal, once, fused or not",
            "parts of the circuit left open stay finite, and so does what is computed from them",
            *self.facts.said,
        )


def certify(claim: Claim) -> Evidence | None:
    """Certified evidence for a `Within` claim whose scope names a float arithmetic; None for a claim about real numbers."""
    if claim.scope.arithmetic == "real":
        return None
    start, tool = time.perf_counter(), "all-orders rounding theorem"
    try:
        declared = arithmetic(claim.scope.arithmetic)
        if type(claim.statement) is not Within:
            raise NopeproofError("a float certificate", f"a claim {claim.says!r}", "one of the form |coordinate - value| < error")
        if claim.scope.order == "exists weights forall T" and isinstance(claim.subject, Family):
            raise Unreadable("a family has other weights for each T")
        found = length(claim, declared)
    except Unreadable as bad:
        return _otherwise(claim, declared, str(bad), start)
    except NopeproofError as bad:
        return Evidence("open", claim.scope, tool, time.perf_counter() - start, reason=str(bad))
    return _evidence(claim, found, tool, time.perf_counter() - start)


def _evidence(claim: Claim, found: Length, tool: str, took: float) -> Evidence:
    asked = claim.scope.t_max
    if claim.scope.t_min > found.T:
        why = found.reason or f"the bound exceeds the error allowed at t = {found.T + 1}"
        return Evidence("open", claim.scope, tool, took, reason=why, assumes=found.assumes)
    end = min(asked, found.T) if isinstance(asked, int) else found.T
    scope = replace(claim.scope, t_min=1, t_max=end, vocabulary=_vocabulary(claim, claim.scope.vocabulary), parameters="all")
    bound = f"certified to T = {found.T}; at t = T the error is at most {float(found.error):.6g}"
    said = "; ".join(x for x in (bound, found.reason) if x)
    return Evidence("certified", scope, f"{tool}, {found.how}", took, None, said, found.assumes)


def _otherwise(claim: Claim, declared: Arithmetic, why: str, start: float) -> Evidence:
    """A sink clock's own theorem, else words in balls."""
    from nopeproof.checks.certify_words import certify_words
    from nopeproof.checks.sink import sink_length

    try:
        found = sink_length(claim, declared)
    except Unreadable:
        return certify_words(claim, declared, why)
    return _evidence(claim, found, "sink rounding theorem", time.perf_counter() - start)


def shrunk(declared: Arithmetic, how: Arithmetic, platform: Facts) -> str:
    """What a probe took away, in words; empty if nothing."""
    if how == declared:
        return ""
    return "shrunk by a probe: " + "; ".join(platform.failed or (f"|exp(0) - 1| <= {float(how.e_0):.3g}",))


def length(claim: Claim, declared: Arithmetic, platform: Facts | None = None) -> Length:
    """The largest T the theorem gives for this claim's weights. Raises Unreadable where it does not apply."""
    platform = facts(declared) if platform is None else platform
    how = platform.shrink(declared)
    if how is None:
        return Length(0, Fraction(0), declared, platform, "a probe of the platform failed: " + "; ".join(platform.failed))
    reason = shrunk(declared, how, platform)
    tolerance, clock = rational(claim.statement.error), reader(claim)  # type: ignore[union-attr]
    site: Site = claim.statement.site  # type: ignore[union-attr]
    fits = lambda T: not overflows(claim.circuit, site, T, how)  # noqa: E731
    if not isinstance(claim.subject, Family) and largest_weight(claim.circuit, 1) > how.storage.top:
        raise Unreadable(f"the theorem does not cover a weight beyond the range of {how.storage}")
    if isinstance(claim.subject, Family) and clock(claim.subject.T_min).exact and not _mentions_T(claim.circuit):
        T = _bisect(lambda T: fits(T) and rounding.holds(clock(T), how, tolerance, 1, T), claim.subject.T_min)
        last = clock(max(T, claim.subject.T_min))
    elif isinstance(claim.subject, Family):
        rows = lambda T: all(rounding.holds(clock(T), how, tolerance, t, t) for t in range(1, T + 1))  # noqa: E731
        T = _scan(lambda T: fits(T) and rows(T), claim.subject.T_min, MEMBERS)
        last = clock(max(T, claim.subject.T_min))
        reason = "; ".join(x for x in (reason, f"no exact identity for every T is proved: members one by one, up to T = {MEMBERS}") if x)
        return Length(T, rounding.error(last, how, max(T, 1), max(T, 1)), how, platform, reason, T == MEMBERS)
    else:
        end = claim.scope.t_max if isinstance(claim.scope.t_max, int) else LONGEST_BY_ROWS
        last = clock(end)
        T = rounding.longest(last, how, tolerance, end)
        T, reason = within_range(claim, T, how, reason)
        return Length(T, rounding.error(last, how, max(T, 1), max(T, 1)), how, platform, reason, end == T)
    return Length(T, rounding.error(last, how, max(T, 1), max(T, 1)), how, platform, reason)


def within_range(claim: Claim, T: int, how: Arithmetic, reason: str, held: Mapping[int, Fraction] | None = None) -> tuple[int, str]:
    """(the largest length up to T at which nothing overflows, the reason with what does beyond it)."""
    s = claim.statement.statement if isinstance(claim.statement, Fails) else claim.statement
    site = s.end if isinstance(s, Unchanged) else s.site  # type: ignore[union-attr]
    if not T or not (part := overflows(claim.circuit, site, T, how, held)):
        return T, reason
    end = _bisect(lambda n: not overflows(claim.circuit, site, n, how, held), 1)
    return end, "; ".join(x for x in (reason, f"{part} may overflow beyond T = {end}") if x)


def _bisect(holds: Callable[[int], bool], first: int) -> int:
    """The end of a run of True from `first` on, 0 if there is none; members with more units have larger bounds (theory.rounding)."""
    if not holds(first):
        return 0
    low, high = first, 2 * first
    while high < LONGEST and holds(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _scan(holds: Callable[[int], bool], first: int, most: int) -> int:
    """The same without monotony: one member after the other, up to `most`."""
    return next((T - 1 if first < T else 0 for T in range(first, most + 1) if not holds(T)), most)


# --- reading the circuit ---------------------------------------------------------------------------------------------


def _mentions_T(circuit: Circuit) -> bool:
    """Whether a hidden unit's weights, not only their number, depend on T."""
    units = [u for b in circuit.blocks for u in (b.mlp.units if b.mlp else ())]
    return any("T" in (u.read.symbols | u.write.symbols | scalars.symbols(u.bias)) for u in units)  # type: ignore[union-attr,arg-type]


def reader(claim: Claim) -> Callable[[int], Clock]:
    """T -> the coordinate's `Clock`, from the weights themselves. Raises Unreadable, saying which part the theorem does not cover."""
    circuit, statement = claim.circuit, claim.statement
    assert isinstance(statement, Equals)
    if statement.site.block != 1 or not circuit.blocks:
        raise Unreadable(f"the theorem covers block 1, the claim is about {statement.site}")
    block = circuit.blocks[0]
    for what, bad in (
        ("a norm", block.norm_attention or block.norm_ffn),
        (f"the mask {circuit.mask!r}", circuit.mask != "causal"),
        (f"{circuit.positions!r}", circuit.positions.kind != "none"),
        ("words with no BOS, or several", circuit.bos is None or claim.scope.words != "bos-first"),
        ("a value that depends on the length of the word", isinstance(claim.subject, Circuit) and "T" in _names(statement.value)),
        ("an activation other than ReLU", block.mlp and block.mlp.activation != "relu"),
    ):
        if bad:
            raise Unreadable(f"the theorem does not cover {what}")
    old = content(circuit, block, statement.index)
    proved = isinstance(claim.subject, Family) and _identity(claim)
    after_ffn = statement.site.after == "ffn" and block.mlp is not None

    def clock(T: int) -> Clock:
        units = [u for u in block.mlp.units if statement.index in u.write.indices] if after_ffn else []  # type: ignore[union-attr]
        read = [content(circuit, block, j) for u in units for j in u.read.indices]  # type: ignore[union-attr]
        sources = {c[1:] for c in (*read, old) if c[1]}
        if len(sources) > 1:
            raise Unreadable("hidden units that read two different heads")
        v, factors = sources.pop() if sources else (Fraction(1), 0)
        ramps = tuple(_ramps(circuit, block, u, statement.index, T) for u in units)
        b_2 = _number(dict(block.mlp.b_2.entries).get(statement.index, Fraction(0)), "b_2") if after_ffn else Fraction(0)  # type: ignore[union-attr]
        target = lambda t: rational(statement.value, t=t, T=T)  # noqa: E731
        return Clock(v, ramps, Fraction(bool(old[1])), old[0], b_2, factors, proved, target)

    clock(max(getattr(claim.subject, "T_min", 1), 1))
    return clock


def _names(text: str) -> set[str]:
    return set(algebra.read_expression(text).variables())


def content(circuit: Circuit, block: Block, j: int) -> tuple[Fraction, Fraction, int]:
    """What coordinate j holds after the attention of block 1: (constant, v, factors of v that round): constant + v/t."""
    label, tokens = circuit.residual.label(j), circuit.embedding.tokens
    vectors = {**tokens, None: circuit.embedding.other} if circuit.embedding.other is not None else dict(tokens)
    held = {_number(dict(e.entries).get(j, Fraction(0)), f"the embedding's {label}") for e in vectors.values()}  # type: ignore[union-attr]
    heads = [h for h in block.heads if j in h.writes]
    if len(held) != 1:
        raise Unreadable(f"{label} is not the same for all tokens")
    constant = held.pop()
    if not heads:
        return constant, Fraction(0), 0
    if len(heads) > 1 or constant or not isinstance(heads[0], Head):
        raise Unreadable(f"{label} is not written by one known head alone")
    head = heads[0]
    uniform(circuit, head)
    columns = [(a, _number(dict(w.entries)[j], "W_O")) for a, w in enumerate(head.W_O) if j in w.indices]  # type: ignore[union-attr]
    values = {t: _product(head.W_V[columns[0][0]], e, "W_V") for t, e in vectors.items()}  # type: ignore[arg-type]
    if len(columns) > 1 or any(v for t, v in values.items() if t != circuit.bos):
        raise Unreadable(f"the head {head.name!r} averages more than a mark at BOS")
    v, w = values[circuit.bos], columns[0][1]
    if not all(representable(x, format_named("float8_e4m3")) for x in (v, w)):
        raise Unreadable(f"the head {head.name!r} has values that some format would round")
    return Fraction(0), v * w, sum(not is_power_of_two(x) for x in (v, w) if x)


def uniform(circuit: Circuit, head: Head) -> None:
    """Raise Unreadable unless the float scores of a query are surely all equal: Q or K zero, or equal keys and exact products."""
    rows = [(q, k) for q, k in zip(head.W_Q, head.W_K, strict=True) if q.entries and k.entries]  # type: ignore[union-attr]
    vectors = [*circuit.embedding.tokens.values(), *([circuit.embedding.other] if circuit.embedding.other is not None else [])]
    for _, k in rows:
        keys = {_product(k, e, "W_K") for e in vectors}  # type: ignore[arg-type]
        if len(keys) != 1 or not (keys == {Fraction(0)} or is_power_of_two(next(iter(keys)))):
            raise Unreadable(f"the keys of {head.name!r} are not one power of two for all tokens")
    if len(rows) > 2:
        raise Unreadable(f"scores of {head.name!r} sum {len(rows)} products; equal keys need not give equal floats")


def _product(row: Vector, e: Vector, where: str) -> Fraction:
    """<row, e> if it is a single product of numbers that every format holds, or nothing: then nothing is rounded before, or cancels."""
    both = [(x, dict(e.entries)[i]) for i, x in row.entries if i in e.indices]
    if len(both) > 1:
        raise Unreadable(f"{where} sums several products")
    factors = [_number(x, where) for pair in both for x in pair]
    if not all(is_power_of_two(x) or representable(x, format_named("float8_e4m3")) for x in factors):
        raise Unreadable(f"{where} multiplies numbers that some format would round")
    return math.prod(factors, start=Fraction(1)) if factors else Fraction(0)


def _number(x: Scalar, where: str) -> Fraction:
    if not isinstance(x, Fraction):
        raise Unreadable(f"{where} holds {x}, not a rational number")
    return x


def _ramps(circuit: Circuit, block: Block, unit: Unit, index: int, T: int) -> Ramps:
    """One Unit, or one range of Units at T, as lines in k."""
    first, last = (Units._count(x, {"T": Fraction(T)}) for x in (unit.first, unit.last)) if isinstance(unit, Units) else (1, 1)  # type: ignore[arg-type]
    constants, slope = [], (Fraction(0), Fraction(0))
    for j, weight in unit.read.entries:  # type: ignore[union-attr]
        held, v, _ = content(circuit, block, j)
        if v and any(slope):
            raise Unreadable("a hidden unit that reads two coordinates of the head")  # each is rounded by itself
        if v:
            slope = _line(weight, T)
        elif held:
            constants.append((_line(weight, T), held))
    made = Ramps(first, last, tuple(constants), slope, _line(dict(unit.write.entries)[index], T), _line(unit.bias, T))  # type: ignore[union-attr,arg-type]
    try:
        for line in (made.slope, made.write, made.bias, *(a for a, _ in constants)):
            made.size(line)
    except ValueError as bad:
        raise Unreadable(str(bad)) from None
    return made


def _line(x: Scalar, T: int) -> Line:
    x = scalars.substitute(x, {"T": Fraction(T)})
    if isinstance(x, Fraction):
        return x, Fraction(0)
    terms = dict(x.poly.terms)
    c0, c1 = Fraction(terms.pop((), 0)), Fraction(terms.pop((("k", 1),), 0))
    if terms:
        raise Unreadable(f"the weight {x} is not a line in k with rational coefficients")
    return c0, c1


def _vocabulary(claim: Claim, asked: str) -> Any:
    """What reading the weights covers: every vocabulary if the circuit says what further tokens look like, else the given one."""
    return "given" if claim.circuit.embedding.other is None else "every" if asked == "every" else asked


_proved: dict[tuple[str, str], bool] = {}


def _identity(claim: Claim) -> bool:
    """Whether the kernel accepts the exact identity behind a Within claim, for every T; asked once for each."""
    s = claim.statement
    exact = Equals(s.site, s.direction, s.value)  # type: ignore[union-attr]
    key = claim.subject.weights_sha256, str(exact)
    if key not in _proved:
        scope = Scope(order="forall T exists weights", t_max="T", vocabulary=_vocabulary(claim, "every"))
        found = prove(Claim("identity", claim.subject, exact, scope))
        _proved[key] = found.kind == "proved"
    return _proved[key]
