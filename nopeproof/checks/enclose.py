"""A float run enclosed in balls: every result torch can give for one word, whatever the order of its sums.

For any concrete circuit of heads and ReLU units without norms. Each operation's exact result on balls is widened by its
rounding error under the declared `Arithmetic`; the balls themselves are python-flint's, rounded outwards. Sums of n terms err by
at most (n - 1) u_a sum |terms| if the products are exact (jeannerod2013), else n u_a / (1 - n u_a) sum |terms|; a sum of
exact multiples of one power of two that fits the accumulator is exact in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import flint

from nopeproof.circuit import MLP, Circuit, Head, visible
from nopeproof.claims import Site
from nopeproof.errors import NopeproofError
from nopeproof.run.engine import require_concrete
from nopeproof.run.exact import ball_of
from nopeproof.run.trace import HeadTrace, Trace
from nopeproof.scalars import Scalar, scalar, to_poly
from nopeproof.theory.precision import Format, is_power_of_two, representable, round_to
from nopeproof.theory.rounding import EXP_ULPS, Arithmetic

BITS = 192
Ball = Any


def ball(x: Fraction) -> Ball:
    """The rational as a ball; exact if it is dyadic and short."""
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


def exact(x: Ball) -> Fraction | None:
    """The ball's one number, if it has only one."""
    if not x.is_exact():
        return None
    m, e = (int(v) for v in x.man_exp())
    return Fraction(m) * Fraction(2) ** e


class Enclosure:
    """The arithmetic: exact results on balls, widened by what rounding can do."""

    def __init__(self, how: Arithmetic, exp_error: Fraction | None = None) -> None:
        self.how = how
        self.u_a, self.u_s, self.eta = ball(how.u_a), ball(how.u_s), ball(how.eta)
        self.e_0 = ball(how.e_0)
        self.exp_error = ball(EXP_ULPS * how.u_a + how.e_0 if exp_error is None else exp_error)

    def weight(self, x: Scalar) -> Ball:
        """The weight as stored: rounded to nearest."""
        if isinstance(x, Fraction):
            return ball(round_to(x, self.how.storage))
        value = ball_of(to_poly(x))
        return self.finite(widen(value, abs(value) * ball(self.how.storage.u) + self.eta), self.how.storage)

    def finite(self, x: Ball, fmt: Format) -> Ball:
        """x, if no number of it is beyond the format's range: an overflow is no rounding error. Raises NopeproofError otherwise."""
        if not abs(x) <= ball(fmt.top):
            raise NopeproofError("a float enclosure", f"a number that may be beyond the range of {fmt}", "a wider format")
        return x

    def dot(self, pairs: Sequence[tuple[Ball, Ball]]) -> Ball:
        """Sum of products in the accumulator, in any order, fused or not; exact zeros cost nothing."""
        pairs = [(a, b) for a, b in pairs if not (a.is_zero() or b.is_zero())]
        total = sum((a * b for a, b in pairs), flint.arb(0))
        sizes = self.finite(sum((abs(a) * abs(b) for a, b in pairs), flint.arb(0)), self.how.accumulator)  # of every partial sum
        numbers = [(exact(a), exact(b)) for a, b in pairs]
        n = len(pairs)
        if self._in_any_order(numbers):
            return total
        clean = all(_power(a) or _power(b) for a, b in numbers)
        if n == 1 and clean:
            return total
        wrong = (n - 1) * self.u_a * sizes if clean else n * self.u_a / (1 - n * self.u_a) * sizes
        if n == 2 and clean:
            wrong = self.u_a * abs(total)
        return widen(total, wrong + n * self.eta)

    def _in_any_order(self, numbers: Sequence[tuple[Fraction | None, Fraction | None]]) -> bool:
        products = [a * b for a, b in numbers if a is not None and b is not None]
        if len(products) < len(numbers) or not products:
            return not numbers
        grain = min(Fraction(abs(x.numerator) & -abs(x.numerator), x.denominator) for x in products)
        return sum(abs(x) for x in products) <= grain * 2**self.how.accumulator.p and grain >= self.how.accumulator.tiny

    def store(self, x: Ball) -> Ball:
        """A result of the accumulator as a tensor's entry."""
        number = exact(x)
        if number is not None and representable(number, self.how.storage):
            return x
        return self.finite(widen(x, abs(x) * self.u_s + self.eta), self.how.storage)

    def plus(self, a: Ball, b: Ball) -> Ball:
        """One elementwise sum, stored."""
        if a.is_zero() or b.is_zero():
            return a + b
        x, y = exact(a), exact(b)
        if x is not None and y is not None and representable(x + y, self.how.storage):
            return a + b
        return self.store(widen(a + b, abs(a + b) * self.u_a))

    def exp(self, x: Ball) -> Ball:
        """e^x, x <= 0 the difference to the row's largest score; 1 (1 + e_0) where x is 0."""
        if x.is_zero():
            return widen(flint.arb(1), self.e_0)
        return widen(x.exp(), x.exp() * self.exp_error + self.eta)


def widen(x: Ball, error: Ball) -> Ball:
    """x with its radius enlarged by at least |error|."""
    return x + flint.arb(0, 1) * error.abs_upper() if not error.is_zero() else x


def _power(x: Fraction | None) -> bool:
    return x is not None and is_power_of_two(x)


def enclose(circuit: Circuit, word: Sequence[str], how: Arithmetic) -> Trace:
    """The trace of balls that contain every torch run of this word under `how` (routes materialised and sdpa).

    Assumes besides: exp within EXP_ULPS units of the accumulator's roundoff, and for sdpa a single block of keys. Raises
    NopeproofError for norms, GELU, positional encodings and weights left open.
    """
    require_concrete(circuit, f"{how}")
    differ = any(q.entries and k.entries for b in circuit.blocks for h in b.heads for q, k in zip(h.W_Q, h.W_K, strict=True))  # type: ignore[union-attr]
    if how.route == "streaming" and differ:
        raise NopeproofError("a float enclosure", "the streaming route with scores that may differ", "the route materialised or sdpa")
    for block in circuit.blocks:
        if block.norm_attention or block.norm_ffn or (block.mlp and block.mlp.activation != "relu") or circuit.positions.kind != "none":
            raise NopeproofError("a float enclosure", "a norm, a GELU or a positional encoding", "a circuit of heads and ReLU units")
    word = circuit.check_word(word)
    with flint.ctx.workprec(BITS):
        return _forward(circuit, word, Enclosure(how))


def _forward(circuit: Circuit, word: Sequence[str], E: Enclosure) -> Trace:
    d = circuit.d_model
    rows = [[E.weight(dict(circuit.embedding.tokens[t].entries).get(i, Fraction(0))) for i in range(d)] for t in word]  # type: ignore[union-attr]
    residuals: dict[Site, Any] = {Site(0): rows}
    heads: dict[tuple[int, int], HeadTrace] = {}
    for b, block in enumerate(circuit.blocks, 1):
        x = rows
        for h, head in enumerate(block.heads):
            heads[b, h] = trace = _head(circuit, head, x, E)  # type: ignore[arg-type]
            rows = [[E.plus(p, q) for p, q in zip(row, out, strict=True)] for row, out in zip(rows, trace.output, strict=True)]
        residuals[Site(b, "attention")] = rows
        if block.mlp is not None:
            rows = [_ffn(block.mlp, row, E) for row in rows]
        residuals[Site(b)] = rows
    return Trace(circuit, tuple(word), f"balls around {E.how}", residuals, heads)


def _vectors(vectors: Sequence[Any], E: Enclosure) -> list[list[tuple[int, Ball]]]:
    return [[(i, E.weight(w)) for i, w in v.entries] for v in vectors]


def _head(circuit: Circuit, head: Head, x: list[list[Ball]], E: Enclosure) -> HeadTrace:
    Q, K, V = ([[E.store(E.dot([(w, row[i]) for i, w in v])) for v in _vectors(m, E)] for row in x] for m in (head.W_Q, head.W_K, head.W_V))
    columns, T, zero = _vectors(head.W_O, E), len(x), flint.arb(0)
    scores, output = [], []
    for t in range(T):
        keys = visible(circuit.mask, t, T)
        row = [_score(head, Q[t], K[i], E) for i in keys]
        scores.append(row)
        output.append(_average(row, [V[i] for i in keys], columns, circuit.d_model, E) if keys else [zero] * circuit.d_model)
    return HeadTrace(scores, None, output)


def _score(head: Head, q: list[Ball], k: list[Ball], E: Enclosure) -> Ball:
    """<q, k> times the scale: the product scaled, stored before or not, or both factors by its root, or the query alone."""
    s, one = E.dot(list(zip(q, k, strict=True))), flint.arb(1)
    if head.scale == "1":
        return E.store(s)
    scale = ball_of(to_poly(scalar(f"sqrt({head.d_head})/{head.d_head}")))
    times = lambda y, f: widen(y * f, abs(y * f) * E.u_a * 4 + E.eta)  # noqa: E731
    ways = [times(s, scale), times(E.store(s), scale)]
    for f, g in ((scale.sqrt(), scale.sqrt()), (scale, one)):
        ways.append(E.dot([(E.store(times(a, f)), E.store(times(b, g))) for a, b in zip(q, k, strict=True)]))
    return reduce(lambda a, b: a.union(b), map(E.store, ways))


def _average(row: list[Ball], values: list[list[Ball]], columns: list[list[tuple[int, Ball]]], d: int, E: Enclosure) -> list[Ball]:
    """Softmax, average and W_O of one query: the quotient before or after the average, stored or not in between."""
    best = row[0]
    for s in row[1:]:
        best = best.max(s)
    same = all(exact(s) is not None and exact(s) == exact(best) for s in row)
    shifted = [flint.arb(0) if same else widen(s - best, abs(s - best) * E.u_a).min(flint.arb(0)) for s in row]
    terms = [E.exp(s) for s in shifted]
    total = E.dot([(e, flint.arb(1)) for e in terms])
    shares = [_at_most(e / total, flint.arb(2)) for e in terms]  # a float sum of positive terms is no less than each
    stored = [E.store(widen(e, e * (2 * E.u_a + E.u_a * E.u_a) + E.eta)) for e in shares]
    averages = []
    for a in range(len(columns)):
        column = [v[a] for v in values]
        most = 2 * sum((abs(v) for v in column), flint.arb(0))
        after = _at_most(E.dot([(E.store(e), v) for e, v in zip(terms, column, strict=True)]) / total, most)
        raw = _at_most(E.dot(list(zip(terms, column, strict=True))) / total, most)
        fused = [E.store(widen(y, abs(y) * (2 * E.u_a + E.u_a * E.u_a) + E.eta)) for y in (after, raw)]
        averages.append(E.store(E.dot(list(zip(stored, column, strict=True)))).union(fused[0]).union(fused[1]))
    return [E.store(E.dot([(w, averages[a]) for a, column in enumerate(columns) for j, w in column if j == i])) for i in range(d)]


def _at_most(x: Ball, most: Ball) -> Ball:
    """x, or where it is not known to be so, any number of at most that size."""
    return x if abs(x) <= most else widen(flint.arb(0), most)


def _ffn(mlp: MLP, row: list[Ball], E: Enclosure) -> list[Ball]:
    one, hidden = flint.arb(1), []
    for unit in mlp.units:
        z = E.store(E.dot([(E.weight(w), row[i]) for i, w in unit.read.entries]))  # type: ignore[union-attr]
        bias = E.weight(unit.bias)  # type: ignore[arg-type]
        fused = E.store(E.dot([(E.weight(w), row[i]) for i, w in unit.read.entries] + [(bias, one)]))  # type: ignore[union-attr]
        hidden.append((E.plus(z, bias).union(fused) if not bias.is_zero() else z).max(flint.arb(0)))
    out = []
    for i, x in enumerate(row):
        pairs = [(E.weight(dict(u.write.entries)[i]), a) for u, a in zip(mlp.units, hidden, strict=True) if i in u.write.indices]  # type: ignore[union-attr]
        b_2 = E.weight(dict(mlp.b_2.entries).get(i, Fraction(0)))  # type: ignore[union-attr]
        y = E.plus(E.store(E.dot(pairs)), b_2)
        y = y if b_2.is_zero() else y.union(E.store(E.dot([*pairs, (b_2, one)])))
        out.append(E.plus(x, y))
    return out


def outside(balls: Trace, floats: Trace) -> Iterator[dict[str, Any]]:
    """Every entry of a torch run that its enclosure does not contain: each one contradicts a hypothesis, or this module."""
    for site, rows in balls.residuals.items():
        have = floats.residuals[site].double().tolist()
        for t, row in enumerate(rows, 1):
            for i, x in enumerate(row):
                if not x.contains(flint.arb(have[t - 1][i])):
                    label = balls.circuit.residual.label(i)
                    place = {"word": list(balls.word), "t": t, "site": str(site), "coordinate": label}
                    yield {**place, "expected": str(x), "found": have[t - 1][i]}
