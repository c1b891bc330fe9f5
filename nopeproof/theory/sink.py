"""How far a float run of a sink clock can be from t - 1: a bound for every order of summation.

One head with score ln B on BOS and 0 elsewhere, value 0 on BOS and 1 elsewhere, output gain B. With s = t - 1,
exactly B s/(B + s) = s - s^2/(B + s). In floats: the stored ln B is off by u_s ln B, so that e^(-ln B) is off by a factor within
e^(+-u_s ln B); exp errs by at most EXP_ULPS roundoffs, and at 0 by e_0; the denominator sums t terms, the average s, in any order; each
weight, the average, the output and the stream are rounded and stored. Every term grows with t, so one evaluation serves all t <= T.
"""

from __future__ import annotations

from fractions import Fraction

from nopeproof.theory.rounding import EXP_ULPS, Arithmetic

HOPELESS = Fraction(10**9)


def error(B: int, how: Arithmetic, T: int) -> Fraction:
    """A bound on |clock - (t - 1)| at every t <= T; HOPELESS where there is none."""
    u_a, u_s, S = how.u_a, how.u_s, T - 1
    drift = how.storage.u * Fraction(7, 10) * B.bit_length()  # ln 2 < 7/10
    nu = (1 + drift + drift * drift) * (1 + EXP_ULPS * u_a + how.e_0) - 1
    summing = S * u_a
    if drift > 1 or max(nu, summing) >= 1 or how.accumulator.tiny * B * 4 > 1 or how.storage.top < 2 * B:
        return HOPELESS
    store = lambda sign: (1 + sign * u_a) * (1 + sign * u_s)  # noqa: E731
    high = (1 + nu) / ((1 - nu) * (1 - summing)) * (1 + u_a) * store(1) * (1 + summing) * (1 + u_s) * store(1) ** 2
    low = (1 - nu) / ((1 + nu) * (1 + summing)) * (1 - u_a) * store(-1) * (1 - summing) * (1 - u_s) * store(-1) ** 2
    share = Fraction(S, B + S)
    lost = 2 * (S + 2) * B * how.eta  # each weight, and what comes after, may underflow
    return S * share + B * share * max(high - 1, 1 - low) + lost
