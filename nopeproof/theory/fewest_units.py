"""The lower bounds of `theory.widths` as provers: how many ReLU units, how many pieces, and how steep, to turn 1/t into t."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from math import isqrt

from nopeproof.claims import Claim, Evidence
from nopeproof.theory import widths
from nopeproof.theory.argument import Argument

SCALAR = "one hidden layer of ReLU units on the scalar 1/t, any weights and biases"
LIPSCHITZ = "any function of 1/t of Lipschitz constant L"
SKIP = f"{SCALAR}, and 1/t itself in the read-out"
TOOL = "theory.widths: chords of a convex curve"


def _argument(claim: Claim, tool: str, *ffns: str) -> Argument:
    a = Argument(claim, tool)
    a.needs("ffn", *ffns)
    a.needs("depth", 1)  # a second FFN reads more than the scalar
    a.whatever("mask", "bos", "positions", "attention", "norms", "sizes")  # the statement begins with the scalar 1/t
    return a


def exact_units(*, skip: bool) -> Callable[[Claim, bool], Sequence[Evidence]]:
    """The prover of: floor(T/2) units are needed for t on 1..T, and are enough; with 1/t in the read-out ceil(T/2) - 1.

    w units make at most w + 1 pieces. No three points (1/t, t) are on a line, so ceil(T/2) pieces are needed. Without 1/t in
    the read-out and for even T, T/2 pieces would be the chords of (1, 2), (3, 4), ...: all bend upwards towards larger x, so
    each unit's weight is positive and the slope right of all kinks, a sum of positive terms, is >= 0; the chord of (1, 2) has -2.
    """

    def prover(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
        a = _argument(claim, TOOL, SKIP if skip else SCALAR)
        a.identity("(1/b - 1/a)*(c - a) - (1/c - 1/a)*(b - a)", "(b - a)*(c - a)*(b - c)/(a*b*c)", "no three points on a line")
        a.identity("1/(1/(j + 1) - 1/j)", "-j*(j + 1)", "the slope of the chord from t = j + 1 to j")
        a.positive("(j + 2)*(j + 3) - j*(j + 1)", {"j": 1}, "chords bend upwards")
        _network_is_exact(a, skip)
        for T in range(2, 61 if deep else 25):
            pieces = len(widths.least_runs(widths.clock_points(T)))
            network = (widths.minimal_with_skip if skip else widths.minimal)(T)
            right = all(widths.network_value(network, Fraction(1, t)) == t for t in range(1, T + 1))
            least = pieces - 1 if skip or T % 2 else pieces
            a.step(f"T = {T}: {pieces} pieces, so {least} units, and as many do it", right and len(network[1]) == least)
        return a.evidence("proved")

    return prover


def _network_is_exact(a: Argument, skip: bool) -> None:
    """c - s/t + sum over k of relu(4 - (8 k + e)/t) is t for every t: c, s, e = 3, 2, 2 with 1/t in the read-out, 1, 0, -2 without.

    At t = 2 m + 1 the units k <= m are on, at t = 2 m those with 8 k + e < 8 m: k <= m - 1, or k <= m.
    """
    c, s, e, n = (3, 2, 2, "(m - 1)") if skip else (1, 0, -2, "m")
    a.identity(
        f"(4*m*(m + 1) + {e}*m) + (8*(m + 1) + {e})", f"4*(m + 1)*(m + 2) + {e}*(m + 1)", "the sum of 8 k + e up to k = m, by induction"
    )
    a.positive(f"4*(2*m + 1) - (8*m + {e})", {"m": 0}, "t = 2 m + 1: unit m is on")
    a.positive(f"(8*(m + 1) + {e}) - 4*(2*m + 1)", {"m": 0}, "and unit m + 1 is off")
    a.identity(f"{c} - {s}/(2*m + 1) + 4*m - (4*m*(m + 1) + {e}*m)/(2*m + 1)", "2*m + 1", "so the value is t")
    a.positive(f"4*(2*m) - (8*{n} + {e})", {"m": 1}, "t = 2 m: the last unit that is on")
    a.positive(f"(8*({n} + 1) + {e}) - 4*(2*m)", {"m": 1}, "the first that is off")
    a.identity(f"{c} - {s}/(2*m) + 4*{n} - (4*{n}*({n} + 1) + {e}*{n})/(2*m)", "2*m", "so the value is t")


def rounding_pieces(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """floor(sqrt T) affine pieces are needed, and are enough, for t to within 1/2 on 1..T.

    A line follows a..b within 1/2 iff (t - a)(b - t) < t in between: from a = k^2 up to b = k^2 + 2k and no further.
    """
    a = _argument(claim, TOOL, SCALAR, SKIP)
    a.identity("(k**2 + j) - j*(2*k - j)", "(k - j)**2 + j", "the run from k^2 to k^2 + 2k is within 1/2: positive for j >= 1")
    a.identity("k*(k + 1)", "k**2 + k", "one further, t = k^2 + k is 1/2 away, not less")
    for T in range(1, 40 if deep else 26):
        runs = widths.least_runs(widths.clock_points(T), Fraction(1, 2))
        lines = widths.rounding_lines(T)
        near = all(abs(max(m * Fraction(1, t) + c for m, c in lines) - t) < Fraction(1, 2) for t in range(1, T + 1))
        a.step(f"T = {T}: {len(runs)} runs, {len(lines)} lines within 1/2", len(runs) == len(lines) == isqrt(T) and near)
    return a.evidence("proved")


def steepness(claim: Claim, deep: bool = False) -> Sequence[Evidence]:
    """An FFN of Lipschitz constant L is exact on 1..T only if L >= T (T - 1), so none is exact for all T; and L = T (T - 1) is enough.

    Neighbours 1/t and 1/(t + 1) are 1/(t (t + 1)) apart, their values 1. Whatever is continuous on [0, 1] is bounded there besides.
    """
    a = _argument(claim, "theory.widths: steps of t against steps of 1/t", LIPSCHITZ)
    a.identity("1/t - 1/(t + 1)", "1/(t*(t + 1))", "so |f(1/t) - f(1/(t + 1))| <= L/(t (t + 1))")
    a.identity("(1 - 2*e)/(1/t - 1/(t + 1))", "(1 - 2*e)*t*(t + 1)", "and to be within e of both takes this slope")
    a.identity("2 + 4*K*(K + 1) + 2*K", "(2*K + 2)*(2*K + 1)", "all K = T/2 - 1 units of the minimal network on: slope T (T - 1), T even")
    for T in range(2, 61 if deep else 31):
        network = widths.minimal_with_skip(T)
        L = steepest(network)
        wrong = next(t for t in range(1, 10 * T + 10) if widths.network_value(network, Fraction(1, t)) != t)
        end = next(t for t in range(1, 10 * T + 10) if t * (t + 1) > L) + 1
        gap = L - widths.lipschitz_needed(T)
        a.step(
            f"T = {T}: the minimal network has slope {L}, and is wrong at t = {wrong} <= {end}",
            (gap == 0 if T % 2 == 0 else gap > 0) and T < wrong <= end,
        )
    return a.evidence("proved")


def steepest(network: tuple[tuple[Fraction, Fraction], list[tuple[Fraction, Fraction]]]) -> Fraction:
    """The Lipschitz constant on [0, 1] of slope x + intercept + sum relu(w x + b), all w < 0 < b, from its pieces."""
    (slope, _), units = network
    kinks = sorted((-b / w, w) for w, b in units)
    left = slope + sum((w for _, w in kinks), Fraction(0))
    return max(abs(x) for x in accumulate((-w for _, w in kinks), initial=left))
