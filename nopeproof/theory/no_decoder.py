"""Where fl(1/t) = fl(1/(t + 1)) no decoder tells t from t + 1, whatever its size: it is a function, and gets one number for both.

Said of models in which position enters a row as x = fl(1/t) alone: one uniform head averages a mark that only BOS bears, and what
reads the row, an FFN of any width, any number of layers that act on each position by itself, or a program, sees the token and x.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from nopeproof import counter_kernel
from nopeproof.claims import Claim, Evidence
from nopeproof.theory.argument import Argument
from nopeproof.theory.precision import first_collision, round_to
from nopeproof.theory.rounding import arithmetic


def no_decoder(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """The first two positions with one reciprocal in the class's arithmetic: found in closed form, confirmed by the independent checker.

    Its quotient is the accumulator's, rounded to nearest and then stored. Up to 2^10 positions (deep: 2^16) all earlier pairs
    are looked at too, so that in short formats "first" does not rest on the closed form alone.
    """
    a = Argument(claim, "theory.no_decoder: two positions, one reciprocal", floats=True)
    a.whatever("norms", "ffn", "sizes")
    for convention, value in (("mask", "causal"), ("bos", True), ("positions", "nope"), ("attention", "softmax"), ("depth", 1)):
        a.needs(convention, value)
    how = arithmetic(a.models.arithmetic)
    p, p_a, t = how.storage.p, how.accumulator.p, first_collision(how.storage)
    through = 0 if how.accumulator == how.storage else p_a
    a.step(f"the sum of {t + 1} ones is exact in {how.accumulator}, in any order: {t + 1} <= 2^{p_a}", t + 1 <= 2**p_a)
    a.step(f"1/t is a normal number of {how.storage} up to there", Fraction(1, t + 1) >= how.storage.tiny)
    a.step(f"1/{t} and 1/{t + 1}, each rounded to nearest, are one number of {how.storage}", counter_kernel.collides(t, p, through))
    few = range(1, min(t, 2**16 if deep else 2**10))
    a.step(f"no pair before does so, tried up to t = {few.stop}", not any(counter_kernel.collides(n, p, through) for n in few))
    x = round_to(round_to(Fraction(1, t), how.accumulator), how.storage)
    said = {"t": [t, t + 1], "x": str(x), "word": f"BOS, then one token {t} times", "expected": "two numbers", "found": "one"}
    return a.evidence("proved", said)
