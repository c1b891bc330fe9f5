"""Exact parts that several constructions share: heads that average, count and look up, and FFNs that turn 1/t into t or any table.

The FFNs live in the paper's block: no biases (a coordinate that is constantly 1 stands in) and a residual connection,
so that writing t over 1/t in the same coordinate takes the output t - 1/t. Widths are in theory.md's sense exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import isqrt, prod

from nopeproof.circuit import MLP, Head, Unit, Units, VectorLike
from nopeproof.errors import NopeproofError
from nopeproof.residual import Subspace, Vector
from nopeproof.scalars import ScalarLike

Direction = Vector | Subspace
Table = Sequence[int | Fraction]


def uniform_head(read: Sequence[VectorLike], write: Sequence[VectorLike], name: str = "uniform") -> Head:
    """W_Q = W_K = 0: every visible key gets the same weight under any norm; the mean of `read` is added to `write`."""
    return Head(W_Q=[0], W_K=[0], W_V=read, W_O=write, name=name)


def clock_minimal(one: Direction, recip: Direction) -> MLP:
    """From (1, 1/t) to t over 1/t with floor(T/2) hidden units, for every T >= 2 and 1 <= t <= T:

    t - 1/t = relu(5 - 7/t) + sum over k = 2..floor(T/2) of relu(4 - (8k - 2)/t).

    The points (1/t, t) are strictly convex, so a linear piece meets at most two of them: each unit serves two positions.
    """
    first = Unit(read=5 * one - 7 * recip, write=recip)
    rest = Units(read=4 * one - "8*k - 2" * recip, write=recip, first="2", last="T // 2")
    return MLP([first, rest])


def clock_basis(one: Direction, recip: Direction) -> MLP:
    """From (1, 1/t) to t over 1/t with T - 1 hidden units, one more for each position:

    t - 1/t = relu(3 - 3/t) + sum over j = 2..T-1 of relu(2 - 2j/t).

    This is f(t) = f(1) + sum c_j relu(1/j - 1/t), c_j = j(j+1) Df(j) - (j-1)j Df(j-1), at f(t) = t - 1/t.
    """
    first = Unit(read=3 * one - 3 * recip, write=recip)
    rest = Units(read=2 * one - "2*k" * recip, write=recip, first="2", last="T - 1")
    return MLP([first, rest])


def clock_powers(one: Direction, recip: Direction, pos: Direction, square: Direction) -> MLP:
    """From (1, 1/t) to t and t^2 in rows that hold 0, with T hidden units: f(1) + sum_j w_j relu(1 - j/t), w_j = 2 and 6j."""
    rest = Units(read=one - "k" * recip, write=2 * pos + "6*k" * square, first="1", last="T - 1")
    return MLP([Unit(read=one, write=pos + square), rest])


def table(one: Direction, recip: Direction, columns: Sequence[tuple[Direction, Table]]) -> list[Unit]:
    """Any functions f of t = 1..T, each added to its direction, from T hidden units that all of them share:

    f(t) = f(1) + sum over j = 1..T-1 of w_j relu(1 - j/t),   w_j = (j + 1) (f(j+1) - f(j)) - (j - 1) (f(j) - f(j-1)).

    The right side is piecewise linear in x = 1/t with its knots at 1/j, and w_j/j is the change of slope there of the
    interpolation through (1/j, f(j)). Raises NopeproofError for tables of different lengths.
    """
    lengths = {len(f) for _, f in columns}
    if len(lengths) != 1 or 0 in lengths:
        raise NopeproofError("tables of positions", f"lengths {sorted(lengths)}", "one length T >= 1")
    T = lengths.pop()

    def weight(f: Table, j: int) -> Fraction:
        before = Fraction(f[j - 1]) - Fraction(f[j - 2]) if j > 1 else 0
        return (j + 1) * (Fraction(f[j]) - Fraction(f[j - 1])) - (j - 1) * before

    zero = columns[0][0].vector * 0
    first = sum((Fraction(f[0]) * direction for direction, f in columns), zero)
    rest = [sum((weight(f, j) * direction for direction, f in columns), zero) for j in range(1, T)]
    return [Unit(read=one, write=first)] + [Unit(read=one - j * recip, write=w) for j, w in enumerate(rest, 1)]


def clock_rounding(one: Direction, recip: Direction, T: int) -> MLP:
    """From (1, 1/t) to within 1/2 of t over 1/t with floor(sqrt T) hidden units, for t <= (floor(sqrt T) + 1)^2 - 1.

    One line for each run k^2 <= t <= k^2 + 2k, its chord moved down by half of its largest gap to the curve; units are the
    differences of neighbouring lines, so that their sum is the largest line.
    """
    lines = [(Fraction(1), Fraction(0))]  # the row holds 1/t already
    for k in range(1, isqrt(T) + 1):
        a, b = k * k, k * k + 2 * k
        gap = max(Fraction((t - a) * (b - t), t) for t in range(a, b + 1))
        lines.append((Fraction(-a * b), a + b - gap / 2))
    return MLP([Unit(read=(c2 - c1) * one + (m2 - m1) * recip, write=recip) for (m1, c1), (m2, c2) in pairwise(lines)])


def cauchy_gains(shifts: Sequence[int]) -> list[Fraction]:
    """c_k with sum_k c_k/(s + B_k) = 1 for s = 1..S, S = len(shifts): prod_j (B_k + j) / prod_(j != k) (B_k - B_j)."""
    S = len(shifts)
    return [Fraction(prod(B + j for j in range(1, S + 1)), prod(B - other for other in shifts if other != B)) for B in shifts]


def counter(one: Direction, share: Direction, recip: Direction, write: Direction) -> list[Unit]:
    """The whole number c <= T - 1 from c/t and 1/t, added to `write`, with 2 (T - 1) hidden units in a family:

    c = sum over k = 1..T-1 of [c >= k],   [c >= k] = relu(1 + T (c - k)/t) - relu(T (c - k)/t),

    exact as T (c - k)/t is at least 0 or at most -T/t <= -1.
    """
    distance = "T" * share - "T*k" * recip
    up = Units(read=one + distance, write=write, first="1", last="T - 1")
    return [up, Units(read=distance, write=-1 * write, first="1", last="T - 1")]


def sink_head(one: Direction, bos: Direction, write: Direction, B: int, gain: ScalarLike) -> Head:
    """Score ln B on BOS and 0 elsewhere; the share of all other keys, s/(B + s) with s = t - 1, times gain, is added to `write`."""
    return Head(W_Q=[one], W_K=[f"ln({B})" * bos], W_V=[one - bos], W_O=[gain * write], name=f"sink {B}")


def look_up(target: Direction, one: Direction, pos: Direction, square: Direction, base: int, **moves: Sequence[VectorLike] | str) -> Head:
    """Attend to the position i nearest to the target p, a whole number in the stream: score ln B (2 p i - i^2).

    Up to a term in t the score is -ln B (i - p)^2, so a key at distance m weighs B^(-m^2) of the target: rational for a whole
    B, and the target's own weight is at least 1/(1 + 2 sum B^(-m^2)) > 1 - 2/(B - 1), for every length. moves: W_V, W_O and name.
    """
    W_Q = [f"2*ln({base})" * target, f"-ln({base})" * one]
    return Head(W_Q=W_Q, W_K=[pos, square], **{"W_V": [0], "W_O": [0 * one], "name": "look-up", **moves})  # type: ignore[arg-type]


def grouped_heads(
    queries: Sequence[Sequence[VectorLike]], W_K: Sequence[VectorLike], W_V: Sequence[VectorLike], *columns: Sequence[VectorLike]
) -> list[Head]:
    """Heads of one group of grouped-query attention: a W_Q and a W_O of their own, one W_K and one W_V for all of them."""
    return [
        Head(W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O, name=f"query {n}") for n, (W_Q, W_O) in enumerate(zip(queries, columns, strict=True), 1)
    ]
