"""Floating-point formats as data, exact rounding to nearest even, and the first position where fl(1/t) = fl(1/(t+1)).

All of it is integer arithmetic. A number of p bits is +-m 2^(e-p+1) with 2^(p-1) <= m < 2^p and emin <= e <= emax, or
subnormal (m < 2^(p-1), e = emin). u = 2^-p is the unit roundoff: |fl(x) - x| <= u |x| without underflow or overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from nopeproof.errors import NopeproofError


@dataclass(frozen=True)
class Format:
    """A binary format: p bits of significand (the hidden one counted), exponents emin to emax, largest finite number `top`."""

    name: str
    p: int
    emin: int
    emax: int
    top: Fraction

    @property
    def u(self) -> Fraction:
        """The unit roundoff 2^-p."""
        return Fraction(1, 1 << self.p)

    @property
    def tiny(self) -> Fraction:
        """The least positive normal number, 2^emin: bounds any error underflow can make, flushed to zero or not."""
        return Fraction(2) ** self.emin

    def __str__(self) -> str:
        return self.name


def _ieee(name: str, p: int, emin: int, emax: int) -> Format:
    return Format(name, p, emin, emax, (2 - Fraction(1, 1 << (p - 1))) * 2**emax)


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        _ieee("float64", 53, -1022, 1023),
        _ieee("float32", 24, -126, 127),
        _ieee("float16", 11, -14, 15),
        _ieee("bfloat16", 8, -126, 127),
        Format("float8_e4m3", 4, -6, 8, Fraction(448)),  # no infinity; the largest significand is the NaN
        _ieee("float8_e5m2", 3, -14, 15),
    )
}
ALIASES = {"fp64": "float64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16", "double": "float64", "half": "float16",
           "float8_e4m3fn": "float8_e4m3", "e4m3": "float8_e4m3", "e5m2": "float8_e5m2"}  # fmt: skip


def format_named(name: str) -> Format:
    """The format of a dtype name. Raises NopeproofError, naming those known."""
    key = ALIASES.get(name, name)
    if key not in FORMATS:
        raise NopeproofError(f"the float format {name!r}", "known: " + ", ".join(FORMATS), "one of these")
    return FORMATS[key]


def exponent(x: Fraction) -> int:
    """floor(log2 |x|) of a rational x != 0, by comparison of integers."""
    x = abs(x)
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if x >= Fraction(2) ** e else e - 1


def round_to(x: Fraction, fmt: Format) -> Fraction:
    """The number of the format nearest to x, ties to even. Raises NopeproofError beyond the format's range.

    >>> round_to(Fraction(1, 3), FORMATS["bfloat16"])
    Fraction(171, 512)
    """
    if x == 0:
        return Fraction(0)
    spacing = Fraction(2) ** (max(exponent(x), fmt.emin) - fmt.p + 1)
    nearest = round(x / spacing) * spacing  # Fraction.__round__ is exact and rounds ties to even
    if abs(nearest) > fmt.top:
        raise NopeproofError(f"{float(x):g} in {fmt}", f"its largest number is {float(fmt.top):g}", "a format with a wider range")
    return nearest


def representable(x: Fraction, fmt: Format) -> bool:
    """Whether x is a number of the format."""
    return x == 0 or (abs(x) <= fmt.top and round_to(x, fmt) == x)


def is_power_of_two(x: Fraction) -> bool:
    """Whether |x| = 2^n, so that multiplying by x commits no error."""
    n, d = abs(x.numerator), x.denominator
    return n > 0 and n & (n - 1) == 0 and d & (d - 1) == 0


def first_collision(fmt: Format) -> int:
    """The least t >= 1 with fl(1/t) = fl(1/(t+1)), proved in O(p) comparisons of integers.

    Let 2^e <= t < 2^(e+1) and M = 2^(e+p): in units of the spacing there, 1/t is M/t, and rounding is q(t) = floor(M/t + 1/2)
    (a tie would need M/t = n + 1/2, so t | 2M, so t a power of two, for which M/t is whole).
    1. If t(t+1) < M, neighbours are more than one spacing apart: no collision. For e <= p - 2 that is every t of the binade.
    2. In the binade e = p - 1, from the first t_0 with t(t+1) >= M = 2^(2p-1) on, h(t) = t + M/t + 1/2 does not decrease,
       and floor h(t) = t + q(t). So t collides iff floor h(t+1) > floor h(t); the first jump of a monotone step function
       is found by bisection.

    >>> first_collision(FORMATS["bfloat16"]), first_collision(FORMATS["float16"]), first_collision(FORMATS["float32"])
    (190, 1464, 11864338)
    """
    p = fmt.p
    if p > -fmt.emin:
        found = f"1/t is subnormal from t = 2^{-fmt.emin} on"
        raise NopeproofError(f"the first collision of 1/t in {fmt}", found, "a format with p <= -emin")
    M = 1 << (2 * p - 1)

    def height(t: int) -> int:
        return (2 * t * t + 2 * M + t) // (2 * t)  # floor(t + M/t + 1/2)

    start = least(lambda t: t * (t + 1) >= M, 1 << (p - 1), 1 << p)
    level, end = height(start), 1 << p
    if height(end) <= level:
        raise NopeproofError(f"the first collision of 1/t in {fmt}", "none before t = 2^p", "a format with p >= 3")
    return least(lambda t: height(t) > level, start, end) - 1


def least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least n in low..high with holds(n), for a property that once true stays true; holds(high) is taken for granted."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def last_decoded(fmt: Format) -> int:
    """The last T up to which floor(1/x + 1/2) = t at x = fl(1/t): the first collision's t, or t - 1 if its x decodes to t + 1.

    Before the collision every reciprocal is nearest to its own t; `nopeproof.counter_kernel` certifies that for a clock's weights.

    >>> last_decoded(FORMATS["float32"]), last_decoded(FORMATS["bfloat16"])
    (11864338, 189)
    """
    t = first_collision(fmt)
    x = round_to(Fraction(1, t), fmt)
    return t if floor(1 / x + Fraction(1, 2)) == t else t - 1
