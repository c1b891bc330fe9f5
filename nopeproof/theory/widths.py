"""How many ReLU units it takes to turn 1/t into t, or into any table: lower bounds as statements that can be checked.

One hidden layer of w units on a scalar x computes a continuous function of at most w + 1 affine pieces. A piece covers a
run of neighbouring points, so the least number of runs that a line can follow bounds w from below, for any table.

  Exact t at x = 1/t. Three points (1/t, t) are never on a line (1/x is strictly convex): ceil(T/2) pieces.
    with a linear skip (the read-out may use x and 1 besides):   ceil(T/2) - 1 units, attained (`minimal_with_skip`);
    output bias but no skip:                                     floor(T/2) units, attained (`minimal`).
  The last needs a word for even T: with T/2 - 1 units there are T/2 pieces, so each is the chord of its two points, and
  all kinks bend upwards. A unit c relu(s (x - b)) bends by c |s| at b, so c > 0 for all of them. To the right of all kinks
  the slope is the sum of c s over the units that are on there, s > 0, so >= 0; but the chord from t = 2 to t = 1 has slope -2.
  Within 1/2 (rounding). A line follows a..b within 1/2 iff (t - a)(b - t) < t for a < t < b (`fits`): from a = k^2 that
  holds up to b = k^2 + 2k, where j (2k - j) <= k^2 < k^2 + j, and not beyond, where t = k^2 + k gives k (k + 1) = t. So the
  greedy runs are [k^2, (k + 1)^2 - 1], floor(sqrt T) of them, and greedy runs are the fewest: a part of a run is a run.
    Attained: each run's chord moved down by half its largest gap, and the maximum of these lines (`rounding_lines`).
  A Lipschitz bound: t jumps by 1 between x = 1/t and 1/(t + 1), so an FFN that is exact has Lipschitz constant >= T (T - 1).

The bounds are for FFNs that see the position through this one scalar, at one layer of hidden units.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import isqrt

from nopeproof.errors import NopeproofError

Point = tuple[Fraction, Fraction]


def _length(T: int, least: int = 1) -> int:
    if isinstance(T, bool) or not isinstance(T, int) or least > T:
        raise NopeproofError("a width bound", f"T = {T!r}", f"a whole number, at least {least}")
    return T


def clock_points(T: int) -> list[Point]:
    """(1/t, t) for t = 1..T."""
    return [(Fraction(1, t), Fraction(t)) for t in range(1, _length(T) + 1)]


def fits(points: Sequence[Point], error: Fraction = Fraction(0)) -> bool:
    """Whether one line passes within `error` (strictly, or through, if 0) of all points: x in order.

    The lines near one point are a convex set of the plane of lines, so by Helly's theorem triples decide; the best line
    for three points errs by half the distance of the middle one from the chord.
    """
    return all(_triple(points[i], points[j], p, error) for k, p in enumerate(points) for j in range(k) for i in range(j))


def _triple(one: Point, middle: Point, two: Point, error: Fraction) -> bool:
    chord = one[1] + (two[1] - one[1]) * (middle[0] - one[0]) / (two[0] - one[0])
    off = abs(middle[1] - chord) / 2
    return off < error if error else off == 0


def least_runs(points: Sequence[Point], error: Fraction = Fraction(0)) -> list[tuple[int, int]]:
    """The fewest runs of neighbouring points that a line can follow: [(first, last)], indices from 0. Exact."""
    runs: list[tuple[int, int]] = []
    first = 0
    for k in range(len(points)):
        new = points[k]
        if any(not _triple(points[i], points[j], new, error) for j in range(first, k) for i in range(first, j)):
            runs.append((first, k - 1))
            first = k
    return [*runs, (first, len(points) - 1)] if points else runs


def width_bound(points: Sequence[Point], error: Fraction = Fraction(0)) -> int:
    """No one-hidden-layer ReLU network on this scalar with fewer units comes within `error`, whatever its biases or linear skip."""
    return max(len(least_runs(points, error)) - 1, 0)


def exact_width(T: int, *, skip: bool = False) -> int:
    """The least number of hidden units that give t exactly from 1/t on 1..T: floor(T/2), or ceil(T/2) - 1 with a linear skip."""
    _length(T)
    return (T + 1) // 2 - 1 if skip else T // 2


def rounding_pieces(T: int) -> int:
    """The least number of affine pieces within 1/2 of t: floor(sqrt T)."""
    return isqrt(_length(T))


def rounding_lines(T: int) -> list[tuple[Fraction, Fraction]]:
    """(slope, intercept) of floor(sqrt T) lines whose maximum at 1/t is within 1/2 of t, t = 1..T.

    Above the curve + 1/2 no line comes: it is below the curve outside its run, where the chord of a convex function is.
    """
    out = []
    for k in range(1, rounding_pieces(T) + 1):
        a, b = k * k, min(k * k + 2 * k, T)
        gap = max(Fraction((t - a) * (b - t), t) for t in range(a, b + 1))
        out.append((Fraction(-a * b), a + b - gap / 2))
    return out


def lines_as_network(lines: Sequence[tuple[Fraction, Fraction]]) -> tuple[tuple[Fraction, Fraction], list[tuple[Fraction, Fraction]]]:
    """The maximum of lines as skip + ReLU units: ((slope, intercept), [(w, b)]), max = slope x + intercept + sum relu(w x + b).

    Raises NopeproofError unless every line shows: slopes rising with the kinks in order.
    """
    rising = sorted(lines)
    kinks = [(c1 - c2) / (m2 - m1) for (m1, c1), (m2, c2) in pairwise(rising)]
    if kinks != sorted(set(kinks)):
        raise NopeproofError("a maximum of lines as a network", "a line that is nowhere the largest", "leave it out")
    return rising[0], [(m2 - m1, c2 - c1) for (m1, c1), (m2, c2) in pairwise(rising)]


def network_value(network: tuple[tuple[Fraction, Fraction], list[tuple[Fraction, Fraction]]], x: Fraction) -> Fraction:
    """slope x + intercept + sum relu(w x + b), exactly."""
    (slope, intercept), units = network
    return slope * x + intercept + sum((max(w * x + b, Fraction(0)) for w, b in units), Fraction(0))


def minimal_with_skip(T: int) -> tuple[tuple[Fraction, Fraction], list[tuple[Fraction, Fraction]]]:
    """t = 3 - 2/t + sum over k = 1..ceil(T/2)-1 of relu(4 - (8k + 2)/t): a network of `exact_width(T, skip=True)` units."""
    units = [(Fraction(-(8 * k + 2)), Fraction(4)) for k in range(1, exact_width(T, skip=True) + 1)]
    return (Fraction(-2), Fraction(3)), units


def minimal(T: int) -> tuple[tuple[Fraction, Fraction], list[tuple[Fraction, Fraction]]]:
    """t = 1 + sum over k = 1..floor(T/2) of relu(4 - (8k - 2)/t): a network of `exact_width(T)` units, no skip (slope 0)."""
    return (Fraction(0), Fraction(1)), [(Fraction(-(8 * k - 2)), Fraction(4)) for k in range(1, exact_width(T) + 1)]


def lipschitz_needed(T: int) -> int:
    """The steepest step of t over 1/t on 1..T: T (T - 1), from T - 1 to T. No network of a smaller Lipschitz constant is exact."""
    return _length(T, 2) * (T - 1)
