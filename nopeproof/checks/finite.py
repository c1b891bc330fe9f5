"""Nothing overflows: bounds on all that the first blocks compute, also where a claim does not look.

A float run multiplies whole matrices. A number beyond the format's range at a coordinate or hidden unit that a claim never reads is
still multiplied by the 0 of a weight, and 0 times infinity is no number: it reaches the coordinate that is claimed. So a float certificate
asks here for every query, key, score, value, average, residual and argument of a hidden unit. What a circuit leaves open, opaque heads and
free symbols, is taken to stay finite, and so is what is computed from it.

The bounds are crude: sizes are added, signs forgotten. A sum of n products, in any order, is at most 1/(1 - n u) times the sum of their
sizes (jeannerod2013); an average has a denominator of at least exp(0), as a sum of numbers >= 0 rounds to no less than each of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from nopeproof import scalars
from nopeproof.circuit import Circuit, Head, Norm
from nopeproof.claims import Site
from nopeproof.scalars import Scalar
from nopeproof.sublayers import VectorLike
from nopeproof.theory.rounding import Arithmetic

Bounds = dict[int, Fraction]
_0 = Fraction(0)


def size(x: Scalar, T: int) -> Fraction:
    """A bound on a weight of the member for T, k <= T: the sum of |coefficient| times powers of T; 0 if it has a free symbol."""
    if isinstance(x, Fraction):
        return abs(x)
    if scalars.symbols(x) - {"k", "T"}:
        return _0
    at = lambda name: T if name in ("k", "T") else int(name.removeprefix("ln ").removeprefix("rt"))  # noqa: E731  # ln n, sqrt n <= n
    return sum((abs(Fraction(c)) * math.prod(Fraction(at(v)) ** int(n) for v, n in m) for m, c in x.poly.terms.items()), _0)


def largest_weight(circuit: Circuit, T: int) -> Fraction:
    """A bound on every weight of the member for T that is not a free symbol."""
    units = [u for b in circuit.blocks for u in (b.mlp.units if b.mlp else ())]
    weights = [x for v in circuit.vectors() for _, x in v.entries] + [u.bias for u in units]
    return max((size(x, T) for x in weights), default=_0)  # type: ignore[arg-type]


def overflows(circuit: Circuit, site: Site, T: int, how: Arithmetic, held: Mapping[int, Fraction] | None = None) -> str:
    """What may leave the format's range up to a site, at some t <= T, in words; "" if nothing does. It is no less with a larger T.

    held: bounds of the coordinates that hidden units write, where both are kept in range elsewhere: heads alone are looked at then.
    """
    if largest_weight(circuit, T) > how.storage.top:
        return "a weight"
    return _Bounds(circuit, T, how, dict(held or {})).first(site)


class _Bounds:
    """|residual| by coordinate, block after block."""

    def __init__(self, circuit: Circuit, T: int, how: Arithmetic, held: Bounds) -> None:
        self.circuit, self.T, self.how, self.held = circuit, T, how, held
        self.u = how.accumulator.u + how.storage.u
        widest = max((len(m) for b in circuit.blocks for h in b.heads if isinstance(h, Head) for m in (h.W_Q, h.W_V)), default=0)
        terms = max(circuit.d_model, widest) + len(circuit.blocks) + 8
        # weights stored, products, sums, storage, one after the other: each term is rounded so many times at most
        self.most = min(how.storage.top, how.accumulator.top) / (1 + self.u) ** (6 * terms)
        e = circuit.embedding
        self.rows: Bounds = {}
        for v in [*e.tokens.values(), *([e.other] if e.other is not None else [])]:
            for i, x in v.entries:  # type: ignore[union-attr]
                self.rows[i] = max(self.rows.get(i, _0), size(x, T))
        self.rows |= held

    def first(self, site: Site) -> str:
        """The first part that may overflow."""
        if self.stream() > self.most:
            return "the embedding"
        for b, block in enumerate(self.circuit.blocks[: site.block], 1):
            seen = self.seen(block.norm_attention)
            for head in block.heads:
                if isinstance(head, Head) and not self.head(head, seen):
                    return f"the head {head.name!r} of block {b}"
            if block.mlp is None or self.held or site == Site(b, "attention"):
                continue
            seen = self.seen(block.norm_ffn)
            for u in block.mlp.units:
                pre = self.dot(u.read, seen) + size(u.bias, self.T)  # type: ignore[arg-type]
                if pre > self.most:
                    return f"a hidden unit of block {b}"
                self.write(u.write, pre * (1 if u.first is None else self.T))
            self.write(block.mlp.b_2, Fraction(1))
        return ""

    def seen(self, norm: Norm | None) -> Bounds:
        """What a sub-layer reads; no entry of a normed row is larger than the root of its length."""
        root = Fraction(math.isqrt(self.circuit.d_model) + 1)
        return dict.fromkeys(range(self.circuit.d_model), root) if norm else dict(self.rows)

    def dot(self, v: VectorLike, rows: Bounds) -> Fraction:
        """A bound on the product of a vector of weights and a row."""
        return sum((size(w, self.T) * rows.get(i, _0) for i, w in v.entries), _0)  # type: ignore[union-attr]

    def write(self, v: VectorLike, most: Fraction) -> None:
        """Add a vector times a number of at most that size."""
        for i, w in v.entries:  # type: ignore[union-attr]
            self.rows[i] = self.held.get(i, self.rows.get(i, _0) + most * size(w, self.T))

    def head(self, head: Head, seen: Bounds) -> bool:
        """Whether nothing in a head can overflow; adds what it writes."""
        q, k, v = ([self.dot(row, seen) for row in rows] for rows in (head.W_Q, head.W_K, head.W_V))
        score = sum((x * y for x, y in zip(q, k, strict=True)), _0)
        sums = [y * self.T * (1 + self.T * self.u) for y in v]  # a fused head divides last
        means = [self.mean(y) for y in v]
        for y, column in zip(means, head.W_O, strict=True):
            self.write(column, y)
        return max((*q, *k, *sums, *means, score, self.stream())) <= self.most

    def stream(self) -> Fraction:
        """The largest entry of the residual that is not kept in range elsewhere."""
        return max((x for i, x in self.rows.items() if i not in self.held), default=_0)

    def mean(self, y: Fraction) -> Fraction:
        """A bound on an average, with weights that are no probabilities by rounding, of values of at most y."""
        lost, e = self.T * self.u + self.how.e_0, self.how.e_0
        return y * (1 + lost) / (1 - lost) if lost < 1 else y * self.T * (1 + self.T * self.u) * (1 + e) / (1 - e)
