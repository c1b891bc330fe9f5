"""How far a float run of "uniform head, then ReLU FFN" can be from the exact one: a bound for every order of summation.

The head averages a value that is v at BOS and 0 elsewhere, x = v/t. The FFN adds sum_k w_k relu(A_k + B_k x) + b to a
coordinate that holds `old`. Rounding is to nearest, u_a in sums and products, u_s once more where a tensor is stored
(0 if the formats agree); exp(0) = 1 + e, |e| <= e_0, possibly another e in each lane. All constants are rationals, and a
sum of n terms in any order errs by at most (n - 1) u_a sum |terms| (jeannerod2013, for terms the accumulator's format
holds exactly) or n u_a / (1 - n u_a) sum |terms| (products rounded or fused).

  head   s = sum of exp(0) lies in t (1 -+ e_0)(1 -+ (t-1) u_a); if e_0 = 0 it is t itself while t <= 2^p_a. Numerator
         1 + e, perhaps stored; quotient, or reciprocal and product; storage. Hence |x^ - x| <= eps x.
  unit   |a^_k - a_k| <= slack_k + half a spacing at a_k + slack_k, with slack_k = d_c |A_k| + d_x |B_k| x for the errors of
         x^, of rounded weights and of products; the unit is exactly 0 where A_k + B_k x + slack_k <= 0.
  output sum over the units that may be on, storage, b, residual connection, storage.

Every term does not decrease in t if x is taken at the near end of an interval t_0..t_1 and the units at its far end, so
one evaluation bounds an interval, and bisection of 1..T does the rest. The bound only grows with further units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, floor

from nopeproof.errors import NopeproofError
from nopeproof.theory.precision import Format, exponent, format_named, is_power_of_two, representable, round_to

Line = tuple[Fraction, Fraction]  # c0 + c1 k
_0, _1 = Fraction(0), Fraction(1)
HOPELESS = Fraction(10**9)  # the bound where there is none
ROUTES = ("materialised", "sdpa", "streaming")
EXP_ULPS = 4  # exp is assumed to err by at most so many roundoffs of the accumulator, where it is not exp(0)
WIDER = {"float16": "float32", "bfloat16": "float32"}


@dataclass(frozen=True)
class Arithmetic:
    """What a run is assumed to do: formats of storage and accumulation, route, error e_0 of exp(0), underflow flushed or not."""

    storage: Format
    accumulator: Format
    route: str = "materialised"
    e_0: Fraction = _0
    flush: bool = False

    @property
    def u_a(self) -> Fraction:
        """Roundoff of one sum or product."""
        return self.accumulator.u

    @property
    def u_s(self) -> Fraction:
        """Roundoff of storing a sum or product, beyond u_a."""
        return _0 if self.storage == self.accumulator else self.storage.u

    @property
    def eta(self) -> Fraction:
        """Absolute error underflow can add to one operation and its storage."""
        lost = self.storage.tiny if self.flush else self.storage.tiny * self.storage.u
        return lost + (_0 if self.storage == self.accumulator else self.accumulator.tiny)

    def __str__(self) -> str:
        return f"{self.storage}/{self.accumulator}/{self.route}"


def arithmetic(text: str) -> Arithmetic:
    """ "float16", "float16/float32" or "float16/float32/sdpa": storage, accumulator, route. Raises NopeproofError otherwise."""
    storage, accumulator, route, *rest = [*text.split("/"), "", ""][: max(3, text.count("/") + 1)]
    store = format_named(storage)
    route = route or "materialised"
    if rest or route not in ROUTES:
        found = f"the route {route!r}" if not rest else "too many parts"
        raise NopeproofError(f"the arithmetic {text!r}", found, "DTYPE/ACCUMULATOR/" + "|".join(ROUTES))
    wide = format_named(accumulator or WIDER.get(store.name, store.name))
    if wide.p < store.p:
        raise NopeproofError(f"the arithmetic {text!r}", f"an accumulator narrower than {store}", f"{store} or wider")
    return Arithmetic(store, wide, route)


@dataclass(frozen=True)
class Ramps:
    """Hidden units k = first..last: w(k) relu(sum_j a_j(k) c_j + bias(k) + b(k) x), each weight a line in k of constant sign."""

    first: int
    last: int
    constants: tuple[tuple[Line, Fraction], ...]
    slope: Line
    write: Line
    bias: Line = (_0, _0)

    def at(self, line: Line, k: int) -> Fraction:
        """The weight of unit k."""
        return line[0] + line[1] * k

    def fits(self, line: Line, fmt: Format) -> bool:
        """Whether the format holds this weight of every unit exactly: whole multiples of one power of two, at most 2^p of them."""
        if self.first == self.last or not line[1]:
            return representable(self.at(line, self.first), fmt)
        top = max(abs(self.at(line, k)) for k in (self.first, self.last))
        dens = [c.denominator for c in line if c]
        if any(d & (d - 1) for d in dens):
            return False
        grain = min(Fraction((c.numerator & -c.numerator), c.denominator) for c in line if c)
        return top / grain <= 2**fmt.p and top <= fmt.top and grain >= fmt.tiny * fmt.u * 2

    def size(self, line: Line) -> Line:
        """|weight| as a line. Raises ValueError if the sign changes between first and last."""
        ends = [self.at(line, k) for k in (self.first, self.last)]
        if min(ends) < 0 < max(ends):
            raise ValueError("a weight that changes sign within a range of hidden units")
        return line if max(ends) > 0 else (-line[0], -line[1])


@dataclass(frozen=True)
class Clock:
    """One coordinate written by the FFN, as far as rounding goes: see the module. `target(t)` is what the claim says is there.

    exact: the identity F(v/t) = target(t) for all t <= T is proved elsewhere, for these weights; else each t is evaluated.
    """

    v: Fraction
    ramps: tuple[Ramps, ...]
    old_factor: Fraction = _0  # the coordinate held old_factor * x + old_constant
    old_constant: Fraction = _0
    b_2: Fraction = _0
    factors: int = 0  # factors of v that are no powers of two: each rounds once more
    exact: bool = False
    target: Callable[[int], Fraction] = Fraction

    def value(self, t: int) -> Fraction:
        """The exact output at t."""
        x = self.v / t
        total = self.old_factor * x + self.old_constant + self.b_2
        for r in self.ramps:
            z = _add(*(_times(a, c) for a, c in r.constants), r.bias, _times(r.slope, x))
            total += _sum(lambda k, r=r, z=z: r.at(r.write, k) * r.at(z, k), _where_positive(z, r.first, r.last))
        return total


def head_error(clock: Clock, how: Arithmetic, t: int) -> Fraction:
    """eps with |x^ - x| <= eps |x| for every position up to t."""
    u_a, u_s, e = how.u_a, how.u_s, how.e_0
    summing = _0 if e == 0 and t <= 2**how.accumulator.p else (t - 1) * u_a
    low = (1 - e) * (1 - summing)
    if low <= 0:
        return HOPELESS
    top, bottom = max(1 + e, round_to(1 + e, how.storage)), min(1 - e, round_to(1 - e, how.storage))
    extra = ((1 + u_a) * (1 + u_s)) ** clock.factors
    above = top / low * (1 + u_a) ** 2 * (1 + u_s) * extra
    return max(above - 1, 1 - bottom / ((1 + e) * (1 + summing)) * (1 - u_a) ** 2 * (1 - u_s) * (2 - extra))


def error(clock: Clock, how: Arithmetic, t_0: int, t_1: int) -> Fraction:
    """A bound on |y^ - target| at every t in t_0..t_1; where `exact` is not given, t_0 = t_1."""
    u_a, u_s, eta = how.u_a, how.u_s, how.eta
    near, far = abs(clock.v) / t_0, abs(clock.v) / t_1
    held = [abs(clock.v), *(abs(c) for r in clock.ramps for _, c in r.constants)]
    if max(held) * 2 > how.storage.top:  # an overflow is no rounding error
        return HOPELESS
    eps = head_error(clock, how, t_1) + eta / far
    store = (1 + u_a) * (1 + u_s) - 1
    wrong, size, count, whole = _0, _0, 0, True
    for r in clock.ramps:
        e, s, n, w = _ramps(r, clock, how, eps, near, far)
        wrong, size, count, whole = wrong + e, size + s, count + n, whole and w
    if count:
        n_u = (count - 1) * u_a if whole else count * u_a / (1 - count * u_a) if count * u_a < 1 else HOPELESS
        wrong += n_u * (size + wrong)
    wrong += _spacing(size + wrong, u_s) + eta
    if clock.b_2:
        wrong += (0 if representable(clock.b_2, how.storage) else how.storage.u * abs(clock.b_2)) + eta
        size += abs(clock.b_2)
        wrong += _spacing(size + wrong, store) + eta
    if clock.old_factor or clock.old_constant:
        wrong += eps * abs(clock.old_factor) * near
        wrong += 0 if representable(clock.old_constant, how.storage) else how.storage.u * abs(clock.old_constant)
        size += abs(clock.old_factor) * near + abs(clock.old_constant)
        wrong += _spacing(size + wrong, store) + eta
    if (size + wrong) * 2 > how.storage.top:
        return HOPELESS
    if not clock.exact:
        wrong += abs(clock.value(t_0) - clock.target(t_0))
    return wrong


def _ramps(r: Ramps, clock: Clock, how: Arithmetic, eps: Fraction, near: Fraction, far: Fraction) -> tuple[Fraction, Fraction, int, bool]:
    """(error, size of the exact terms, how many may be on, whether products with w are exact) of one range of units."""
    if r.last < r.first:
        return _0, _0, 0, True
    u_a, u_s, u_w = how.u_a, how.u_s, how.storage.u
    sign = 1 if clock.v > 0 else -1
    slope = _times(r.slope, Fraction(sign))
    fits = all(r.fits(line, how.storage) for line in (r.slope, r.bias, *(a for a, _ in r.constants)))
    rho = _0 if fits and all(representable(c, how.storage) for _, c in r.constants) else (1 + u_w) ** 2 - 1
    product = _0 if all(is_power_of_two(c) for _, c in r.constants if c) else u_a
    biased = any(r.bias)
    terms = sum(1 for line in (r.slope, r.bias, *(a for a, _ in r.constants)) if any(line))
    step = (1 + u_a) * (1 + u_s) - 1
    inner = (1 + step) ** (max(terms - 2, 0) + 2 * biased)  # sums before the last; with a bias, also storage before it is added
    d_x = (1 + eps) * (1 + u_a) * (1 + rho) * inner - 1
    d_c = (1 + product) * (1 + rho) * inner - 1
    floor_ = (terms + 1) * how.eta
    size_x = r.size(r.slope)
    size_c = _add(r.size(r.bias), *(_times(r.size(a), abs(c)) for a, c in r.constants))
    at = _signed_end(r, slope, near, far)
    z = _add(*(_times(a, c) for a, c in r.constants), r.bias, _times(slope, at))
    slack = _add(_times(size_x, d_x * near), _times(size_c, d_c), (floor_, _0))
    if max(abs(r.at(m, k)) for m in (size_x, size_c) for k in (r.first, r.last)) * max(abs(clock.v), _1) * 4 > how.storage.top:
        return HOPELESS, _0, 1, True
    weight = r.size(r.write)
    whole = not r.write[1] and is_power_of_two(r.write[0])
    omega = (1 + (_0 if r.fits(r.write, how.storage) else u_w)) * (1 + (_0 if whole else u_a)) - 1
    on, maybe = _where_positive(z, r.first, r.last), _where_positive(_add(z, slack), r.first, r.last)
    size = _sum(lambda k: r.at(weight, k) * r.at(z, k), on)
    loose = _sum(lambda k: r.at(weight, k) * r.at(slack, k), maybe)
    weighted = lambda ks: _sum(lambda k: r.at(weight, k), ks)  # noqa: E731
    wrong = loose + step * _floors(_add(z, slack), r, weighted)
    wrong = wrong * (1 + omega) + omega * size + len(maybe) * how.eta
    return wrong, size, len(maybe), whole


def _signed_end(r: Ramps, slope: Line, near: Fraction, far: Fraction) -> Fraction:
    """The x of the interval at which the units are largest."""
    return far if max(r.at(slope, k) for k in (r.first, r.last)) <= 0 else near


def holds(clock: Clock, how: Arithmetic, tolerance: Fraction, t_0: int, t_1: int) -> bool:
    """Whether the bound stays below the tolerance at every t in t_0..t_1, by bisection."""
    if (t_0 == t_1 or clock.exact) and error(clock, how, t_0, t_1) < tolerance:
        return True
    if t_0 == t_1:
        return False
    if clock.exact and error(clock, how, t_1, t_1) >= tolerance:
        return False
    middle = (t_0 + t_1) // 2
    return holds(clock, how, tolerance, middle + 1, t_1) and holds(clock, how, tolerance, t_0, middle)


def longest(clock: Clock, how: Arithmetic, tolerance: Fraction, end: int) -> int:
    """The largest T <= end such that the bound stays below the tolerance for every t <= T; 0 if there is none."""
    return next((t - 1 for t in range(1, end + 1) if not holds(clock, how, tolerance, t, t)), end)


def _spacing(bound: Fraction, u: Fraction) -> Fraction:
    """The rounding error of any number up to the bound: u times the power of two at or below it, half a spacing there."""
    return u * Fraction(2) ** exponent(bound) if bound else _0


def _floors(y: Line, r: Ramps, weighted: Callable[[Sequence[int]], Fraction], levels: int = 12) -> Fraction:
    """Over the k with y(k) > 0, at least the sum of w(k) times the largest power of two below y(k), from `levels` binades down.

    A number of at most y = 2^e itself rounds with the spacing below 2^e, or not at all; so "below" may be strict.
    """
    top = max(r.at(y, k) for k in (r.first, r.last))
    if top <= 0:
        return _0
    high = exponent(top)
    total = weighted(_where_positive(y, r.first, r.last)) * Fraction(2) ** (high - levels)
    for e in range(high - levels + 1, high + 1):
        above = _where_positive(_add(y, (-(Fraction(2) ** e), _0)), r.first, r.last)
        total += weighted(above) * Fraction(2) ** (e - 1)
    return total


def _times(line: Line, c: Fraction) -> Line:
    return line[0] * c, line[1] * c


def _add(*lines: Line) -> Line:
    return sum((a for a, _ in lines), _0), sum((b for _, b in lines), _0)


def _where_positive(line: Line, first: int, last: int) -> range:
    """The k in first..last with c0 + c1 k > 0: a range."""
    c0, c1 = line
    if not c1:
        return range(first, last + 1) if c0 > 0 else range(0)
    zero = -c0 / c1
    if c1 > 0:
        return range(max(first, floor(zero) + 1), last + 1)
    return range(first, min(last, -floor(-zero) - 1) + 1)


def _sum(f: Callable[[int], Fraction], ks: Sequence[int]) -> Fraction:
    """sum of f(k) over a range, f a polynomial of degree at most 2, by Newton's forward differences: exact, in O(1)."""
    n = len(ks)
    if n == 0:
        return _0
    if n <= 3:
        return sum((f(k) for k in ks), _0)
    a, b, c = (f(ks[0] + j) for j in range(3))
    return a * n + (b - a) * comb(n, 2) + (c - 2 * b + a) * comb(n, 3)
