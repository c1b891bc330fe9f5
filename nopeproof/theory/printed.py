"""Formulas as printed, evaluated exactly and held against what they are said to give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from itertools import combinations, count

from nopeproof.claims import Claim, Evidence
from nopeproof.models import ModelClass
from nopeproof.positions import alibi_slopes, t5_bucket
from nopeproof.theory.argument import Argument


def _argument(claim: Claim, tool: str) -> Argument:
    a = Argument(claim, tool)
    a.whatever(*(f.name for f in fields(ModelClass) if f.name != "arithmetic"))  # numbers alone are spoken of
    return a


def alibi_constant(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Printed: C = 2^(-2^(-log2(H + 3))), for 8 heads slopes 1/2, ..., 1/2^8. It is 2^(-1/(H + 3)): C^11 = 1/2 for 8 heads, so C > 1/2.

    The form that gives them is C = 2^(-2^(-(log2 H - 3))) = 2^(-8/H): exponents -8 m/H, m = 1..H, whole for H = 1, 2, 4, 8.
    """
    a = _argument(claim, "theory.printed: exponents of 2 as fractions")
    H = a.size("heads")
    printed = -Fraction(1, H + 3)  # 2^(-log2 x) = 1/x
    a.step(f"printed, {H} heads: C = 2^({printed}), so the first slope is not 1/2", printed * (H + 3) == -1 != printed)
    right = [-Fraction(8 * m, H) for m in range(1, H + 1)]
    a.step(f"2^(-8 m/{H}) are 1/2, 1/4, ..., 1/2^8" if H == 8 else f"2^(-8 m/{H})", H != 8 or right == [-m for m in range(1, 9)])
    a.step("nopeproof.positions gives just these", all(s == 2.0**e for s, e in zip(alibi_slopes(H), map(float, right), strict=True)))
    return a.evidence("proved", {"heads": H, "found": f"2^({printed}) = {2 ** float(printed):.3f}", "expected": "1/2"})


def printed_bucket(n: int, B: int, D: int) -> Fraction:
    """Printed: n below B/2; B/2 + floor(log(n/(B/2))/log(D/(B/2)) B/2) up to D; B - 1 from D on. The floor by comparing powers."""
    half = Fraction(B, 2)
    if n < half:
        return Fraction(n)
    if n >= D:
        return Fraction(B - 1)
    # k <= log(x)/log(y) B/2 iff x^2 at the power B is at least y^2 at the power 2k, both > 1
    x, y = n / half, D / half
    return half + next(k for k in count() if x**B < y ** (2 * (k + 1)))


def t5_formula(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """With 5 buckets and distance 6, the printed example, the printed formula gives half-integers; T5's own, in whole numbers, the example.

    With B = 32 and D = 128 (any even B) both agree: B/2 is whole there.
    """
    a = _argument(claim, "theory.printed: logarithms compared as powers")
    B, D = a.size("buckets"), a.size("max_distance")
    shown = [0, 1, 2, 3, 3, 4, 4, 4, 4, 4]
    ours = [int(t5_bucket(n, B, D)) for n in range(10)]
    theirs = [printed_bucket(n, B, D) for n in range(10)]
    a.step(f"the printed matrix is {shown}; whole-number buckets: {ours}", ours == shown)
    a.step(f"the printed formula: {', '.join(map(str, theirs))}", theirs != shown)
    agree = all(printed_bucket(n, 32, 128) == int(t5_bucket(n)) for n in range(400))
    a.step("32 buckets, distance 128: both agree, n = 0..399", agree)
    first = next(n for n in range(10) if theirs[n] != shown[n])
    return a.evidence("proved", {"distance": first, "found": str(theirs[first]), "expected": str(shown[first])})


def divergence(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """The published code's divergence, (KL(M|P) + KL(M|Q))/2, is not the Jensen-Shannon divergence (KL(P|M) + KL(Q|M))/2 and has no bound.

    As P <= 2M everywhere, the true one is at most ln 2. For P = (1 - e, e), Q = (e, 1 - e) the code's is -ln(4 e (1 - e))/2.
    """
    import flint

    a = _argument(claim, "theory.printed: balls")
    a.identity("2*((p + q)/2) - p", "q", "P <= 2M, so KL(P|M) <= ln 2")

    def kl(p: Sequence[Fraction], q: Sequence[Fraction]) -> flint.arb:
        x = flint.arb(0)
        for s, t in zip(p, q, strict=True):
            ratio = s / t
            x += flint.arb(flint.fmpq(s.numerator, s.denominator)) * flint.arb(flint.fmpq(ratio.numerator, ratio.denominator)).log()
        return x

    e = Fraction(1, 1000)
    P, Q, M = [1 - e, e], [e, 1 - e], [Fraction(1, 2)] * 2
    true, code = (kl(P, M) + kl(Q, M)) / 2, (kl(M, P) + kl(M, Q)) / 2
    ln2 = flint.arb(2).log()
    a.step(f"e = 1/1000: Jensen-Shannon {float(true):.3f} <= ln 2 < {float(code):.3f}, the code's", bool(true <= ln2) and bool(code > ln2))
    for n in (1, 2, 4, 8):
        small = Fraction(1, 1000**n)
        R = [1 - small, small]
        a.step(f"e = 1000^-{n}: the code's is above {3 * n - 1}", bool((kl(M, R) + kl(M, R[::-1])) / 2 > 3 * n - 1))
    pairs = len(list(combinations(range(12), 2)))
    a.step(f"the code compares {pairs} of 144 head pairs: i < j only", pairs == 66)
    return a.evidence(
        "proved", {"P": "(999/1000, 1/1000)", "Q": "(1/1000, 999/1000)", "found": f"{float(code):.3f}", "expected": "at most ln 2"}
    )
