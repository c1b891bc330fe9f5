"""A symbolic run over all words at once, outside fragment K: strict or absent masks, norms, and what the first tokens are.

A word is its first s tokens, one by one, and after them how often each token has occurred. Positions 1, ..., s are run for each choice
of these tokens; a later one, t = s + 1 + r, once for each token there. r, the counts and T - t = d are variables that are >= 0.

  Attention.  The keys that a query sees are those of the first s positions (with the mask, those before it), one of each, and n_c keys
      of each token c behind them: r + 1 in all with the causal mask, r with the strict one, which hides the query itself, and M at every
      position without a mask. If all values are one number, so is their mean, whatever the scores. If all scores are one number,
      the mean is sum n_c v_c / sum n_c. That needs v_c and the scores to be the same at all keys of the token c, which is looked at:
      the key is run at a position and with counts of its own, and none of these may be left in v_c. (Without a mask nothing is
      its own: the state there is a function of the token and of the whole word.) In every other case the coordinate becomes a fresh
      variable without a sign, and what is shown afterwards holds whatever stands there.
  Norms.  A norm multiplies the stream by rho = 1/sqrt(q), q the mean square. Where q is the square of a rational function whose sign
      is known, rho is the rational function; else it is a variable rho > 0 of which rho^2 = 1/q is known, or not even that. q has to
      be positive, shown by a coordinate of known sign or by epsilon: where it is 0 there is no run.
  ReLU.  A unit is on or off if its argument, a number A rho + B over a positive denominator, has a known sign: that of its
      coefficients, or, where A and B have opposite ones, that of A^2 (1/q) - B^2. Units k = first..last(T) are on up to some
      K = speed r + offset, which is guessed, and off beyond: that is shown for K - j and K + 1 + j, j >= 0 a variable. What they
      write is then sum_e c_e (first^e + ... + K^e), and the closed forms of the sums of powers are checked by induction.

Numbers are the kernel's quotients of polynomials, read by the kernel's reader, so that the exact run, which guards this, shares no
arithmetic with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from nopeproof.kernel import Ratio, Reject, need, read

ROOT, SPOTS = "√", (1, 2, 3, 4)
KNOWN = ("r@", "d@", "n ", ROOT)  # variables that are >= 0, beside j and k; all others have no known sign


@dataclass(frozen=True)
class Place:
    """A position: `index` up to s, or 0 for every later one. tag: "t", or "tj" for the keys that t sees: positions of their own."""

    token: str
    index: int
    tag: str


class Run:
    """One circuit on all words that begin with the tokens of `prefix` and go on with those of `alphabet`."""

    def __init__(self, subject: dict[str, Any], prefix: Sequence[str], alphabet: Sequence[str]) -> None:
        self.subject, self.mask, self.d_model = subject, subject["mask"], subject["d_model"]
        self.prefix, self.alphabet = tuple(prefix), tuple(alphabet)
        opaque = any("opaque" in head for b in subject["blocks"] for head in b["heads"])
        need(not (opaque and self.mask == "none"), "an opaque head without a mask: it may tell positions apart")
        self.squares: dict[str, Ratio] = {}  # of each rho, where it is known
        self.cache: dict[tuple[int, Place], list[Ratio]] = {}

    # --- positions and words ----------------------------------------------------------------------------------------------

    def places(self) -> list[Place]:
        """Every position there can be."""
        return [Place(x, i, "t") for i, x in enumerate(self.prefix, 1)] + [Place(x, 0, "t") for x in self.alphabet]

    def position(self, place: Place) -> Ratio:
        """t."""
        return Ratio(place.index) if place.index else Ratio(f"r@{place.tag}") + len(self.prefix) + 1

    def length(self, place: Place) -> Ratio:
        """T. Without a mask it is that of the word, whatever the position; the keys' is the query's."""
        return Ratio("r@M") + len(self.prefix) if self.mask == "none" else self.position(place) + Ratio(f"d@{place.tag}")

    def later(self, place: Place) -> dict[str, Ratio]:
        """{token: the number of keys behind the first s that `place` sees}."""
        if place.index and self.mask != "none":
            return {}
        whole = self.mask == "none"
        total = Ratio("r@M") if whole else Ratio(f"r@{place.tag}") + (self.mask == "causal")
        n = {x: Ratio(f"n {x}@" + place.tag * (not whole)) for x in self.alphabet[1:]}
        return {x: total - sum(n.values(), Ratio(0)) for x in self.alphabet[:1]} | n

    def count(self, token: str, place: Place) -> Ratio:
        """How often a token is among the first t."""
        if self.mask == "none":
            return Ratio(f"?count {token}@{place}")
        before = Ratio(self.prefix[: place.index or None].count(token))
        hidden = place.index == 0 and self.mask == "strict" and place.token == token
        return before + self.later(place).get(token, Ratio(0)) + int(hidden)

    def keys(self, place: Place) -> list[tuple[Ratio, Place]]:
        """(how many, where) of all that a query sees."""
        tag = place.tag if self.mask == "none" else place.tag + "j"
        seen = len(self.prefix) if self.mask == "none" or not place.index else place.index - (self.mask == "strict")
        first = [(Ratio(1), Place(x, i, tag)) for i, x in enumerate(self.prefix[:seen], 1)]
        return first + [(n, Place(x, 0, tag)) for x, n in self.later(place).items()]

    # --- the forward pass -------------------------------------------------------------------------------------------------

    def state(self, s: int, place: Place) -> list[Ratio]:
        """The residual at a position after s sub-layers: attention 1, FFN 1, attention 2, ..."""
        if (s, place) not in self.cache:
            if s == 0:
                row = self.vector(self.subject["embed"][place.token], place)
                self.cache[s, place] = [row.get(n, Ratio(0)) for n in range(self.d_model)]
            else:
                b, before = (s + 1) // 2, self.state(s - 1, place)
                out = list(before)
                for part, n, value in self.heads(b, place) if s % 2 else self.units(b, before, place):
                    out[n] = out[n] + (Ratio(f"?{s}.{part}.{n}.{place}@{place.tag}") if value is None else value)
                self.cache[s, place] = out
        return self.cache[s, place]

    def vector(self, entries: dict[str, str], place: Place, **names: Ratio) -> dict[int, Ratio]:
        """A vector of weights by coordinate."""
        return {int(n): read(text, {"T": self.length(place), **names}) for n, text in entries.items()}

    def dot(self, entries: dict[str, str], x: Sequence[Ratio], place: Place, **names: Ratio) -> Ratio:
        """The product of a vector of weights and a row."""
        return sum((w * x[n] for n, w in self.vector(entries, place, **names).items() if x[n].num), Ratio(0))

    def normed(self, b: int, which: str, place: Place) -> list[Ratio]:
        """The row that a sub-layer of block b reads: the residual in front of it, normed."""
        s = 2 * b - 2 if which == "attention" else 2 * b - 1
        row, norm = self.state(s, place), self.subject["blocks"][b - 1][f"norm_{which}"]
        if norm is None:
            return row
        mean = sum(row, Ratio(0)) * Fraction(1, self.d_model) if norm["kind"] == "layernorm" else Ratio(0)
        moved, epsilon = [x - mean for x in row], read(norm["epsilon"], {})
        need(epsilon.num or any(self.positive(x) or self.positive(x * -1) for x in moved), f"a norm of what may be 0, in block {b}")
        need(not epsilon.names() and self.nonnegative(epsilon), "an epsilon that is no rational number")
        square = sum((x * x for x in moved if x.num), Ratio(0)) * Fraction(1, self.d_model) + epsilon
        rho = self.inverse_root(square, f"{s}.{place.token}.{place.index}@{place.tag}")
        return [x * rho for x in moved]

    def inverse_root(self, square: Ratio, where: str) -> Ratio:
        """rho with rho^2 = 1/square, rho > 0: a rational function, or a variable."""
        top, bottom = polynomial_root(square.num), polynomial_root(square.den)
        for sign in (1, -1):
            if top and bottom and self.positive(Ratio(top) * sign) and self.positive(Ratio(bottom)):
                return Ratio(bottom) / (Ratio(top) * sign)  # which keeps the kernel's custom: a denominator without variables is 1
        name = ROOT + (where if square.names() else str(Fraction(*(sum(map(Fraction, p.values())) for p in (square.num, square.den)))))
        if not any(v.startswith(ROOT) for v in square.names()):
            self.squares[name] = Ratio(1) / square
        return Ratio(name)

    def heads(self, b: int, place: Place) -> Iterator[tuple[Any, int, Ratio | None]]:
        """What the heads add: (head, coordinate, mean of the values), None where it is not known."""
        heads, keys = self.subject["blocks"][b - 1]["heads"], self.keys(place)
        if not keys:  # the empty sum
            yield from ((h, n, None) for h, head in enumerate(heads) if "opaque" in head for n in head["opaque"])
            return
        x = self.normed(b, "attention", place) if any("opaque" not in h for h in heads) else []
        rows = [self.normed(b, "attention", key) for _, key in keys] if x else []
        for h, head in enumerate(heads):
            if "opaque" in head:
                yield from ((h, n, None) for n in head["opaque"])
                continue
            queries = [self.dot(q, x, place) for q in head["W_Q"]]
            scores = [sum((q * self.dot(k, y, place) for q, k in zip(queries, head["W_K"], strict=True) if q.num), Ratio(0)) for y in rows]
            scores = [self.settled(score, place) for score in scores]
            uniform = scores[0] is not None and not any(score is None or (score - scores[0]).num for score in scores)
            columns = [(v, self.vector(o, place)) for v, o in zip(head["W_V"], head["W_O"], strict=True)]
            for n in sorted({n for _, o in columns for n in o}):
                values = [sum((self.dot(v, y, place) * o[n] for v, o in columns if n in o), Ratio(0)) for y in rows]
                yield h, n, self.mean([n for n, _ in keys], values, uniform, place)

    def mean(self, numbers: list[Ratio], values: list[Ratio], uniform: bool, place: Place) -> Ratio | None:
        """The weighted mean of values, so many of each, for weights that are all equal or whatever they are."""
        own = [self.settled(v, place) for v in values]
        if any(v is None for v in own):
            return None
        first, *rest = (v for v in own if v is not None)
        if not any((v - first).num for v in rest):
            return first
        top = sum((n * v for n, v in zip(numbers, (first, *rest), strict=True) if v.num), Ratio(0))
        return top / sum(numbers, Ratio(0)) if uniform else None

    def settled(self, x: Ratio, place: Place) -> Ratio | None:
        """A number of a key that `place` sees, if it is the same at all keys of that token; None if it may be particular to the key."""
        own = [v for v in x.names() if self.mask != "none" and v.endswith(f"@{place.tag}j")]
        if not own:
            return x
        top, bottom = (Fraction(sum(p.values())) for p in (x.num, x.den))
        constant = Ratio(top / bottom) if bottom else x  # its value where all variables are 1
        return None if (x - constant).num or not bottom else constant

    # --- hidden units -----------------------------------------------------------------------------------------------------

    def units(self, b: int, row: list[Ratio], place: Place) -> Iterator[tuple[Any, int, Ratio | None]]:
        """What the FFN adds: (unit, coordinate, value), None where it is not known whether a unit is on."""
        mlp = self.subject["blocks"][b - 1]["mlp"]
        if mlp is None:
            return
        yield from (("b", n, w) for n, w in self.vector(mlp["b_2"], place).items())
        x = self.normed(b, "ffn", place) if mlp["units"] else row
        for u, unit in enumerate(mlp["units"]):
            k = {} if unit["first"] is None else {"k": Ratio("k")}
            bias = read(unit["bias"], {"T": self.length(place), **k})
            pre, writes = self.dot(unit["read"], x, place, **k) + bias, self.vector(unit["write"], place, **k)
            if mlp["activation"] != "relu":
                yield from ((u, n, None) for n in writes)
            elif unit["first"] is not None:
                yield from ((u, n, total) for n, total in self.range(unit, pre, writes, place).items())
            else:
                on, off = self.nonnegative(pre), self.nonnegative(pre * -1)
                yield from ((u, n, w * pre if on else Ratio(0) if off else None) for n, w in writes.items())

    def range(self, unit: dict[str, Any], pre: Ratio, writes: dict[int, Ratio], place: Place) -> dict[int, Ratio | None]:
        """What units k = first..last(T) write together, by coordinate."""
        first, (top, _, floor) = int(unit["first"]), unit["last"].partition("//")
        end, m, j = read(top, {"T": self.length(place)}), int(floor or 1), Ratio("j")
        dens = [pre.den, *(w.den for w in writes.values())]
        if first < 0 or m < 1 or any("k" in mono for den in dens for mono in den):
            return dict.fromkeys(writes)
        for speed, offset in self.guesses(pre, first, end, m, place):
            K = Ratio(f"r@{place.tag}") * speed + offset if not place.index else Ratio(offset)
            some = K - (first - 1)
            if not self.nonnegative(some) or not self.nonnegative(put(pre, K + 1 + j) * -1):
                continue
            if some.num and not (self.nonnegative(put(pre, K - j)) and self.nonnegative(end - K * m)):
                continue
            return {n: power_sums(w * pre, first, K) if some.num else Ratio(0) for n, w in writes.items()}
        return dict.fromkeys(writes)

    def guesses(self, pre: Ratio, first: int, end: Ratio, m: int, place: Place) -> list[tuple[int, int]]:
        """(speed, offset) such that units are perhaps on up to K = speed r + offset: from their signs at a few positions, in floats.

        Looked at are the argument, and its part with rho alone: what a norm leaves of a sign. Guesses decide nothing.
        """
        found = []
        for part in (pre, Ratio({mono: c for mono, c in pre.num.items() if any(v.startswith(ROOT) for v in mono)}, pre.den)):
            last = [self.last_on(part, first, end, m, place, r) for r in SPOTS]
            known = [x for x in last if x is not None]
            if len(known) == len(last):
                speed = 0 if place.index else known[1] - known[0]
                found.append((speed, known[0] - speed * SPOTS[0]))
        return list(dict.fromkeys(found))

    def last_on(self, pre: Ratio, first: int, end: Ratio, m: int, place: Place, r: int) -> int | None:
        """The last k with a positive argument at one position and T, none before it off; None where they are no numbers."""
        at = {f"r@{place.tag}": float(r), f"d@{place.tag}": float(r + 3)}
        for name in pre.names():
            if name.startswith(ROOT) and name in self.squares and self.squares[name].names() <= set(at):
                at[name] = math.sqrt(evaluated(self.squares[name], at))
        if not (pre.names() | end.names()) <= {*at, "k"}:
            return None
        k = first - 1
        while k < evaluated(end, at) // m and evaluated(pre, {**at, "k": float(k + 1)}) > 1e-9:
            k += 1
        return k

    # --- signs ------------------------------------------------------------------------------------------------------------

    def reduced(self, x: Ratio) -> Ratio:
        """rho^2 = 1/q put in until every rho whose square is known stands at most once in a term of the numerator."""
        while True:
            twice = sorted({v for mono in x.num for v in mono if v in self.squares and mono.count(v) > 1})
            if not twice:
                return x
            v, out = twice[0], Ratio(0)
            for mono, c in x.num.items():
                left, n = tuple(w for w in mono if w != v), mono.count(v)
                term = Ratio({tuple(sorted((*left, *[v] * (n % 2)))): c}, x.den)
                for _ in range(n // 2):
                    term = term * self.squares[v]
                out = out + term
            x = out

    def nonnegative(self, x: Ratio) -> bool:
        """True only if x >= 0 at every value of its variables. (Its denominator is positive.)"""
        return self._sign(self.reduced(x).num, deep=True)

    def positive(self, x: Ratio) -> bool:
        """True only if x > 0 likewise."""
        return self._sign(x.num, deep=False) and () in x.num

    def _sign(self, num: dict, deep: bool) -> bool:
        if any(not (v in ("j", "k") or v.startswith(KNOWN)) for mono in num for v in mono):
            return False
        if all(c > 0 for c in num.values()):
            return True
        roots = {v for mono in num for v in mono if v.startswith(ROOT)}
        if not deep or len(roots) != 1 or not (roots <= set(self.squares)):
            return False
        [rho] = roots
        A = {tuple(v for v in mono if v != rho): c for mono, c in num.items() if rho in mono}
        B = {mono: c for mono, c in num.items() if rho not in mono}
        minus = lambda p: {mono: -c for mono, c in p.items()}  # noqa: E731
        gap = Ratio(A) * Ratio(A) * self.squares[rho] - Ratio(B) * Ratio(B)  # >= 0: |A rho| >= |B|
        if self._sign(A, deep=False) and self._sign(minus(B), deep=False):
            return self._sign(gap.num, deep=False)
        if self._sign(minus(A), deep=False) and self._sign(B, deep=False):
            return self._sign(minus(gap.num), deep=False)
        return False


def put(x: Ratio, k: Ratio) -> Ratio:
    """x with a number for k, which does not occur in its denominator."""
    out = Ratio(0)
    for mono, c in x.num.items():
        term = Ratio({tuple(v for v in mono if v != "k"): c}, x.den)
        for _ in range(mono.count("k")):
            term = term * k
        out = out + term
    return out


def power_sums(x: Ratio, first: int, K: Ratio) -> Ratio:
    """The sum of x over k = first..K, K >= first - 1, x a polynomial in k."""
    by_power: dict[int, dict] = {}
    for mono, c in x.num.items():
        by_power.setdefault(mono.count("k"), {})[tuple(v for v in mono if v != "k")] = c
    out = Ratio(0)
    for e, part in by_power.items():
        out = out + Ratio(part, x.den) * put(power_sum(e, first), K)
    return out


@cache
def power_sum(e: int, first: int) -> Ratio:
    """first^e + ... + k^e as a polynomial in k: Bernoulli's, made from the lower ones and then shown by induction."""
    k = Ratio("k")
    # (k + 1)^(e+1) - first^(e+1) = sum over n <= e of binomial(e + 1, n) (first^n + ... + k^n)
    total = _power(k + 1, e + 1) - first ** (e + 1)
    for n in range(e):
        total = total - power_sum(n, first) * math.comb(e + 1, n)
    S = total * Fraction(1, e + 1)
    step = S - put(S, k - 1) - _power(k, e)
    if step.num or put(S, Ratio(first - 1)).num:
        raise Reject("a sum of powers is wrong")
    return S


def _power(x: Ratio, n: int) -> Ratio:
    out = Ratio(1)
    for _ in range(n):
        out = out * x
    return out


def polynomial_root(p: dict) -> dict | None:
    """q with q^2 = p, for a polynomial in one variable at most; None if there is none."""
    names = {v for mono in p for v in mono}
    if len(names) > 1 or not p:
        return None
    x = next(iter(names), "r")
    degree = max(map(len, p))
    a = [Fraction(p.get((x,) * n, 0)) for n in range(degree + 1)][::-1]
    lead = [math.isqrt(n) for n in (abs(a[0].numerator), a[0].denominator)]
    if degree % 2 or a[0] <= 0 or lead[0] ** 2 != a[0].numerator or lead[1] ** 2 != a[0].denominator:
        return None
    q = [Fraction(lead[0], lead[1])]
    for n in range(1, degree // 2 + 1):
        q.append((a[n] - sum(q[i] * q[n - i] for i in range(1, n))) / (2 * q[0]))
    root = {(x,) * (degree // 2 - n): c for n, c in enumerate(q) if c}
    return root if not (Ratio(root) * Ratio(root) - Ratio(p)).num else None


def evaluated(x: Ratio, at: dict[str, float]) -> float:
    """Its value in floats."""
    top, bottom = (sum(float(c) * math.prod(at[v] for v in mono) for mono, c in p.items()) for p in (x.num, x.den))
    return top / bottom
