"""Named relative biases f(0), f(1), ... as exact tables, for `theory.ranks` and `nopeproof rank`.

A bias is written as a spec, `NAME` or `NAME:field=value`: "alibi", "polynomial:degree=3", "t5:buckets=8,max_distance=16".
Irrational tables stand with rational members of the same family, and say so. Another family is one class below.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from nopeproof import catalogue
from nopeproof.errors import NopeproofError
from nopeproof.theory.ranks import relative_bias_rank


class Bias:
    """A relative bias: `table(T)` is [f(0), ..., f(T - 1)], exactly; a longer table continues a shorter one."""

    name: ClassVar[str]

    def table(self, T: int) -> list[Fraction]:
        """f(0), ..., f(T - 1)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Alibi(Bias):
    """-slope d (press2022). The slope changes no rank."""

    name = "alibi"

    def table(self, T: int) -> list[Fraction]:
        return [Fraction(-d) for d in range(T)]


@dataclass(frozen=True)
class Polynomial(Bias):
    """d^degree; every polynomial of that degree has the same rank, its degree."""

    degree: int = 2
    name = "polynomial"

    def table(self, T: int) -> list[Fraction]:
        return [Fraction(d**self.degree) for d in range(T)]


@dataclass(frozen=True)
class Exponential(Bias):
    """ratio^d, the ratio in per cent: 50 is (1/2)^d, -100 the parity (-1)^d."""

    percent: int = 50
    name = "exponential"

    def table(self, T: int) -> list[Fraction]:
        return [Fraction(self.percent, 100) ** d for d in range(T)]


@dataclass(frozen=True)
class Cosine(Bias):
    """cos(omega d) with cos omega = 3/5, sin omega = 4/5, so that all values are rational; one frequency of a rotary score."""

    name = "cosine"

    def table(self, T: int) -> list[Fraction]:
        out = [Fraction(1), Fraction(3, 5)]
        while len(out) < T:
            out.append(Fraction(6, 5) * out[-1] - out[-2])  # cos(d + 1) = 2 cos(1) cos(d) - cos(d - 1)
        return out[:T]


@dataclass(frozen=True)
class Window(Bias):
    """0 for the last `width` positions, -1 (scaled as one likes) before: a soft sliding window."""

    width: int = 4
    name = "window"

    def table(self, T: int) -> list[Fraction]:
        return [Fraction(0 if d < self.width else -1) for d in range(T)]


@dataclass(frozen=True)
class Offset(Bias):
    """1 at one distance and 0 elsewhere: the exact previous-token head for distance = 1."""

    distance: int = 1
    name = "offset"

    def table(self, T: int) -> list[Fraction]:
        return [Fraction(int(d == self.distance)) for d in range(T)]


@dataclass(frozen=True)
class T5Bias(Bias):
    """T5 buckets (raffel2020, causal form) with a table of whole numbers drawn from `seed`, neighbours always different."""

    buckets: int = 32
    max_distance: int = 128
    seed: int = 0
    name = "t5"

    def table(self, T: int) -> list[Fraction]:
        from nopeproof.positions import t5_bucket_starts

        values = _drawn(self.buckets, self.seed)
        starts = [int(x) for x in t5_bucket_starts(self.buckets, self.max_distance)]
        return [Fraction(values[sum(x <= d for x in starts[1:])]) for d in range(T)]


@dataclass(frozen=True)
class Random(Bias):
    """Whole numbers drawn from `seed`, without any structure."""

    seed: int = 0
    name = "random"

    def table(self, T: int) -> list[Fraction]:
        return [Fraction(x) for x in _drawn(T, self.seed)]


def _drawn(n: int, seed: int) -> list[int]:
    rng, out = random.Random(seed), [0]
    while len(out) < n:
        x = rng.randint(-(10**6), 10**6)
        out += [x] if x != out[-1] else []
    return out[:n]


def biases() -> dict[str, type[Bias]]:
    """Every named bias."""
    return catalogue.by_name(Bias)


def bias(spec: str) -> Bias:
    """The bias a spec names. Raises NopeproofError for an unknown name, field, or a field that is not a whole number."""
    out = catalogue.build(Bias, spec, "relative bias")
    bad = next((k for k, v in vars(out).items() if isinstance(v, bool) or not isinstance(v, int)), None)
    if bad:
        raise NopeproofError(f"{bad} in {spec!r}", repr(getattr(out, bad)), "a whole number")
    least = {"width": 1, "distance": 0, "degree": 0, "buckets": 2, "max_distance": 1}
    low = next((k for k, v in vars(out).items() if k in least and v < least[k]), None)
    if low:
        raise NopeproofError(f"{low} in {spec!r}", str(getattr(out, low)), f"at least {least[low]}")
    return out


def first_length_beyond(table: Callable[[int], list[Fraction]], d_head: int, longest: int = 4096) -> int | None:
    """The least T <= longest whose table no head of that dimension expresses; None if there is none.

    The rank grows with T, since the triangle of a shorter table is a block of the longer one's; so bisection is right.
    """
    if relative_bias_rank(table(longest)) <= d_head:
        return None
    low, high = 1, longest  # rank(low) <= d_head < rank(high); a table of length 1 has rank 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if relative_bias_rank(table(middle)) <= d_head else (low, middle)
    return high


def t5_every_table_beyond(d_head: int, buckets: int = 32, max_distance: int = 128) -> int:
    """The least T at which the elementary bound r >= T - D exceeds d_head, D the least distance of the last bucket.

    It holds for every table whose last two buckets differ: f is constant from D on but not at D - 1, so the
    differences with t - i = D stand on the diagonal of a triangle of T - D rows with zeros on one side.
    """
    from nopeproof.positions import t5_bucket_starts

    return int(t5_bucket_starts(buckets, max_distance)[-1]) + d_head + 1


def one_feature_is_relative(g: Sequence[int | Fraction]) -> bool:
    """Whether some score a + b g(t) + c g(i) + d g(t) g(i) is F(t - i) + G(t) on i <= t <= len(g) with F not constant.

    For len(g) >= 5 that is so iff g is affine in t, not constant, or g(t) = A (-1)^t + c', A not 0: the differences over
    neighbouring keys, (c + d g(t)) (g(i+1) - g(i)), are then a triangle of rank 1 and constant diagonals, so both factors are
    geometric, with inverse ratios; d = 0 makes g affine, and else the ratio is its own inverse, 1 or -1. This function
    does not use that: it solves for (c, d).
    """
    T = len(g)
    first: dict[int, tuple[Fraction, Fraction]] = {}
    rows, values = [], []
    for t in range(T):
        for i in range(t):
            step = Fraction(g[i + 1] - g[i])
            value = (step, step * g[t])  # times (c, d)
            values.append(value)
            start = first.setdefault(t - i, value)
            rows.append((value[0] - start[0], value[1] - start[1]))
    pivot = next((r for r in rows if any(r)), None)
    if pivot is None:
        return any(any(v) for v in values)
    c, d = -pivot[1], pivot[0]  # the only candidate up to a factor
    return all(r[0] * c + r[1] * d == 0 for r in rows) and any(v[0] * c + v[1] * d for v in values)
