"""Every word at once, for circuits that count: the residual at a position as a function of its place, its counts and its targets.

Two kinds of heads are understood, and they may be stacked.

  counting   what it reads of a key, and its scores, depend on nothing but the kind of *place* the key is. Its output is then a mean
             over kinds, sum n_j w_j v_j / sum n_j w_j, n_j the number of keys of kind j among the first t: a count (yang2024).
  look-up    scores -c (i - p)^2 + g(t), p a whole number at the query, e^c = B a whole number >= 2. Let q be the key nearest to p, that
             is p, or 1 or t where p lies beyond them. A key at distance m from q has at most B^-(m^2) of its weight, as
             (m + a)^2 - a^2 >= m^2. So q has at least 1/(1 + leak), leak = 2 sum_{m >= 1} B^-(m^2), and what is read is the value at q
             up to (1 - weight) times the spread of the values; or up to 2 sum m B^-(m^2), for a value that moves by 1 a key at most.

In front of an FFN a norm with epsilon = 0 is understood where the row is r times fractions a_i, r one number of known sign: it is then
sign(r) a_i over the root of the mean of their squares, if that is a fraction (LayerNorm: of a_i less their mean).

A place is a kind of position: its token, and *facts*, linear forms in t and the counts that are >= 0 there. Where the sign of a
hidden unit depends on more, the place is split at a whole number, L >= 1 or L <= 0, so that the places always cover every position
of every word; and where a range of units is on up to half of a count, it is split into that count even and odd, n = 2 m + e. What
is neither of these is an unknown variable, and nothing is concluded from it.

A sign is decided by substitution. Counts are whole numbers >= 0, those of one layer sum to t, and T = t + d with d >= 0; each fact
x >= (what is >= 0) becomes x = (that) + s with s >= 0. A polynomial without a negative coefficient is then >= 0. A count that is
0 at t is 0 at every key i <= t: no key of a place where it is >= 1 is seen from there.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from nopeproof.circuit import Circuit, Family, Head, Norm
from nopeproof.kernel import Ratio
from nopeproof.scalars import spell
from nopeproof.theory.places import (
    HALF,
    NUMBER,
    ONE,
    Impossible,
    Look,
    Place,
    Undecided,
    constant,
    last_on,
    lowest,
    number,
    parted_last,
    power,
    put,
    summed,
    weight,
    whole,
)

LARGEST, STEPS = 400, 8  # places of one sub-layer; small numbers that a count is told apart from, one by one


class Counting:
    """All words through one circuit or family. `after(s)`: the places after s sub-layers, attention 1, FFN 1, attention 2, ..."""

    def __init__(self, subject: Circuit | Family) -> None:
        c = self.circuit = subject.symbolic if isinstance(subject, Family) else subject
        plain = all(b.norm_attention is None and all(isinstance(h, Head) for h in b.heads) for b in c.blocks)
        if c.mask != "causal" or c.positions.kind != "none" or not plain or c.embedding.other is not None or c.free:
            raise Undecided("a mask, an encoding, a norm of what heads read, an opaque head or weights left open: not counted here")
        if getattr(subject, "grows", False):
            raise Undecided("the number of blocks depends on T")
        self.first = 1 if c.bos is None else 2
        self.levels: list[list[Place]] = [list(self.embedded())]

    def after(self, s: int) -> list[Place]:
        """The places after s sub-layers. Raises Undecided."""
        if not 0 <= s <= 2 * len(self.circuit.blocks):
            raise Undecided(f"no place after {s} sub-layers")
        while len(self.levels) <= s:
            n, before = len(self.levels), self.levels[-1]
            made = self.attention((n + 1) // 2, before) if n % 2 else [q for p in before for q in self.ffn(n // 2, p)]
            if len(made) > LARGEST:
                raise Undecided(f"more than {LARGEST} kinds of places")
            self.levels.append(made)
        return self.levels[s]

    def vector(self, v: Any) -> dict[int, Ratio]:
        """A vector of weights by coordinate."""
        return {i: weight(spell(x)) for i, x in v.entries}

    def dot(self, v: Any, x: Sequence[Ratio]) -> Ratio:
        """The product of a vector of weights and a residual."""
        return sum((w * x[i] for i, w in self.vector(v).items() if x[i].num), Ratio(0))

    def embedded(self) -> Iterator[Place]:
        """One place a token: BOS at t = 1 alone, where there is one."""
        t, kept = Ratio("t"), {}
        for token, v in self.circuit.embedding.tokens.items():
            entries, bos = self.vector(v), token == self.circuit.bos
            facts = (t - 1, Ratio(1) - t) if bos else (t - self.first,)
            yield Place(token, tuple(entries.get(i, Ratio(0)) for i in range(self.circuit.d_model)), facts, kept=kept)

    # --- attention ---------------------------------------------------------------------------------------------------------

    def attention(self, b: int, places: list[Place]) -> list[Place]:
        """Each place after the heads of block b, split by what its look-ups read."""
        heads = self.circuit.blocks[b - 1].heads
        counted = {h: rows for h, head in enumerate(heads) if (rows := self.readings(head, places)) is not None}
        kinds: dict[tuple, list[int]] = {}
        for n in range(len(places)):
            kinds.setdefault(tuple(str(rows[n]) for rows in counted.values()), []).append(n)
        out = []
        for place in places:
            seen = [n for n, key in enumerate(places) if self.sees(place, key)]
            layer, facts = [], []
            for j, members in enumerate(kinds.values() if counted else ()):
                here, name = [n for n in members if n in seen], Ratio(f"n{b}.{j}")
                alone = here and all(places[n].token == self.circuit.bos for n in here)
                least = any(places[n].token == self.circuit.bos for n in here) + (
                    any(places[n] is place for n in here) and place.token != self.circuit.bos
                )
                facts += [name - int(least), *([name * -1] if not here else [Ratio(1) - name] if alone else [])]
                layer.append((tuple(places[n] for n in here), Ratio(1) if alone else name if here else Ratio(0), members))
            counts = (*place.counts, tuple((k, n) for k, n, _ in layer)) if counted else place.counts
            x = list(place.x)
            for h, rows in counted.items():
                for i, mean in self.means(heads[h], place, layer, rows).items():
                    x[i] = x[i] + (mean or Ratio(f"?{b}.{h}.{i}"))
            try:
                made = [replace(place, x=tuple(x), counts=counts).given(*facts)]
            except Impossible:
                continue  # there is no such position
            for h, head in enumerate(heads):
                if h not in counted:
                    found, keys = self.target(head, place, places), [places[n] for n in seen]
                    made = [q for p in made for q in self.looked((b, h), found, place, p, keys)]
            out += made
        return out

    def readings(self, head: Any, places: list[Place]) -> list[list[dict]] | None:
        """What a counting head reads of each key, as polynomials: values, and keys where a query looks at them; None for other heads."""
        asked = [n for n, q in enumerate(head.W_Q) if any(self.dot(q, p.x).num for p in places)]
        rows = [[lowest(self.dot(v, p.x)) for v in (*head.W_V, *(head.W_K[n] for n in asked))] for p in places]
        fixed = all(x.den == ONE and all(v.startswith(NUMBER) for v in x.names()) for row in rows for x in row)
        return [[x.num for x in row] for row in rows] if fixed else None

    def sees(self, place: Place, key: Place) -> bool:
        """Whether a key of that kind may stand at i <= t."""
        if self.circuit.bos is not None and place.token == self.circuit.bos:
            return key.token == place.token
        names = {v for fact in place.facts for v in fact.names() if v.startswith("n") and "@" not in v}  # each count stands in a fact
        return not any(place.nonnegative(Ratio(v) * -1) and key.nonnegative(Ratio(v) - 1) for v in sorted(names))

    def means(self, head: Any, place: Place, layer: list, rows: list) -> dict[int, Ratio | None]:
        """{coordinate: mean of the values}, weighted by count and e^score; None where a score is no whole multiple of logarithms."""
        some = [(kinds[0].x, n, rows[members[0]]) for kinds, n, members in layer if kinds]
        scores = [self.score(head, place.x, x) for x, _, _ in some]
        powers = [power(s - scores[0]) for s in scores]
        out: dict[int, Ratio | None] = {}
        for i in sorted({i for o in head.W_O for i in o.indices}):
            column = [self.vector(o).get(i, Ratio(0)) for o in head.W_O]
            values = [sum((Ratio(v) * o for v, o in zip(row, column, strict=False)), Ratio(0)) for _, _, row in some]
            if any(p is None for p in powers):
                out[i] = values[0] if not any((v - values[0]).num for v in values) else None
            elif all(p == 1 for p in powers):  # uniform: the counts sum to t
                zero = next((v for v in values if not v.num), values[-1])
                out[i] = zero + sum((n * (v - zero) for v, (_, n, _) in zip(values, some, strict=True)), Ratio(0)) / Ratio("t")
            else:
                weights = [n * p for p, (_, n, _) in zip(powers, some, strict=True)]  # type: ignore[operator]
                out[i] = sum((w * v for w, v in zip(weights, values, strict=True)), Ratio(0)) / sum(weights, Ratio(0))
        return out

    def score(self, head: Any, x: Sequence[Ratio], y: Sequence[Ratio]) -> Ratio:
        """The head's scale times <W_Q x, W_K y>."""
        scale = weight("1" if head.scale == "1" else f"sqrt({head.d_head})/{head.d_head}")
        return scale * sum((self.dot(q, x) * self.dot(k, y) for q, k in zip(head.W_Q, head.W_K, strict=True)), Ratio(0))

    def looked(self, at: tuple[int, int], found: Any, asked: Place, place: Place, keys: list[Place]) -> Iterator[Place]:
        """The place split by where its look-up falls and on what token; or with unknowns where the head is no look-up."""
        head: Any = self.circuit.blocks[at[0] - 1].heads[at[1]]
        columns = {i: [self.vector(o).get(i, Ratio(0)) for o in head.W_O] for i in sorted({i for o in head.W_O for i in o.indices})}
        if found is None:
            new = {i: x + Ratio(f"?{at[0]}.{at[1]}.{i}") for i, x in enumerate(place.x) if i in columns}
            if place.token == self.circuit.bos:  # there is one key
                new = {i: place.x[i] + self.value(head, column, asked) for i, column in columns.items()}
            yield replace(place, x=tuple(new.get(i, x) for i, x in enumerate(place.x)))
            return
        p, base = found
        t, bos = Ratio("t"), self.circuit.bos
        own = lambda key: key is asked  # noqa: E731
        spots: list[tuple[Any, tuple[Ratio, ...], Callable[[Place], bool]]] = [
            ("first", (Ratio(1) - p,), (lambda key: key.token == bos) if bos else lambda _: True),
            ("p", (p - 2, t - p), lambda key: bos is None or key.token != bos),
            ("last", (p - t - 1,), own),
        ]
        if place.token == bos:
            spots = [("last", (), own)]
        for where, facts, fits in spots:
            done: set[tuple] = set()
            try:
                here = place.given(*facts)
            except Impossible:
                continue
            for key in [key for key in keys if fits(key)]:
                values = {i: self.value(head, column, key) for i, column in columns.items()}
                mark = (key.token, *(str((v.num, v.den)) for v in values.values()))
                if mark not in done:
                    done.add(mark)
                    every = {i: [self.value(head, column, k) for k in keys] for i, column in columns.items()}
                    yield self.read_off(here, at, Look(p, base, where, key.token), values, every, keys)

    def value(self, head: Any, column: list[Ratio], key: Place) -> Ratio:
        """What a key adds to one coordinate at full weight."""
        return sum((self.dot(v, key.x) * o for v, o in zip(head.W_V, column, strict=True)), Ratio(0))

    def target(self, head: Any, place: Place, keys: list[Place]) -> tuple[Ratio, int] | None:
        """(p, B) if the score of every key is -ln B (i - p)^2 + g(t) with p a whole number; else None."""
        position = {"t": Ratio("i")}
        rows = [(key.fixed(), [put(self.dot(k, key.x), position) for k in head.W_K]) for key in keys]
        shape = next((row for at, row in rows if "t" not in at), rows[0][1])
        if any(v not in ("i", "T") and not v.startswith(NUMBER) for _, row in rows for x in row for v in x.names()):
            return None  # a key that is more than its position
        there = lambda x, at: put(x, {"i": at["t"]}) if "t" in at else x  # noqa: E731
        if head.scale != "1" or any((there(x, at) - there(y, at)).num for at, row in rows for x, y in zip(row, shape, strict=True)):
            return None
        total = sum((self.dot(q, place.x) * k for q, k in zip(head.W_Q, shape, strict=True)), Ratio(0))
        parts: dict[int, dict] = {}
        for m, c in total.num.items():
            parts.setdefault(m.count("i"), {})[tuple(v for v in m if v != "i")] = c
        square, linear = parts.get(2, {}), parts.get(1, {})
        if total.den != {(): 1} or set(parts) - {0, 1, 2} or len(square) != 1:
            return None
        ((log, c),) = square.items()
        if len(log) != 1 or not log[0].startswith("ln ") or c >= 0 or Fraction(c).denominator != 1 or int(log[0][3:]) < 2:
            return None
        if any(m.count(log[0]) != 1 for m in linear):
            return None
        p = Ratio({tuple(v for v in m if v != log[0]): Fraction(x) / (-2 * c) for m, x in linear.items()})
        return (p, int(log[0][3:]) ** int(-c)) if whole(p) and all(len(m) <= 1 for m in p.num) else None

    def read_off(self, place: Place, at: tuple[int, int], look: Look, values: dict, every: dict, keys: list[Place]) -> Place:
        """The residual after a look-up: the value at its key, up to what the other keys may add."""
        x, boxes = list(place.x), dict(place.boxes)
        for i, v in values.items():
            others, name = every[i], f"u{at[0]}.{at[1]}.{i}"
            if all(not y.names() for y in others):
                lost, gaps = 1 - look.weight, [number(y) - number(v) for y in others]
                low, high = (min(min(gaps), 0) * lost, max(max(gaps), 0) * lost)
                base = v
            else:  # a count times a number, which moves by no more than that from key to key
                names = {n for y in (v, *others) for n in y.names()}
                forms = {str(y.num) for y in others if y.num}
                if len(forms) != 1 or len(names) != 1 or any(y.den != ONE or len(y.num) > 1 for y in others):
                    x[i] = x[i] + Ratio(f"?{at[0]}.{at[1]}.{i}")
                    continue
                (name_of,) = names
                ((monomial, step),) = next(y.num for y in others if y.num).items()
                # a key at which nothing is read must be one at which that count is 0: else the value jumps between neighbours
                jumps = any(not y.num and not key.zero(Ratio(name_of)) for y, key in zip(others, keys, strict=True))
                if monomial != (name_of,) or not name_of.startswith("n") or "@" in name_of or jumps:
                    x[i] = x[i] + Ratio(f"?{at[0]}.{at[1]}.{i}")
                    continue
                high = abs(step) * look.drift
                low, base = -high, put(v, {name_of: Ratio(f"{name_of}@{at[0]}.{at[1]}")})
            if low == high:
                x[i] = x[i] + base
                continue
            boxes[name] = Fraction(high - low)
            x[i] = x[i] + base + low + Ratio(name)
        return replace(place, x=tuple(x), boxes=boxes, looks={**place.looks, at: look})

    # --- FFN -----------------------------------------------------------------------------------------------------------------

    def ffn(self, b: int, place: Place) -> Iterator[Place]:
        """The place after the FFN of block b, split until it is decided which units are on."""
        mlp, norm, seen, x = self.circuit.blocks[b - 1].mlp, self.circuit.blocks[b - 1].norm_ffn, place.x, list(place.x)
        if mlp and norm:
            one, parts = self.ray(place.x, f"the norm in front of FFN {b}")
            sign = 1 if place.nonnegative(one, strict=True) else -1 if place.nonnegative(one * -1, strict=True) else 0
            if not sign:
                yield from (q for part in self.split(place, one, f"what is normed in front of FFN {b}") for q in self.ffn(b, part))
                return
            seen = normed(norm, parts, sign)
        boxes = dict(place.boxes)
        for i, c in self.vector(mlp.b_2).items() if mlp else ():
            x[i] = x[i] + c
        for u, unit in enumerate(mlp.units if mlp else ()):
            pre, write = self.dot(unit.read, seen) + weight(spell(unit.bias)), self.vector(unit.write)  # type: ignore[arg-type]
            if mlp.activation != "relu" or any(v.startswith("?") for v in pre.names()):  # type: ignore[union-attr]
                for i in write:
                    x[i] = x[i] + Ratio(f"?{b}.u{u}.{i}")
            elif unit.first is not None:
                try:
                    sums, more = self.ranged(b, u, unit, place, pre, write)
                except Finer as finer:
                    yield from (q for part in finer.parts for q in self.ffn(b, part))
                    return
                boxes |= more
                for i, total in sums.items():
                    x[i] = x[i] + total
            elif place.nonnegative(pre):
                for i, w in write.items():
                    x[i] = x[i] + w * pre
            elif not place.nonnegative(pre * -1):
                yield from (q for part in self.split(place, pre, f"FFN {b}, unit {u}") for q in self.ffn(b, part))
                return
        fixed = place.fixed()
        x = [lowest(put(y, fixed)) for y in x]
        if place.halves:
            x = [y if (c := constant(place.normal(y))) is None else Ratio(c) for y in x]
        yield replace(place, x=tuple(x), boxes=boxes)

    def ray(self, x: Sequence[Ratio], where: str) -> tuple[Ratio, list[Fraction]]:
        """A row as numbers times one of its entries. Raises Undecided where it is not of this form."""
        one = next((y for y in x if y.num), Ratio(0))
        parts = [next((c for c in _quotients(y, one) if not (y - one * c).num), None) for y in x]
        if not one.num or None in parts:
            raise Undecided(f"{where}: a row that is 0, or no multiple of one number")
        return one, parts  # type: ignore[return-value]

    def split(self, place: Place, pre: Ratio, where: str) -> Iterator[Place]:
        """The place at L >= 1 and at L <= 0, L the whole number that the sign of pre turns on. Raises Undecided."""
        top = max(m.count("T") for m in pre.num)
        part = {tuple(v for v in m if v != "T"): c for m, c in pre.num.items() if m.count("T") == top}
        if any(part) and all(len(m) <= 1 and all(v == "t" or v.startswith("n") for v in m) for m in part):
            least = part.pop((), 0)
            scale = math.lcm(*(Fraction(c).denominator for c in part.values()))
            scale = Fraction(scale, math.gcd(*(int(c * scale) for c in part.values())))
            near = [math.floor(least * scale) + shift for shift in (0, 1, -1)]
            for shift in dict.fromkeys([*near, *(range(0, max(near[2], -STEPS) - 1, -1))]):  # from 0 down: one number after another
                L = Ratio(part) * scale + shift
                if not place.nonnegative(L - 1) and not place.nonnegative(L * -1):
                    with contextlib.suppress(Undecided):
                        yield from place.either(L - 1)
                        return
        raise Undecided(f"{where} is neither on nor off at {place.token!r}, and no whole number decides it")

    def ranged(self, b: int, u: int, unit: Any, place: Place, pre: Ratio, write: Mapping[int, Ratio]) -> tuple[dict[int, Ratio], dict]:
        """What units k = first..last(T) add, and the boxes of the variables in it.

        They are on exactly up to some k = K, summed in closed form, or up to K with the one at K + 1, if there is one, between 0 and
        a bound. Raises Finer where it turns on whether a count is even if K is whole, or on a count if it is one of them, and Undecided.
        """
        a, (top, share), name = weight(unit.first), parted_last(unit.last), f"u{b}.u{u}"
        at = lambda k: put(pre, {"k": k})  # noqa: E731
        j, odd, turns = Ratio("j"), [], []
        for zero in last_on(pre) if whole(a) and not a.names() else ():
            twice = place.normal(zero * 2)
            odd += [m[0] for m, c in twice.num.items() if whole(twice) and m and Fraction(c) % 2]
            zero = twice / Ratio(2) if place.halves else zero
            for K in (zero, zero - Fraction(1, 2)):
                if not whole(K):
                    continue
                if place.nonnegative(a - K - 1):
                    K = a - 1  # none is on
                elif not place.nonnegative(K - a + 1):
                    turns.append(K - a + 1)
                    continue
                elif not (place.nonnegative(at(K - j)) and place.nonnegative(top - K * share)):
                    continue
                bound = Fraction(0) if place.nonnegative(at(K + 1 + j) * -1) else self.bound(place, at(K + 1))
                if bound is None or (bound and not place.nonnegative(at(K + 2 + j) * -1)):
                    continue
                more = Ratio(name) if bound else Ratio(0)
                sums = {i: summed(w * pre, K) - summed(w * pre, a - 1) + put(w, {"k": K + 1}) * more for i, w in write.items()}
                return sums, {name: bound} if bound else {}
        if odd and odd[0] not in place.halves and not odd[0].startswith(HALF):
            raise Finer(list(place.halved(odd[0])))
        if turns:
            raise Finer(place.either(turns[0]))
        raise Undecided(f"FFN {b}, units {u}: it is not decided up to which k they are on, at {place.token!r}")

    def bound(self, place: Place, pre: Ratio) -> Fraction | None:
        """A number > 0 that pre does not exceed at the place, if it is largest at T = t."""
        most = constant(put(place.normal(put(pre, {"T": Ratio("t")})), place.fixed()))
        return most if most is not None and most > 0 and place.nonnegative(pre * -1 + most) else None


class Finer(Exception):
    """What is asked turns on more than the place says; `parts` are places that cover it and say more."""

    def __init__(self, parts: list[Place]) -> None:
        self.parts = parts


def _quotients(y: Ratio, one: Ratio) -> Iterator[Fraction]:
    """Candidates for y/one, where that is a number: 0, and the quotients of terms above, if what is below is the same."""
    yield Fraction(0)
    term: Any = next(iter(y.num), None)
    yield from (Fraction(y.num[term]) / Fraction(c) for m, c in one.num.items() if m == term)


def normed(norm: Norm, parts: Sequence[Fraction], sign: int) -> list[Ratio]:
    """The row after the norm, of a row that is `parts` times one number of that sign. Raises Undecided where a root is not a fraction."""
    mean = sum(parts, Fraction(0)) / len(parts) if norm.kind == "layernorm" else Fraction(0)
    square = sum(((x - mean) ** 2 for x in parts), Fraction(0)) / len(parts)
    root = Fraction(math.isqrt(square.numerator), math.isqrt(square.denominator))
    if norm.epsilon != 0 or not square or root * root != square:
        raise Undecided("a norm with an epsilon, of a row that it takes for 0, or with a root that is no fraction")
    return [Ratio((x - mean) * sign / root) for x in parts]
