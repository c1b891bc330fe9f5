"""How sharply a quadratic look-up falls on its target: one bound for every length."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from nopeproof.claims import Claim, Evidence
from nopeproof.theory.argument import Argument


def sharp(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """Scores ln B (2 p i - i^2) + g(t) give key p more than (B - 1)/(B + 1) of the weight, whatever the number of keys.

    B is the class's size `base`; its sizes `percent`, that bound exceeds so many hundredths, and no smaller B does.
    """
    a = Argument(claim, "theory.look_ups: a geometric series bounds the leak")
    a.needs("attention", "softmax")
    a.whatever("depth", "mask", "bos", "positions", "norms")  # the scores are given, and the keys are those one sees
    a.needs("ffn", "any, in front of a head with scores ln B (2 p i - i^2) + g(t), p one of its keys")
    B, percent = a.size("base"), a.size("percent")
    if not a.step(f"B = {B} is at least 2", B >= 2):
        return a.evidence("proved")
    a.identity("(2*p*i - i**2) - (2*p*p - p**2)", "-(i - p)**2", "key i has B^-(i-p)^2 of the weight of key p")
    a.identity("m**2 - m", "m*(m - 1)", "so m^2 >= m for whole m >= 1, and B^-m^2 <= B^-m: at most two keys at each distance m")
    a.identity("1/B", "(1 - 1/B)/(B - 1)", "the first term of the series; with u = B^-M, in two steps, its sum up to M is (1 - u)/(B - 1)")
    a.identity("(1 - u)/(B - 1) + u/B", "(1 - u/B)/(B - 1)", "the induction: adding B^-(M+1) = u/B")
    a.positive("u/(B - 1)", {"B": 2, "u": Fraction(1, B ** (64 if deep else 16))}, "u > 0: every partial sum is below 1/(B - 1)")
    a.identity("1/(1 + 2/(B - 1))", "(B - 1)/(B + 1)", "the target's weight is 1/(1 + leak), the leak below 2/(B - 1)")
    a.step(f"({B} - 1)/({B} + 1) > {percent}/100", Fraction(B - 1, B + 1) > Fraction(percent, 100))
    a.step(f"for {B - 1} this fails: {B} is the least such B", not Fraction(B - 2, B) > Fraction(percent, 100))
    return a.evidence("proved")
