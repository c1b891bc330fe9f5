"""The trusted checker. One file, standard library only: a copy of it is all a referee has to read.

    python kernel.py certificate.json        prints "accepted" or the reason for rejecting; exit code 0 or 1

A certificate holds a circuit's weights, one claim with its scope, and hints. The kernel builds the goals from the
weights itself; hints only say where to look, and a wrong one can make it reject, never accept. What it can decide is
*fragment K* (docs/trust.md): claims about rational functions of the position t, of token counts and of e^q.

How a word of any length becomes finite. Without positional encoding a layer-1 head sees its prefix only through how
often each token class occurs. So position t is run once per *class* of token standing there and per *case* of t
(t = 1, ..., then t = m r + c for every residue c, with r >= 0 a variable). A coordinate about which nothing is known
becomes a fresh variable: what is then proved holds for whatever stands there. Acceptance rests on formal identities
between polynomials, hence on their truth at every value; no transcendence theorem is needed for it.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import Any

SCHEMA = "nopeproof-certificate/1"
RESERVED = {"t", "i", "j", "k", "r", "d", "e"}  # no free symbol of a circuit has these names
LARGEST = 10_000  # bounds on expressions and shapes: beyond them a certificate is rejected, not worked on for ever


class Reject(Exception):
    """The certificate does not show its claim."""


class Poly:
    """A polynomial over the rationals: {monomial: coefficient}, a monomial being ((variable, exponent), ...).

    Exponents of "e" and "e^rtM" are rational (they stand for e^q and e^(q sqrt M)); all others are natural numbers.
    """

    __slots__ = ("terms",)

    def __init__(self, terms: dict) -> None:
        self.terms = {m: c for m, c in terms.items() if c}

    def __add__(self, other: Poly) -> Poly:
        out = dict(self.terms)
        for m, c in other.terms.items():
            out[m] = out.get(m, 0) + c
        return Poly(out)

    def __neg__(self) -> Poly:
        return Poly({m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Poly) -> Poly:
        return self + -other

    def __mul__(self, other: Poly) -> Poly:
        out: dict = {}
        for m1, c1 in self.terms.items():
            for m2, c2 in other.terms.items():
                powers = dict(m1)
                c = c1 * c2
                for v, n in m2:
                    powers[v] = powers.get(v, 0) + n
                    if v.startswith("rt") and powers[v] >= 2:  # rtM * rtM = M
                        c, powers[v] = c * int(v[2:]) ** (powers[v] // 2), powers[v] % 2
                m = tuple(sorted((v, n) for v, n in powers.items() if n))
                out[m] = out.get(m, 0) + c
        return Poly(out)

    def variables(self) -> set[str]:
        return {v for m in self.terms for v, _ in m}

    def constant(self) -> Fraction | None:
        """The value, if no variable occurs."""
        return Fraction(self.terms.get((), 0)) if not self.variables() else None

    def nonnegative(self) -> bool:
        """True only if the value is >= 0 wherever every variable is >= 0."""
        return all(c >= 0 for c in self.terms.values())

    def substitute(self, values: dict[str, Poly]) -> Poly:
        out = Poly({})
        for m, c in self.terms.items():
            term = Poly({tuple((v, n) for v, n in m if v not in values): c})
            for v, n in m:
                for _ in range(n if v in values else 0):
                    term = term * values[v]
            out = out + term
        return out


def number(c: Fraction | int) -> Poly:
    return Poly({(): Fraction(c)})


def variable(name: str, power: Fraction | int = 1) -> Poly:
    return Poly({((name, power),): Fraction(1)} if power else {(): Fraction(1)})


def divide(num: Poly, den: Poly) -> Poly | None:
    """num / den if that is a polynomial, by long division; None if it is not (or an exponent would be fractional)."""
    quotient, rest = Poly({}), num
    order = sorted(num.variables() | den.variables())
    rank = lambda m: [dict(m).get(v, 0) for v in order]  # noqa: E731
    lead = max(den.terms, key=rank)
    while rest.terms:
        if len(quotient.terms) > LARGEST // 10:
            return None  # a quotient this long is of no use
        top = max(rest.terms, key=rank)
        powers = {v: dict(top).get(v, 0) - dict(lead).get(v, 0) for v in order}
        if any(n < 0 for n in powers.values()):
            return None
        step = Poly({tuple((v, n) for v, n in powers.items() if n): Fraction(rest.terms[top]) / den.terms[lead]})
        quotient, rest = quotient + step, rest - step * den
    return quotient


class Ratio:
    """A quotient of polynomials whose denominator its maker has shown to be nonzero. Equality is by cross-multiplying."""

    __slots__ = ("den", "num")

    def __init__(self, num: Poly, den: Poly | None = None) -> None:
        self.num, self.den = num, den or number(1)
        if not self.den.terms:
            raise Reject("division by zero")
        value = self.den.constant()
        quotient = divide(num, self.den) if value is None else num if value == 1 else num * number(1 / value)
        if quotient is not None:
            self.num, self.den = quotient, number(1)

    def __add__(self, o: Ratio) -> Ratio:
        if self.den.terms == o.den.terms:
            return Ratio(self.num + o.num, self.den)
        return Ratio(self.num * o.den + o.num * self.den, self.den * o.den)

    def __sub__(self, o: Ratio) -> Ratio:
        return self + Ratio(-o.num, o.den)

    def __mul__(self, o: Ratio) -> Ratio:
        return Ratio(self.num * o.num, self.den * o.den)

    def zero(self) -> bool:
        return not self.num.terms

    def same(self, o: Ratio) -> bool:
        return (self - o).zero()

    def variables(self) -> set[str]:
        return self.num.variables() | self.den.variables()

    def substitute(self, values: dict[str, Poly]) -> Ratio:
        return Ratio(self.num.substitute(values), self.den.substitute(values))


ZERO, ONE = Ratio(number(0)), Ratio(number(1))


def read_expression(text: str, names: dict[str, Ratio] | None = None, divisor: Callable[[Ratio], bool] = lambda b: True) -> Ratio:
    """Read + - * / ** over integers, names and ln(integer). Floats are refused.

    names: what to put for a name. divisor: whether one may divide by that; asked before anything cancels.
    """
    if not (isinstance(text, str) and text.isascii() and len(text) <= LARGEST):  # other alphabets have letters Python reads as T
        raise Reject(f"not a short ASCII expression: {str(text)[:80]!r}")
    try:
        return _read(ast.parse(text, mode="eval").body, text, names or {}, divisor)
    except (SyntaxError, RecursionError, ValueError, MemoryError) as bad:
        raise Reject(f"cannot read the expression {text[:80]!r}") from bad


def _read(node: ast.AST, text: str, names: dict[str, Ratio], divisor: Callable[[Ratio], bool]) -> Ratio:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Ratio(number(node.value))
    if isinstance(node, ast.Name) and not node.id.startswith("rt"):
        return names.get(node.id) or Ratio(variable(node.id))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return ZERO - _read(node.operand, text, names, divisor)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("ln", "sqrt"):
        arg = _read(node.args[0], text, {}, divisor).num.constant() if len(node.args) == 1 and not node.keywords else None
        if arg is None or not 1 <= arg <= LARGEST**3 or arg.denominator != 1:
            raise Reject(f"{node.func.id}() takes one positive integer, up to 10^12, in {text!r}")
        return Ratio(variable(f"ln {arg}")) if node.func.id == "ln" else root(int(arg))
    if isinstance(node, ast.BinOp):
        a, b = _read(node.left, text, names, divisor), _read(node.right, text, names, divisor)
        if isinstance(node.op, ast.Add):
            return a + b
        if isinstance(node.op, ast.Sub):
            return a - b
        if isinstance(node.op, ast.Mult):
            return product(a, b)
        if isinstance(node.op, ast.Div):
            if not divisor(b):
                raise Reject(f"{text!r} may divide by zero")
            return product(a, Ratio(b.den, b.num))
        power = b.num.constant() if b.den.constant() == 1 else None
        if isinstance(node.op, ast.Pow) and power is not None and power.denominator == 1 and 0 <= power <= 64:
            out = ONE
            for _ in range(int(power)):
                out = product(out, a)
            return out
    raise Reject(f"outside the expression language: {text[:80]!r}")


def product(a: Ratio, b: Ratio) -> Ratio:
    """a * b, refusing to start on a product with too many terms, too large powers or too long coefficients."""
    size = 1
    for p in (a.num, a.den, b.num, b.den):
        digits = max((len(f"{Fraction(c).numerator:x}{Fraction(c).denominator:x}") for c in p.terms.values()), default=0)
        power = max((n for m in p.terms for _, n in m), default=0)
        size = max(size, digits, power)
    if size > LARGEST or len(a.num.terms) * len(b.num.terms) + len(a.den.terms) * len(b.den.terms) > LARGEST:
        raise Reject("an expression with too many terms, too large a power or too long a number")
    return a * b


def root(n: int) -> Ratio:
    """sqrt(n) as c * rtM with M squarefree; rtM is a variable that only the exponential reads as a number."""
    c = next(c for c in range(isqrt(n), 0, -1) if n % (c * c) == 0)
    m = n // (c * c)
    return Ratio(number(c) * (number(1) if m == 1 else variable(f"rt{m}")))


def exponential(score: Ratio) -> Poly | None:
    """e^score for a sum of rationals, q * sqrt(M) and integer * ln(n); None for any other score."""
    if score.den.constant() != 1:
        return None
    out = number(1)
    for m, c in score.num.terms.items():
        name = m[0][0] if m else ""
        if abs(c) > LARGEST:
            return None
        if m == ():
            out = out * variable("e", c)
        elif len(m) == 1 and m[0][1] == 1 and name.startswith("rt"):
            out = out * variable("e^" + name, c)
        elif len(m) == 1 and m[0][1] == 1 and name.startswith("ln ") and c.denominator == 1:
            out = out * number(Fraction(int(name[3:])) ** int(c))
        else:
            return None
    return out


def fields(data: Any, names: str, where: str) -> list:
    """The named fields of a JSON object; a missing or unknown one is a rejection."""
    wanted = names.split()
    if not isinstance(data, dict) or set(data) != set(wanted):
        have = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise Reject(f"{where}: expected the fields {sorted(wanted)}, found {have}")
    return [data[n] for n in wanted]


def weight(text: str, index: tuple = ()) -> Ratio:
    """A weight: a polynomial (a variable denominator could vanish) in free symbols, T, and the named indices."""
    out = read_expression(text, divisor=lambda b: b.num.constant() is not None and b.den.constant() is not None)
    if out.den.constant() != 1 or out.variables() & (RESERVED - set(index)):
        raise Reject(f"not a weight here: {text!r}")
    return out


def whole(text: str, allowed: set[str]) -> Poly:
    """A polynomial with integer coefficients in the allowed variables: an integer wherever they are."""
    out = weight(text, tuple(allowed)).num
    if not out.variables() <= allowed or any(Fraction(c).denominator != 1 for c in out.terms.values()):
        raise Reject(f"not a whole number here: {text!r}")
    return out


class Case:
    """One class of token at one case of the position: t = p, with p a polynomial in the variable r (absent if fixed)."""

    def __init__(self, token: str, p: Poly, tag: str, key: str) -> None:
        self.token, self.p, self.tag, self.key = token, p, tag, key  # tag: "t" for a query, "i" for a key


class Checker:
    """Runs one certificate's circuit symbolically and decides its claim."""

    def __init__(self, subject: dict, hints: dict) -> None:
        (self.d, self.tokens, generic, self.bos, mask, positions, self.blocks) = fields(
            subject, "d_model embed generic bos mask positions blocks", "subject"
        )
        self.modulus, self.singles, self.hints = fields(hints, "modulus singles units", "hints")
        if mask != "causal" or positions != "none":
            raise Reject(f"outside fragment K: mask {mask!r}, positions {positions!r}")
        if not (type(self.modulus) is type(self.singles) is int and 1 <= self.modulus <= 64 and 1 <= self.singles <= 64):
            raise Reject("hints: modulus and singles are integers from 1 to 64")
        if type(self.d) is not int or not 1 <= self.d <= LARGEST:
            raise Reject(f"d_model = {self.d!r}")
        if (self.bos is not None and self.bos not in self.tokens) or "*" in self.tokens or not (self.tokens or generic):
            raise Reject("no tokens, or the BOS token has no embedding, or a token is called *, which stands for all others")
        self.embed = {tok: self.vector(v) for tok, v in self.tokens.items()}
        self.local: set[str] = set()
        self.cache: dict = {}
        if generic is not None:
            self.embed["*"] = self.vector(generic)
            symbols = set().union(*(x.variables() for x in self.embed["*"]))
            self.local = {v for v in symbols if v != "T" and not v.startswith(("rt", "ln "))}  # these are the same everywhere

    def vector(self, sparse: dict, index: tuple = ()) -> list[Ratio]:
        out = [ZERO] * self.d
        for at, text in sparse.items():
            if str(int(at)) != at:
                raise Reject(f"not a coordinate: {at!r}")
            out[self.coordinate(int(at))] = weight(text, index)
        return out

    def coordinate(self, index: int) -> int:
        if type(index) is not int or not 0 <= index < self.d:
            raise Reject(f"coordinate {index} of {self.d}")
        return index

    def cases(self, tag: str) -> list[Case]:
        """Every (class, case of the position) that can occur in a word that starts with its one BOS (or has none)."""
        r, out = variable("r@" + tag), []
        if self.bos is not None:
            out.append(Case(self.bos, number(1), tag, "1"))
        for token in [x for x in self.embed if x != self.bos]:
            first = 2 if self.bos is not None else 1
            out += [Case(token, number(p), tag, str(p)) for p in range(first, self.singles + 1)]
            for c in range(max(first, self.singles + 1), max(first, self.singles + 1) + self.modulus):
                out.append(Case(token, number(self.modulus) * r + number(c), tag, f"{self.modulus}r+{c}"))
        return out

    def state(self, block: int, after: str, case: Case) -> list[Ratio]:
        """The residual vector at a position: after the embedding (block 0), an attention or an FFN sub-layer."""
        if type(block) is not int or not 0 <= block <= len(self.blocks) or after not in ("attention", "ffn"):
            raise Reject(f"no such place: {after} {block}")
        rename = {v: variable(f"{v}@{case.tag}") for v in self.local}
        at = (block, after, case.token, case.tag, case.key)
        if at not in self.cache:
            if block == 0 and after == "ffn":
                self.cache[at] = [v.substitute(rename) for v in self.embed[case.token]]
            elif after == "attention":
                self.cache[at] = self.attention(block, self.state(block - 1, "ffn", case), case)
            else:
                self.cache[at] = self.ffn(block, self.state(block, "attention", case), case)
        return self.cache[at]

    def block(self, b: int) -> tuple[list, dict | None]:
        """Heads and FFN of block b. Whatever is asked of a block is asked through here: a norm would change all of it."""
        names = "norm_attention norm_ffn heads mlp"
        norm_attention, norm_ffn, heads, mlp = fields(self.blocks[b - 1], names, f"block {b}")
        if norm_attention is not None or norm_ffn is not None:
            raise Reject(f"outside fragment K: block {b} has a norm")
        return heads, mlp

    def fresh(self, b: int, part: str, index: int, case: Case) -> Ratio:
        return Ratio(variable(f"?{b}{part}{index}@{case.tag}"))

    def attention(self, b: int, x: list[Ratio], case: Case) -> list[Ratio]:
        heads, _ = self.block(b)
        # Keys get a tag of their own, one for each depth: a query that is itself a key of a later layer is another position.
        keys = [(k, self.state(b - 1, "ffn", k)) for k in self.cases(case.tag + "j")]
        if case.token == self.bos:  # position 1 sees itself alone
            keys = [(k, s) for k, s in keys if k.token == self.bos]
        out = list(x)
        for h, head in enumerate(heads):
            for index, value in self.head(head, x, keys, case).items():
                out[index] = out[index] + (value or self.fresh(b, f"h{h}.", index, case))
        return out

    def head(self, head: dict, x: list[Ratio], keys: list, case: Case) -> dict[int, Ratio | None]:
        """What the head adds, coordinate by coordinate; None where nothing can be said."""
        if "opaque" in head:
            return {self.coordinate(index): None for index in fields(head, "opaque", "head")[0]}
        W_V, W_O = self.rows(head["W_V"]), self.rows(head["W_O"])
        values = [[dot(row, s) for row in W_V] for _, s in keys]
        counts = self.counts(keys, [self.score(head, x, s) for _, s in keys], case)
        out: dict[int, Ratio | None] = {}
        for index in range(self.d):
            column = [row[index] for row in W_O]
            if all(c.zero() for c in column):
                continue
            v = [dot(column, vs) for vs in values]
            of = {k.token: y for (k, _), y in zip(keys, v, strict=True)}
            out[index] = None
            if any(depends(y, case.tag + "j") or not y.same(of[k.token]) for (k, _), y in zip(keys, v, strict=True)):
                continue  # the value depends on where the key stands, not on its class alone
            if all(y.same(v[0]) for y in v):
                out[index] = v[0]  # the weights sum to 1
            elif counts is not None:
                top, bottom = ZERO, ZERO
                for token, n in counts.items():
                    top, bottom = top + Ratio(n) * of[token], bottom + Ratio(n)
                out[index] = top * Ratio(bottom.den, bottom.num)
        return out

    def counts(self, keys: list, scores: list[Ratio], case: Case) -> dict[str, Poly] | None:
        """n e^(score - first score) for each key class, n its number of keys; None if scores are not so simple.

        BOS counts once; all counts sum to p. The sum of these terms is positive, whatever its form.
        """
        factor: dict[str, Poly] = {}
        for (k, _), s in zip(keys, scores, strict=True):
            e = None if depends(s, case.tag + "j") else exponential(s - scores[0])
            if e is None or factor.setdefault(k.token, e).terms != e.terms:
                return None
        n = {token: number(1) if token == self.bos else variable(f"n {token}@{case.tag}") for token in factor}
        rest = [token for token in n if token != self.bos]
        if rest:  # eliminate one count
            n[rest[0]] = case.p
            for token in set(n) - {rest[0]}:
                n[rest[0]] = n[rest[0]] - n[token]
        return {token: n[token] * factor[token] for token in n}

    def rows(self, matrix: list) -> list[list[Ratio]]:
        return [self.vector(row) for row in matrix]

    def score(self, head: dict, query: list[Ratio], key: list[Ratio]) -> Ratio:
        W_Q, W_K, W_V, W_O, scale = fields(head, "W_Q W_K W_V W_O scale", "head")
        if not (len(W_Q) == len(W_K) and len(W_V) == len(W_O)) or scale not in ("1", "1/sqrt(d_head)"):
            raise Reject("a head's matrices do not fit together")
        q, k = ([dot(row, s) for row in self.rows(m)] for m, s in ((W_Q, query), (W_K, key)))
        size = len(W_Q) or 1
        return dot(q, k) * (ONE if scale == "1" else root(size) * Ratio(number(Fraction(1, size))))

    def ffn(self, b: int, x: list[Ratio], case: Case) -> list[Ratio]:
        mlp, out = self.block(b)[1], list(x)
        if mlp is None:
            return out
        activation, bias_out, units = fields(mlp, "activation b_2 units", f"block {b} mlp")
        out = [a + c for a, c in zip(out, self.vector(bias_out), strict=True)]
        for u, unit in enumerate(units):
            read, bias, write, first, last = fields(unit, "read bias write first last", f"block {b} unit {u}")
            if (first is None) != (last is None):
                raise Reject(f"block {b} unit {u}: one end of a range")
            k = () if first is None else ("k",)
            W, writes = self.vector(read, k), self.vector(write, k)
            pre, total = dot(W, x) + weight(bias, k), None
            if activation == "relu":
                total = self.many(b, u, pre, writes, first, last, case) if k else self.one(pre, writes, case)
            for index in range(self.d):
                if not writes[index].zero():
                    out[index] = out[index] + (total[index] if total else self.fresh(b, f"f{u}.", index, case))
        return out

    def one(self, pre: Ratio, writes: list[Ratio], case: Case) -> list[Ratio] | None:
        sign = pre.num.substitute({"T": case.p + variable("d")})
        if not positive(pre.den) or not signed(pre):
            return None
        if sign.nonnegative():
            return [pre * w for w in writes]
        return [ZERO] * self.d if (-sign).nonnegative() else None

    def many(self, b: int, u: int, pre: Ratio, writes: list[Ratio], first: Any, last: Any, case: Case) -> list[Ratio] | None:
        """Sum over k = first..last(T) of write(k) relu(pre(k)), by induction on its closed form, for every T >= p.

        The hint names K, the last active k, and for each coordinate S(k), the sum up to k. Checked: pre >= 0 up to K,
        pre <= 0 beyond it, first - 1 <= K <= last(T), S(first - 1) = 0, and S(k) - S(k - 1) = write(k) pre(k).
        """
        hint = self.hints.get(f"{b}.{u}:{case.key}")
        if hint is None or not positive(pre.den) or not signed(pre):
            return None
        active, sums = fields(hint, "active sums", "hint")
        r, k, j, d = ({"r": variable("r@" + case.tag)}, variable("k"), variable("j"), variable("d"))
        K, a = whole(active, {"r"}).substitute(r), whole(first, set())
        above = pre.num.substitute({"k": K - j}).substitute({"T": case.p + d})
        below = -pre.num.substitute({"k": K + number(1) + j}).substitute({"T": case.p + d})
        top, _, floor = last.partition("//")
        room = whole(top, {"T"}).substitute({"T": case.p + d}) - number(int(floor or 1)) * K
        some = K - a + number(1)  # how many are active; if none, there is nothing above
        if int(floor or 1) < 1 or not all(x.nonnegative() for x in (below, some, *((above, room) if some.terms else ()))):
            raise Reject(f"block {b}, units {u}, t = {case.key}: not active exactly up to k = {active}")
        out = []
        for index in range(self.d):
            if writes[index].zero():
                out.append(ZERO)
                continue
            S, term = weight(sums[str(index)], ("k", "r")).num.substitute(r), (writes[index] * Ratio(pre.num)).num
            step = S - S.substitute({"k": k - number(1)}) - term
            if step.terms or S.substitute({"k": a - number(1)}).terms:
                raise Reject(f"block {b}, units {u}, t = {case.key}: the closed form of the sum is wrong")
            out.append(Ratio(S.substitute({"k": K}), pre.den))
        return out


def dot(a: list[Ratio], b: list[Ratio]) -> Ratio:
    out = ZERO
    for x, y in zip(a, b, strict=True):
        if not (x.zero() or y.zero()):
            out = out + x * y
    return out


def positive(den: Poly) -> bool:
    """True only if the value is > 0 wherever every variable is >= 0: no sign is negative, and the constant is there."""
    return den.nonnegative() and den.terms.get((), 0) > 0


def signed(pre: Ratio) -> bool:
    """Only variables known to be >= 0 occur: the case's r, the index k, the length T."""
    return all(v in ("k", "T") or v.startswith("r@") for v in pre.variables())


def depends(x: Ratio, tag: str) -> bool:
    return any(v.endswith("@" + tag) for v in x.variables())


def value_at(text: str, values: dict[str, Poly]) -> Ratio:
    """A claim's right-hand side in t, i and T; its denominator must be positive throughout the case."""
    raw = read_expression(text)
    if not raw.variables() <= set(values) | {"T"} | {v for v in raw.variables() if v.startswith(("rt", "ln "))}:
        raise Reject(f"a claim speaks of t, i and T only: {text!r}")
    above = {"T": variable("d") + number(1)}
    nonzero = lambda b: b.num.constant() not in (None, 0) or positive(b.num.substitute(above))  # noqa: E731
    return read_expression(text, {name: Ratio(p) for name, p in values.items()}, nonzero)


def check_equals(c: Checker, site: tuple[int, str], index: int, value: str) -> None:
    for case in c.cases("t"):
        if not c.state(*site, case)[c.coordinate(index)].same(value_at(value, {"t": case.p})):
            raise Reject(f"coordinate {index} after {site} is not {value} at {case.token}, t = {case.key}")


def check_unchanged(c: Checker, start: tuple[int, str], end: tuple[int, str], indices: list) -> None:
    for case in c.cases("t"):
        before, now = c.state(*start, case), c.state(*end, case)
        for index in map(c.coordinate, indices):
            if not before[index].same(now[index]):
                raise Reject(f"coordinate {index} changes between {start} and {end} at {case.token}, t = {case.key}")


def one_of(heads: list, head: int) -> dict:
    if type(head) is not int or not 0 <= head < len(heads):
        raise Reject(f"no head {head}")
    return heads[head]


def pairs(c: Checker, block: int, content: list) -> list:
    """(query case, state, key case, state) for every pair that can meet; the content coordinates become opaque."""
    c.block(block)

    def states(tag: str) -> list:
        return [
            (case, [Ratio(variable(f"!{n}@{tag}")) if n in content else v for n, v in enumerate(c.state(block - 1, "ffn", case))])
            for case in c.cases(tag)
        ]

    content = [c.coordinate(n) for n in content]
    both = [(*q, *k) for q in states("t") for k in states("i")]
    return [x for x in both if x[0].token != c.bos or x[2].token == c.bos]  # BOS, at position 1, sees itself alone


def check_score(c: Checker, block: int, head: int, value: str, content: list) -> None:
    first = None
    for q, x, k, y in pairs(c, block, content):
        rest = c.score(one_of(c.block(block)[0], head), x, y) - value_at(value, {"t": q.p, "i": k.p})
        first = first or (rest if content else ZERO)  # one function of the contents, the same for every case
        if not rest.same(first) or any(v == "T" or ("@" in v and v[0] != "!") for v in rest.variables()):
            raise Reject(f"the score is not {value} plus content at {q.token} t = {q.key}, {k.token} i = {k.key}")


def check_same_attention(c: Checker, block: int, head: int, other: int) -> None:
    first: dict = {}
    heads = c.block(block)[0]
    for q, x, k, y in pairs(c, block, []):
        gap = c.score(one_of(heads, head), x, y) - c.score(one_of(heads, other), x, y)
        if depends(gap, "i") or not gap.same(first.setdefault((q.token, q.key), gap)):
            raise Reject(f"the two scores differ by more than a row shift at {q.token} t = {q.key}, {k.token} i = {k.key}")


GOALS = {
    "equals": (check_equals, "site index value"),
    "unchanged": (check_unchanged, "start end indices"),
    "score": (check_score, "block head value content"),
    "same_attention": (check_same_attention, "block head other"),
}


def check(certificate: dict) -> None:
    """Return if the certificate shows its claim; raise Reject with the reason otherwise."""
    names = "schema claim scope subject weights_sha256 hints about"
    schema, claim, scope, subject, digest, hints, _ = fields(certificate, names, "certificate")
    try:
        text = json.dumps(subject, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as bad:
        raise Reject(f"the subject is not JSON: {bad}") from bad
    if schema != SCHEMA or hashlib.sha256(text.encode()).hexdigest() != digest:
        raise Reject("unknown schema, or the weights are not those the hash names")
    order, t_min, t_max, words, vocabulary, arithmetic = fields(scope, "order t_min t_max words vocabulary arithmetic", "scope")
    try:
        checker = Checker(subject, hints)
        if "T" in json.dumps([*subject["embed"].values(), subject["generic"], subject["blocks"]]) and order != "forall T exists weights":
            raise Reject("weights that depend on T show only: for all T there are weights")
        lengths = {"exists weights forall T": None, "forall T exists weights": "T"}
        if order not in lengths or t_max != lengths[order] or type(t_min) is not int or arithmetic != "real":
            raise Reject("outside fragment K: the scope's order, lengths or arithmetic")
        if words != ("bos-first" if checker.bos is not None else "any") or vocabulary not in ("every", "given"):
            raise Reject("the scope's words are not those the circuit is run on")
        if vocabulary == "every" and "*" not in checker.embed:
            raise Reject("a claim for every vocabulary needs a generic token")
        goal, wanted = GOALS[claim.get("kind")]
        _, *arguments = fields(claim, "kind " + wanted, "claim")
        goal(checker, *arguments)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError, ArithmeticError, MemoryError) as bad:
        raise Reject(f"malformed certificate: {type(bad).__name__}: {bad}") from bad


def main(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as file:
            check(json.load(file))
    except (Reject, OSError, ValueError, RecursionError) as bad:
        print(f"rejected: {bad}")
        return 1
    print("accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
