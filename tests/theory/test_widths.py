"""Lower bounds on widths, each met by a network, and each false for one unit less where the statement says so."""

from fractions import Fraction
from itertools import pairwise

import pytest

from nopeproof.errors import NopeproofError
from nopeproof.theory import widths

HALF = Fraction(1, 2)


@pytest.mark.parametrize("T", [1, 2, 3, 4, 5, 8, 13, 40])
def test_exact_clock(T):
    points = widths.clock_points(T)
    assert len(widths.least_runs(points)) == -(-T // 2)
    assert widths.width_bound(points) == widths.exact_width(T, skip=True)
    for network, skip in ((widths.minimal_with_skip(T), True), (widths.minimal(T), False)):
        assert len(network[1]) == widths.exact_width(T, skip=skip) and (skip or network[0][0] == 0)
        assert all(widths.network_value(network, x) == t for x, t in points)


@pytest.mark.parametrize("T", [4, 6, 8, 20])
def test_without_skip_even_T_needs_one_more_because_the_first_chord_falls(T):
    runs = widths.least_runs(widths.clock_points(T))
    assert all(b - a == 1 for a, b in runs)  # all chords forced
    slopes = [Fraction(-(a + 1) * (b + 1)) for a, b in runs]  # of the chord through t = a + 1 and b + 1
    assert slopes[0] == -2 < 0 and all(s > r for s, r in pairwise(slopes))  # rightmost first; convex: kinks bend up
    assert widths.exact_width(T) == len(runs) == widths.exact_width(T, skip=True) + 1


@pytest.mark.parametrize("T", [1, 3, 4, 15, 16, 63, 64, 100])
def test_rounding_takes_the_root_of_T_pieces(T):
    points = widths.clock_points(T)
    runs = widths.least_runs(points, HALF)
    assert [a + 1 for a, _ in runs] == [k * k for k in range(1, widths.rounding_pieces(T) + 1)]
    network = widths.lines_as_network(widths.rounding_lines(T))
    assert len(network[1]) == widths.rounding_pieces(T) - 1 == widths.width_bound(points, HALF)
    assert all(abs(widths.network_value(network, x) - t) < HALF for x, t in points)


def test_rounding_at_400():
    network = widths.lines_as_network(widths.rounding_lines(400))
    worst = max(abs(widths.network_value(network, x) - t) for x, t in widths.clock_points(400))
    assert len(network[1]) == 19 and Fraction(47, 100) < worst < HALF


def test_any_table():
    line = [(Fraction(x), Fraction(3 * x - 1)) for x in range(9)]
    assert widths.width_bound(line) == 0 and widths.fits(line)
    alternating = [(Fraction(x), Fraction(x % 2)) for x in range(9)]
    assert (
        len(widths.least_runs(alternating)) == 5
        and not widths.fits(alternating, Fraction(1, 2))
        and widths.fits(alternating, Fraction(3, 5))
    )


def test_the_steepest_step():
    (x1, t1), (x2, t2) = widths.clock_points(9)[-2:]
    assert abs((t2 - t1) / (x2 - x1)) == widths.lipschitz_needed(9) == 72
    with pytest.raises(NopeproofError, match="at least 2"):
        widths.lipschitz_needed(1)
    with pytest.raises(NopeproofError, match="nowhere the largest"):
        widths.lines_as_network([(Fraction(0), Fraction(0)), (Fraction(1), Fraction(-5)), (Fraction(2), Fraction(0))])
