"""Certificates of division clocks: exactly t at every t <= T, in real numbers or in a dtype, for every order of summation.

`certificate` writes the weights, the arithmetic and its hypotheses down as JSON; `nopeproof.counter_kernel`, a program of its own
that imports nothing of ours, generates the goals from them and accepts or rejects. `longest` asks it for the largest T. Which
kernels obey which hypothesis: a row softmax divides exp(0) by a sum of ones, or multiplies by its reciprocal; torch's unfused
attention does the same; a fused one adds ones block by block, rescaled by exp(0 - 0), and divides last; a prefix scan likewise.
If exp(0) = 1 all of them add whole numbers, exact in any order up to 2^p of the accumulator, and round one quotient: "nearest".
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from nopeproof import counter_kernel as kernel
from nopeproof.checks.certify import within_range
from nopeproof.checks.evaluate import value_of
from nopeproof.checks.probe import Facts, Probe, division_probe, facts, nearest_quotient, quotient_probe
from nopeproof.circuit import Circuit, Family
from nopeproof.claims import LAST, Claim, Equals, Evidence, Fails, Scope, Unchanged, Within
from nopeproof.division import Doubling
from nopeproof.errors import NopeproofError
from nopeproof.theory.precision import first_collision, round_to
from nopeproof.theory.rounding import Arithmetic, arithmetic

TOOL = "division clock, exact in every order of summation"
NEAREST, ONE_SPACING = Fraction(1, 2), Fraction(1)
REAL = "real arithmetic"


@dataclass(frozen=True)
class Clock:
    """Where a subject divides: the coordinate of the quotient, after which block, and coordinates that must not change."""

    subject: Circuit | Doubling
    block: int
    index: int
    frame: tuple[int, ...] = ()

    def certificate(self, how: Arithmetic | None, T: int | str, ulps: Fraction = NEAREST, goal: str = "clock") -> dict[str, Any]:
        """What the checker reads. how: None for real numbers. ulps: how many spacings of the accumulator the quotient may be off."""
        circuit = self.subject.symbolic if isinstance(self.subject, Doubling) else self.subject
        return {
            "schema": 1,
            "kind": "division clock",
            "goal": goal,
            "circuit": circuit.as_json(),
            "block": self.block,
            "index": self.index,
            "frame": list(self.frame),
            "arithmetic": "real" if how is None else _floats(how, ulps),
            "T": T,
            "hypotheses": list(hypotheses(how, ulps)),
        }

    def held(self) -> dict[int, Fraction]:
        """Bounds of the coordinates of the division, which `counter_kernel` keeps in range: the gate is a, the quotient q."""
        assert isinstance(self.subject, Circuit)
        roles, steps = kernel.read_division(self.subject.as_json(), self.block, self.index)
        gate, quotient = 2 * max(s["Kc"].factor for s in steps), sum(s["w"].factor for s in steps)
        most = {"one": Fraction(1), "x": Fraction(2), "r": Fraction(2), "a": gate, "q": quotient}
        return {roles[name]: x for name, x in most.items()}


def _floats(how: Arithmetic, ulps: Fraction) -> dict[str, Any]:
    form = lambda f: {"p": f.p, "emin": f.emin, "emax": f.emax}  # noqa: E731
    for f in (how.storage, how.accumulator):
        if f.top != (2 - Fraction(2) ** (1 - f.p)) * Fraction(2) ** f.emax:
            raise NopeproofError(f"a certificate in {how}", f"{f} ends at {float(f.top):g}, short of its last binade", "an IEEE format")
    return {
        "storage": form(how.storage),
        "accumulator": form(how.accumulator),
        "exp0": str(how.e_0),
        "ulps": str(ulps),
        "flush": how.flush,
        "overflow": how.storage.emax < 64,  # float16, whose range is short of 2^(p + J)
        "route": how.route,
    }


def hypotheses(how: Arithmetic | None, ulps: Fraction = NEAREST) -> tuple[str, ...]:
    """In words, what a run must obey for the certificate to speak of it."""
    if how is None:
        return (REAL,)
    quotient = "rounded to nearest" if ulps == NEAREST else f"within {ulps} spacing of {how.accumulator}"
    said = [
        f"{how.storage} storage, rounded to nearest; sums in {how.accumulator} or wider, in any order, fused or not; no TF32",
        f"exp(0) = 1 in every lane, and the head's quotient 1/t is {quotient}"
        if how.e_0 == 0
        else f"|exp(0) - 1| <= {float(how.e_0):.4g} in every lane; quotient {quotient}",
        "rescaling by exp(m - m) is exact; masked keys and zero terms add nothing; other coordinates, queries and keys stay finite",
        "underflow flushed to zero" if how.flush else "gradual underflow",
    ]
    return (*said, "an overflow keeps its sign") if how.storage.emax < 64 else tuple(said)


def accepts(found: dict[str, Any]) -> bool:
    """Whether the checker accepts."""
    try:
        return bool(kernel.check(found))
    except kernel.Reject:
        return False


_longest: dict[tuple[Any, ...], int] = {}


def longest(clock: Clock, how: Arithmetic, ulps: Fraction = NEAREST) -> int:
    """The largest T whose certificate is accepted, 0 if there is none. Remembered by the hash of the weights."""
    key = (clock.subject.weights_sha256, clock.block, clock.index, clock.frame, how, ulps)
    if key not in _longest:
        _longest[key] = _search(clock.certificate(how, 1, ulps), first_collision(how.storage))
    return _longest[key]


def _search(one: dict[str, Any], likely: int) -> int:
    """What is accepted up to T is accepted up to less, so a rejection ends the run. likely: where it may end, give or take one."""
    ok = lambda T: accepts({**one, "T": T})  # noqa: E731
    if not ok(1):
        return 0
    for T in (likely, likely - 1):
        if T > 1 and ok(T) and not ok(T + 1):
            return T
    low, high = 1, 2
    while ok(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ok(middle) else (low, middle)
    return low


# --- claims ----------------------------------------------------------------------------------------------------------


def read(claim: Claim) -> Clock | str:
    """The division a claim is about, or why this check has nothing to say of it."""
    s = claim.statement.statement if isinstance(claim.statement, Fails) else claim.statement
    if not isinstance(claim.subject, Circuit | Doubling) or not isinstance(s, Equals | Unchanged) or claim.scope.words != "bos-first":
        return "not a circuit's claim, one BOS in front, about a coordinate"
    site = s.site if isinstance(s, Equals) else s.end
    grows = isinstance(claim.subject, Doubling)
    if site.after != "ffn" or not site.block or (grows and site.block != LAST):
        return f"not about what stands after an FFN{', the last one' if grows else ''}"
    if grows and claim.scope.arithmetic != "real":
        return "the family whose depth grows is for real numbers"
    block = min(site.block, len(claim.circuit.blocks))
    if isinstance(s, Equals) and (s.value.strip() != "t" or [value_of(s.value, t=t, T=9) for t in (1, 7)] != [1, 7]):
        return "the value claimed is not t"
    if isinstance(s, Within) and not (value_of(s.error) <= 1 if isinstance(claim.statement, Fails) else value_of(s.error) > 0):
        return "|q - t| < error is decided by whether q = t only for errors above 0; that it fails, as q is whole, for those up to 1"
    frame = tuple(s.indices) if isinstance(s, Unchanged) else ()
    circuit = claim.circuit.as_json()
    for index in [s.index] if isinstance(s, Equals) else range(claim.circuit.d_model):
        try:
            roles, _ = kernel.read_division(circuit, block, index)
            kernel.check_stream(circuit, block, roles, frame)
        except (kernel.Reject, KeyError, TypeError, ValueError) as bad:
            why = str(bad)
            continue
        return Clock(claim.subject, block, index, frame)
    return why


def certify_counter(claim: Claim, platform: Facts | None = None) -> Evidence | None:
    """Evidence on a claim that a division clock holds t, changes nothing else, or (as `Fails`) is not right for ever.

    None if the claim is about anything else. A float certificate rests on probes of the running platform and is shrunk, or not
    given, where one fails.
    """
    start, clock = time.perf_counter(), read(claim)
    if isinstance(clock, str):
        return None
    if claim.scope.arithmetic == "real":
        return None if isinstance(claim.statement, Fails) else _real(claim, clock, start)
    try:
        declared = arithmetic(claim.scope.arithmetic)
        _floats(declared, NEAREST)
    except NopeproofError as bad:
        return Evidence("open", claim.scope, TOOL, reason=bad.message)
    found = on_platform(declared, platform)
    if found.how is None:
        return Evidence("open", claim.scope, TOOL, reason="a probe of the platform failed: " + "; ".join(found.failed))
    return _float(claim, clock, found, start)


def _real(claim: Claim, clock: Clock, start: float) -> Evidence:
    grows, tool = isinstance(clock.subject, Family), "long division in real numbers"
    T = "every" if grows else claim.scope.t_max if isinstance(claim.scope.t_max, int) else 2 ** (clock.block // 2 - 1) - 1
    found = clock.certificate(None, T)
    try:
        kernel.check(found)
    except kernel.Reject as bad:
        return Evidence("open", claim.scope, tool, time.perf_counter() - start, reason=str(bad))
    scope = _scope(claim, "T" if grows else T)  # type: ignore[arg-type]
    return Evidence("proved", scope, f"{tool}: counter_kernel", time.perf_counter() - start, certificate=found)


def _scope(claim: Claim, end: Any) -> Scope:
    given = "given" if claim.circuit.embedding.other is None else "every"
    return replace(claim.scope, t_min=1, t_max=end, vocabulary=given, parameters="all")


@dataclass(frozen=True)
class Platform:
    """What the probes leave of a declared arithmetic: None if nothing, and how near to 1/t the head's quotient comes."""

    how: Arithmetic | None
    ulps: Fraction
    said: tuple[str, ...]
    failed: tuple[str, ...]
    reason: str = ""


def on_platform(declared: Arithmetic, known: Facts | None = None) -> Platform:
    """Probe what a clock's certificate rests on. known: take these facts in place of probing, as a test does."""
    if known is not None:
        how = known.shrink(declared)
        return Platform(how, NEAREST, known.said, known.failed, _shrunk(declared, how, NEAREST))
    found = facts(declared)
    how = found.shrink(declared)
    if how is None:
        return Platform(None, NEAREST, found.said, found.failed)
    divides, (quotient, ulps) = division_probe(how), quotient_probe(how)
    probes: Sequence[Probe] = (divides, quotient)
    failed = (*found.failed, *(str(p) for p in probes if not p.ok))
    said = (*found.said, *(f"probed: {p}" for p in probes))
    return Platform(how if divides.ok and quotient.ok else None, ulps, said, failed, _shrunk(declared, how, ulps))


def _shrunk(declared: Arithmetic, how: Arithmetic | None, ulps: Fraction) -> str:
    if how is None or (how == declared and ulps == NEAREST):
        return ""
    parts = [f"|exp(0) - 1| <= {float(how.e_0):.3g}"] * (how.e_0 > 0) + ["1/t is not rounded to nearest"] * (ulps > NEAREST)
    return "shrunk by a probe: " + (", ".join(parts) or "another accumulator or underflow than declared")


def _float(claim: Claim, clock: Clock, platform: Platform, start: float) -> Evidence:
    how, ulps = platform.how, platform.ulps
    assert how is not None
    T, assumes = longest(clock, how, ulps), (*hypotheses(how, ulps), *platform.said)
    T, reason = within_range(claim, T, how, platform.reason, clock.held())  # other heads than the division's
    took = lambda: time.perf_counter() - start  # noqa: E731
    if isinstance(claim.statement, Fails):
        found = clock.certificate(how, T + 1, ulps, "misses")
        past = (isinstance(claim.scope.t_max, int) and claim.scope.t_max <= T) or within_range(claim, T + 1, how, "", clock.held())[0] <= T
        if past or not isinstance(claim.statement.statement, Equals) or not accepts(found):
            return Evidence("open", claim.scope, TOOL, took(), reason=f"no run is known to be wrong at T = {T + 1}", assumes=assumes)
        witness = {"word": f"BOS, then any token {T} times", "t": T + 1, "expected": str(T + 1), "found": _decoded(how, ulps, T + 1)}
        return Evidence("certified", _scope(claim, claim.scope.t_max), TOOL, took(), witness, "", assumes, found)
    if claim.scope.t_min > T:
        return Evidence("open", claim.scope, TOOL, took(), reason=f"certified to T = {T} only", assumes=assumes)
    end = min(claim.scope.t_max, T) if isinstance(claim.scope.t_max, int) else T
    said = "; ".join(x for x in (f"certified to T = {T}; the error is 0 at every t", reason) if x)
    return Evidence("certified", _scope(claim, end), TOOL, took(), None, said, assumes, clock.certificate(how, end, ulps))


def _decoded(how: Arithmetic, ulps: Fraction, t: int) -> str:
    """What the clock makes of 1/t, where that is one known number."""
    if how.e_0 or ulps != NEAREST:
        return f"not {t}"
    x = round_to(round_to(Fraction(1, t), how.accumulator), how.storage)
    return str(nearest_quotient(x))
