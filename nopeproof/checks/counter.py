"""Certificates of division clocks: exactly t at every t <= T, in real numbers or in a dtype, for every order of summation.

`certificate` writes the weights, the arithmetic and its hypotheses down as JSON; `nopeproof.counter_kernel`, a program of its own
that imports nothing of ours, generates the goals from them and accepts or rejects. `longest` asks it for the largest T. Which
kernels obey which hypothesis: a row softmax divides exp(0) by a sum of ones, or multiplies by its reciprocal; torch's unfused
attention does the same; a fused one adds ones block by block, rescaled by exp(0 - 0), and divides last; a prefix scan likewise.
If exp(0) = 1 all of them add whole numbers, exact in any order up to 2^p of the accumulator, and round one quotient: "nearest".
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from nopeproof import counter_kernel as kernel
from nopeproof.checks.evaluate import value_of
from nopeproof.checks.probe import Facts, Probe, facts, torch_dtype
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Equals, Evidence, Fails
from nopeproof.division import STORED, R, bits_for, cost, division_clock
from nopeproof.errors import NopeproofError
from nopeproof.theory.precision import Format, first_collision, round_to
from nopeproof.theory.rounding import Arithmetic, arithmetic

TOOL = "division clock, exact in every order of summation"
NEAREST = Fraction(1, 2)


def certificate(circuit: Circuit, block: int, index: int, how: Arithmetic | None, T: int, ulps: Fraction = NEAREST) -> dict[str, Any]:
    """What the checker reads. how: None for real numbers. ulps: how many spacings of the accumulator the quotient may be off."""
    return {
        "schema": 1,
        "kind": "division clock",
        "circuit": circuit.as_json(),
        "block": block,
        "index": index,
        "arithmetic": "real" if how is None else _floats(how, ulps),
        "T": T,
        "hypotheses": list(hypotheses(how, ulps)),
    }


def _floats(how: Arithmetic, ulps: Fraction) -> dict[str, Any]:
    form = lambda f: {"p": f.p, "emin": f.emin, "emax": f.emax}  # noqa: E731
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
        return ("real arithmetic",)
    quotient = "rounded to nearest" if ulps == NEAREST else f"within {ulps} spacings of {how.accumulator}"
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


def longest(circuit: Circuit, block: int, index: int, how: Arithmetic | None, ulps: Fraction = NEAREST) -> int:
    """The largest T whose certificate is accepted, 0 if there is none. Remembered by the hash of the weights."""
    key = (circuit.weights_sha256, block, index, how, ulps)
    if key not in _longest:
        _longest[key] = _search(certificate(circuit, block, index, how, 1, ulps))
    return _longest[key]


def _search(one: dict[str, Any]) -> int:
    ok = lambda T: accepts({**one, "T": T})  # noqa: E731
    if not ok(1):
        return 0
    low, high = 1, 2
    while ok(high):
        low, high = high, 2 * high
    while high - low > 1:  # what is accepted up to T is accepted up to less: a rejection ends the run
        middle = (low + high) // 2
        low, high = (middle, high) if ok(middle) else (low, middle)
    return low


def reason_not(claim: Claim) -> str:
    """Why this check has nothing to say of a claim; empty if it has."""
    s = claim.statement.statement if isinstance(claim.statement, Fails) else claim.statement
    if not isinstance(claim.subject, Circuit) or not isinstance(s, Equals) or s.site.after != "ffn" or claim.scope.words != "bos-first":
        return "not one circuit's claim about a coordinate after an FFN, one BOS in front"
    if [value_of(s.value, t=t, T=9) for t in (1, 2, 3, 7)] != [1, 2, 3, 7] or s.value.strip() != "t":
        return "the value claimed is not t"
    try:
        roles, _ = kernel.read_division(claim.circuit.as_json(), s.site.block, s.index)
        kernel.check_stream(claim.circuit.as_json(), s.site.block, roles)
    except (kernel.Reject, KeyError, TypeError, ValueError) as why:
        return str(why)
    return ""


def certify_counter(claim: Claim, platform: Facts | None = None) -> Evidence | None:
    """Evidence on a claim that a division clock holds t (or, as `Fails`, stops doing so): None if it is about anything else.

    A float certificate rests on probes of the running platform and is shrunk, or not given, where one fails.
    """
    if reason_not(claim):
        return None
    start, s = time.perf_counter(), claim.statement
    inner = s.statement if isinstance(s, Fails) else s
    assert isinstance(inner, Equals)
    how, assumes, reason = None, hypotheses(None), ""
    if claim.scope.arithmetic != "real":
        try:
            declared = arithmetic(claim.scope.arithmetic)
        except NopeproofError as bad:
            return Evidence("open", claim.scope, TOOL, reason=bad.message)
        platform = facts(declared) if platform is None else platform
        how = platform.shrink(declared)
        gates = probe(declared) if how else None
        if how is None or (gates and not gates.ok):
            bad = [*platform.failed, *([str(gates)] if gates else [])]
            return Evidence("open", claim.scope, TOOL, reason="a probe of the platform failed: " + "; ".join(bad))
        assumes = (*hypotheses(how), *platform.said, f"probed: {gates}")
        reason = "" if how == declared else f"shrunk by a probe: |exp(0) - 1| <= {float(how.e_0):.3g}"
    T = longest(claim.circuit, inner.site.block, inner.index, how)
    took = time.perf_counter() - start
    if isinstance(s, Fails):
        return _fails(claim, how, T, took, assumes)
    if claim.scope.t_min > T:
        return Evidence("open", claim.scope, TOOL, took, reason=f"certified to T = {T} only", assumes=assumes)
    end = min(claim.scope.t_max, T) if isinstance(claim.scope.t_max, int) else T
    vocabulary = "given" if claim.circuit.embedding.other is None else "every"
    scope = replace(claim.scope, t_min=1, t_max=end, vocabulary=vocabulary, parameters="all")
    said = "; ".join(x for x in (f"certified to T = {T}; the error is 0 at every t", reason) if x)
    return Evidence(
        "certified", scope, TOOL, took, None, said, assumes, certificate(claim.circuit, inner.site.block, inner.index, how, end)
    )


def _fails(claim: Claim, how: Arithmetic | None, T: int, took: float, assumes: tuple[str, ...]) -> Evidence:
    """Past a collision nothing decodes: the streams at t and t + 1 are one and the same, so one of the two must be wrong."""
    hit = impossible(how) if how is not None else None
    reach = hit["t"][1] if hit else None
    if reach is None or (isinstance(claim.scope.t_max, int) and claim.scope.t_max < reach) or reach - 1 < T:
        return Evidence("open", claim.scope, TOOL, took, reason="no collision of 1/t is known within the scope", assumes=assumes)
    return Evidence("certified", claim.scope, TOOL, took, hit, "no decoder of this coordinate is right at both", assumes)


def impossible(how: Arithmetic, ulps: Fraction = NEAREST) -> dict[str, Any] | None:
    """The first t at which 1/t and 1/(t + 1) are one number as stored, with the number; None without exp(0) = 1 and rounding to nearest.

    A stream into which position enters by this number alone is then the same at t and t + 1 (same token, same content), and so is
    everything any later layers make of it. The checker confirms the equality in integers.
    """
    if how.e_0 or ulps != NEAREST:
        return None
    t = first_collision(how.storage)
    through = 0 if how.accumulator == how.storage else how.accumulator.p
    if not kernel.collides(t, how.storage.p, through) or t + 1 > 2**how.accumulator.p:
        return None
    x = round_to(round_to(Fraction(1, t), how.accumulator), how.storage)
    return {"t": [t, t + 1], "reciprocal": str(x), "word": f"BOS, then one token {t} times"}


@lru_cache(maxsize=32)
def probe(how: Arithmetic, device: str = "cpu") -> Probe:
    """Whether torch divides as the certificate says: floats around 1/t, one spacing up and down, against integer arithmetic."""
    import torch

    from nopeproof.run.counter import divide

    fmt, dtype, name = how.storage, torch_dtype(how.storage), f"division in {how.storage}"
    if fmt.name not in STORED:
        return Probe(name, "an IEEE format", f"{fmt}", False)
    J = min(fmt.p - 1, 24)
    ts = sorted(
        {2**e + d for e in range(J + 1) for d in (-1, 0, 1, 2**e // 3) if 1 <= 2**e + d < 2**J} | {first_collision(fmt) % 2**J or 1}
    )
    xs = torch.tensor([float(round_to(Fraction(1, t), fmt)) for t in ts], dtype=torch.float64)
    xs = torch.cat([xs * (1 + d * 2.0 ** (1 - fmt.p)) for d in (-1, 0, 1)]).to(dtype).to(device)
    xs = xs[(xs <= 1) & (xs.double() > 2.0 ** -(J + 1))]
    found = divide(division_clock(J, fmt.name), xs, 2 * (J + 2), R.pos.start).double().tolist()
    wrong = [x for x, q in zip(xs.double().tolist(), found, strict=True) if q != _nearest_quotient(Fraction(x))]
    said = f"exact on all {len(found)} numbers tried" if not wrong else f"wrong on {len(wrong)} of {len(found)}, first {wrong[0]:.9g}"
    return Probe(name, "floor(1/x + 1/2)", said, not wrong)


def _nearest_quotient(x: Fraction) -> int:
    return (2 * x.denominator + x.numerator) // (2 * x.numerator)


CONFIGURATIONS = (
    "float64/float64/materialised", "float32/float32/materialised", "float32/float32/sdpa", "float32/float32/streaming",
    "float16/float32/materialised", "float16/float32/sdpa", "float16/float16/materialised",
    "bfloat16/float32/materialised", "bfloat16/float32/sdpa", "bfloat16/bfloat16/materialised",
)  # fmt: skip


def limits_rows(configurations: tuple[str, ...] = CONFIGURATIONS, probed: bool = True) -> Iterator[dict[str, Any]]:
    """For `nopeproof limits`: the division clock in each arithmetic: certified length, collision, margin, cost, as plain data.

    margin: half the distance that 1/t may move at t = T and still decode, relative: 1/(2T + 1), dimensionless.
    """
    for text in configurations:
        start, declared = time.perf_counter(), arithmetic(text)
        platform = facts(declared) if probed else Facts(())
        how = platform.shrink(declared)
        fmt: Format = declared.storage
        J = min(bits_for(first_collision(fmt)), fmt.p - 1)
        circuit = division_clock(J, fmt.name)
        T = longest(circuit, 2 * (J + 2), R.pos.start, how) if how else 0
        yield {
            "schema": 1, "kind": "limits", "claim": "position", "subject": circuit.name, "weights_sha256": circuit.weights_sha256,
            "arithmetic": text, "route": declared.route, "certified": T, "error_bound": 0, "e_0": float(how.e_0) if how else None,
            "collision": first_collision(fmt), "margin": f"1/{2 * T + 1}", "assumes": list(hypotheses(how)) if how else [],
            "failed": list(platform.failed), **cost(J), "seconds": round(time.perf_counter() - start, 3),
        }  # fmt: skip
