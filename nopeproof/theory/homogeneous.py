"""A ReLU FFN without biases is positively homogeneous, so a norm in front of it divides what it writes by the norm."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from nopeproof.claims import Claim, Evidence
from nopeproof.theory.argument import Argument


def scales_away(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """No bias-free ReLU FFN behind RMSNorm that reads position rows alone writes t, or t - 1/t, for contents of two norms.

    The rows hold the same numbers z for both contents, sigma_1 and sigma_2 are the two root mean squares, y what is written.
    """
    a = Argument(claim, "theory.homogeneous: an FFN without biases scales with its input")
    a.needs("norms", "rmsnorm")
    a.needs("depth", 1)
    a.whatever("mask", "bos", "positions", "attention", "sizes")  # the statement begins with what the rows hold
    a.needs("ffn", "one layer of ReLU units without biases that read position rows alone")
    rng = random.Random(0)
    draw = lambda: Fraction(rng.randint(-9, 9), rng.randint(1, 5))  # noqa: E731
    for _ in range(40 if deep else 8):
        rows, units = rng.randint(1, 4), rng.randint(1, 6)
        W_1, W_2 = [[draw() for _ in range(rows)] for _ in range(units)], [draw() for _ in range(units)]
        z, factor = [draw() for _ in range(rows)], Fraction(rng.randint(1, 9), rng.randint(1, 9))
        holds = _ffn(W_1, W_2, [factor * x for x in z]) == factor * _ffn(W_1, W_2, z)
        a.step(f"FF({factor} z) = {factor} FF(z) for {units} units of {rows} rows", holds)
    a.identity("l*x", "(l*x)", "l > 0, x >= 0: relu(l x) = l x = l relu(x)")
    a.identity("l*0", "0", "l > 0, x <= 0: l x <= 0, so relu(l x) = 0 = l relu(x); both cases, summed over units: FF(l z) = l FF(z)")
    a.identity("(g/s1)*s1", "(g/s2)*s2", "what is written is FF(z/sigma) = FF(z)/sigma: times its own sigma it is the same g = FF(z)")
    a.identity("y*s1 - y*s2", "y*(s1 - s2)", "were both y, the left side would be g - g = 0, so y = 0 or sigma_1 = sigma_2")
    a.positive("t - 1/t", {"t": 2}, "but y = t - 1/t is not 0")
    a.positive("t", {"t": 1}, "and neither is t, if it goes into a row of its own")
    return a.evidence("proved")


def _ffn(W_1: list[list[Fraction]], W_2: list[Fraction], z: list[Fraction]) -> Fraction:
    reads = [sum((w * x for w, x in zip(row, z, strict=True)), Fraction(0)) for row in W_1]
    return sum((w * max(x, Fraction(0)) for w, x in zip(W_2, reads, strict=True)), Fraction(0))
