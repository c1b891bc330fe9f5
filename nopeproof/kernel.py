"""The trusted checker. One file, standard library only: `python kernel.py certificate.json` says "accepted", or why not.

A certificate holds a circuit's weights, one claim with its scope, and hints. The kernel builds the goals from the weights itself;
hints only say where to look: a wrong one can make it reject, never accept. What it decides is *fragment K* (docs/trust.md).

How a word of any length becomes finite: without positional encoding a layer-1 head sees its prefix only through how often each token
class occurs. So position t is run once per *class* of token there and per *case* of t: t = 1, ..., then t = m r + c for every residue c,
with r >= 0 a variable. What is not known becomes a fresh variable, and acceptance rests on identities of polynomials: true at every value.
"""

import ast
import hashlib
import json
import sys
from collections import namedtuple
from fractions import Fraction
from math import inf, isqrt, prod

SCHEMA = "nopeproof-certificate/1"
SCOPES = (("exists weights forall T", None, "real"), ("forall T exists weights", "T", "real"))
LARGEST, WORK, left = 10_000, 3_000_000, [inf]  # the largest size; the most work a certificate may cost; what is left of it
RESERVED = set("tijkrde")  # no free symbol of a circuit has these names
Case = namedtuple("Case", "token p tag key")  # a class of token at t = p; tag: "t" for a query, "tj" for its keys: other positions


class Reject(Exception):
    """The certificate does not show its claim."""


def need(holds: object, why: str) -> None:
    """Reject, with the reason, unless it holds."""
    if not holds:
        raise Reject(why)


class Ratio:
    """A quotient of polynomials, {sorted tuple of variables: coefficient other than 0}; whoever divides has shown the denominator > 0."""

    def __init__(self, x, den: dict | None = None) -> None:  # x: a polynomial, a number or a variable's name
        self.num = x if isinstance(x, dict) else {(x,): 1} if isinstance(x, str) else {(): x} if x else {}
        self.den = den if den and self.num else {(): 1}

    @staticmethod
    def total(*pairs) -> dict:
        """The sum of the products of pairs of polynomials."""
        out: dict = {}
        for m, c in ((tuple(sorted(m + n)), c * d) for p, q in pairs for m, c in p.items() for n, d in q.items()):
            for v in {v for v in m if v.startswith("rt") and m.count(v) == 2}:  # rtM is sqrt(M)
                m, c = tuple(x for x in m if x != v), c * int(v[2:])
            c = out[m] = out.get(m, 0) + c
            left[0] -= 1 + len(m) // 8 + ((c.numerator.bit_length() + c.denominator.bit_length()) // 512) ** 2
            need(left[0] >= 0, "it takes more work than the kernel spends on a certificate")
        return {m: c for m, c in out.items() if c}

    def __add__(self, o):
        o = o if isinstance(o, Ratio) else Ratio(o)
        if self.den == o.den:
            return Ratio(Ratio.total((self.num, {(): 1}), (o.num, {(): 1})), self.den)
        return Ratio(Ratio.total((self.num, o.den), (o.num, self.den)), Ratio.total((self.den, o.den)))

    def __mul__(self, o):
        o = o if isinstance(o, Ratio) else Ratio(o)
        return Ratio(Ratio.total((self.num, o.num)), Ratio.total((self.den, o.den)))

    def __sub__(self, o):
        return self + o * -1

    def __truediv__(self, o):
        need(o.num, "it would divide by zero")
        return self * Ratio(o.den, o.num) if o.names() or o.den != {(): 1} else self * (1 / Fraction(o.num[()]))

    def names(self) -> set[str]:
        return {v for p in (self.num, self.den) for m in p for v in m}

    def above(self) -> bool:
        """True only if it is >= 0 wherever T, d, j, k and r are: no sign is negative, and no other name occurs."""
        return all(c > 0 and all(v in ("T", "d", "j", "k") or v.startswith("r@") for v in m) for m, c in self.num.items())


def read(text: str, names: dict[str, Ratio], at: str = "") -> Ratio:
    """Read + - * / ** over integers, ln(integer), sqrt(integer), the names given, T, and free symbols x, which become x + at."""

    def of(node) -> Ratio:
        match node:
            case ast.Constant(value=int(n)) if n is not True and n is not False:
                return Ratio(n)
            case ast.Name(id=name) if name in names or (name not in RESERVED and not name.startswith("rt")):
                return names.get(name) or Ratio(name if name == "T" else name + at)
            case ast.UnaryOp(op=ast.USub(), operand=a):
                return of(a) * -1
            case ast.Call(func=ast.Name(id="ln" | "sqrt" as f), args=[ast.Constant(value=int(n))], keywords=[]) if 1 <= n <= LARGEST**3:
                c = next(c for c in range(min(isqrt(n), 999), 0, -1) if n % (c * c) == 0)  # sqrt(c c m) = c sqrt(m)
                return Ratio(f"ln {n}") if f == "ln" else Ratio(c) if c * c == n else Ratio(f"rt{n // (c * c)}") * c
            case ast.BinOp(left=a, op=ast.Pow(), right=ast.Constant(value=int(n))) if 0 <= n <= 64:
                return prod([of(a)] * n, start=Ratio(1))
            case ast.BinOp(left=a, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, right=b):
                x, y = of(a), of(b)
                safe = not y.names() or (y.above() and any(set(m) <= {"T"} for m in y.num))  # asked before anything cancels; T >= 1
                need(type(op) is not ast.Div or (safe and "k" not in y.names()), f"{text!r} may divide by zero, or by k")
                return {ast.Add: x.__add__, ast.Sub: x.__sub__, ast.Mult: x.__mul__, ast.Div: x.__truediv__}[type(op)](y)
        raise Reject(f"not in the expression language: {text[:80]!r}")

    need(text.isascii() and len(text) <= LARGEST, f"not a short ASCII expression: {text[:80]!r}")  # other letters may read as T
    left[0] -= len(text)
    return of(ast.parse(text.strip(), mode="eval").body)


def fields(data, names: str, where: str) -> list:
    """The named fields of a JSON object; a missing or unknown one is a rejection."""
    need(isinstance(data, dict) and sorted(data) == sorted(names.split()), f"{where}: expected the fields {names}, and no others")
    return [data[n] for n in names.split()]


def item(items, n: int):
    """items[n], for n a whole number from 0 on."""
    need(type(n) is int and 0 <= n < len(items), f"no number {n!r} among {len(items)}")
    return items[n]


def by_class(keys: list, value) -> dict[str, Ratio]:
    """{class: value at its keys}; empty unless it is the same at all of a class, wherever they stand and whatever is particular to them."""
    out: dict[str, Ratio] = {}
    for case, y in keys:
        first = out.setdefault(case.token, x := value(y))
        if any(v.endswith("@" + case.tag) for v in first.names()) or (x - first).num:
            return {}
    return out


class Checker:
    """Runs one certificate's circuit symbolically and says what its claim comes down to."""

    def __init__(self, subject: dict, hints: dict) -> None:
        self.d, embed, generic, self.bos, mask, pos, blocks = fields(subject, "d_model embed generic bos mask positions blocks", "subject")
        self.modulus, self.singles, self.hints = fields(hints, "modulus singles units", "hints")
        need(item(range(LARGEST), self.d) and item(range(65), self.modulus) and item(range(65), self.singles), "a size is 0")
        known = "*" not in embed and (embed or generic) and (self.bos is None or self.bos in embed)
        need(known, "no tokens, or BOS has no embedding, or a token is called *, which stands for all others")
        self.embed, self.cache = embed if generic is None else {**embed, "*": generic}, {}
        self.blocks = [[None, None, [], None], *(fields(b, "norm_attention norm_ffn heads mlp", "a block") for b in blocks)]
        inside = mask == "causal" and pos == "none" and all(b[0] is b[1] is None for b in self.blocks)
        need(inside, f"outside fragment K: mask {mask!r}, positions {pos!r}, or a norm")

    def vector(self, entries: dict, names: dict | None = None, at: str = "") -> dict[int, Ratio]:
        """A vector of weights by coordinate, without its zeros."""
        need(all(str(item(range(self.d), int(n))) == n for n in entries), f"not coordinates: {list(entries)[:9]}")
        return {int(n): w for n, text in entries.items() if (w := read(text, names or {}, at)).num}

    def dot(self, entries: dict, x: list[Ratio], names: dict | None = None) -> Ratio:
        """The product of a vector of weights and a residual."""
        return sum((w * x[n] for n, w in self.vector(entries, names).items()), Ratio(0))

    def cases(self, tag: str) -> list[Case]:
        """Every (class, case of the position) that can occur in a word that starts with its one BOS (or has none)."""
        first = 1 if self.bos is None else 2
        then = max(first, self.singles + 1)
        places = [(Ratio(n), str(n)) for n in range(first, then)]
        places += [(Ratio("r@" + tag) * self.modulus + n, f"{self.modulus}r+{n}") for n in range(then, then + self.modulus)]
        bos = [] if self.bos is None else [Case(self.bos, Ratio(1), tag, "1")]
        return bos + [Case(token, p, tag, key) for token in self.embed if token != self.bos for p, key in places]

    def state(self, s: int, case: Case) -> list[Ratio]:
        """The residual at a position after s sub-layers: attention 1, FFN 1, attention 2, ..."""
        at = (s, case.token, case.tag, case.key)
        left[0] -= 1 if at in self.cache else self.d
        need(left[0] >= 0, "it takes more work than the kernel spends on a certificate")
        if at not in self.cache:
            embedded = {} if s else self.vector(self.embed[case.token], at="@" + case.tag if case.token == "*" else "")
            x = self.state(s - 1, case) if s else [embedded.get(n, Ratio(0)) for n in range(self.d)]
            self.cache[at] = out = list(x)
            for part, n, value in (self.units if s % 2 == 0 else self.heads)((s + 1) // 2, x, case):
                out[n] = out[n] + (value or Ratio(f"?{s}.{part}.{n}@{case.tag}"))
        return self.cache[at]

    def heads(self, b: int, x: list[Ratio], case: Case):
        """What the heads add: (head, coordinate, mean of its values), None where scores or values are not so simple."""
        keys = [(k, self.state(2 * b - 2, k)) for k in self.cases(case.tag + "j") if case.token != self.bos or k.token == self.bos]
        for h, head in enumerate(self.blocks[b][2]):
            if "opaque" in head:
                yield from ((h, item(range(self.d), n), None) for n in fields(head, "opaque", "head")[0])
                continue
            weights = self.weights(by_class(keys, lambda y, head=head: self.score(head, x, y)), case)
            rows = [(v, self.vector(o)) for v, o in zip(head["W_V"], head["W_O"], strict=True)]
            for n in sorted({n for _, o in rows for n in o}):
                values = by_class(keys, lambda y, n=n, rows=rows: sum((self.dot(v, y) * o[n] for v, o in rows if n in o), Ratio(0)))
                mean = next(iter(values.values()), None)  # if the values are one and the same: the weights sum to 1
                if any((v - mean).num for v in values.values()):
                    mean = sum((w * values[c] for c, w in weights.items()), Ratio(0)) / sum(weights.values(), Ratio(0)) if weights else None
                yield h, n, mean

    def score(self, head: dict, x: list[Ratio], y: list[Ratio]) -> Ratio:
        """The score of a query and a key."""
        W_Q, W_K, _, _, scale = fields(head, "W_Q W_K W_V W_O scale", "head")
        factor = {"1": "1", "1/sqrt(d_head)": f"sqrt({len(W_Q) or 1})/{len(W_Q) or 1}"}[scale]
        return read(factor, {}) * sum((self.dot(q, x) * self.dot(k, y) for q, k in zip(W_Q, W_K, strict=True)), Ratio(0))

    def weights(self, scores: dict[str, Ratio], case: Case) -> dict[str, Ratio]:
        """{class: n e^(score - the first)}, n its number of keys: BOS counts once, all counts sum to p."""
        n = {c: Ratio(1 if c == self.bos else f"n {c}@{case.tag}") for c in scores}
        for c in [c for c in n if c != self.bos][:1]:
            n[c] = case.p - sum((n[o] for o in n if o != c), Ratio(0))
        for c, score in scores.items():
            rest = score - next(iter(scores.values()))
            for m, q in list(rest.num.items()) if rest.den == {(): 1} else []:  # e^(q ln n) is a number, for whole q
                if len(m) == 1 and m[0].startswith("ln ") and q.denominator == 1 and abs(q) <= LARGEST:
                    n[c], rest = n[c] * Fraction(int(m[0][3:])) ** int(q), rest - Ratio({m: q})
            n[c] = n[c] * Ratio(f"e^{sorted(rest.num.items())}/{sorted(rest.den.items())}@{case.tag}" if rest.num else 1)  # a variable > 0
        return n

    def units(self, b: int, x: list[Ratio], case: Case):
        """What the FFN adds for every T >= p: (unit, coordinate, value), None where it is not known whether a unit is on.
        For a range of units k = first..last(T) the hint names K, the last active k, and for each coordinate S(k), the sum up to k.
        Checked: pre >= 0 up to K, <= 0 beyond, first - 1 <= K <= last(T), S(first - 1) = 0 and S(k) - S(k - 1) = write(k) pre(k).
        """
        activation, b_2, units = fields(self.blocks[b][3] or {"activation": "", "b_2": {}, "units": []}, "activation b_2 units", f"FFN {b}")
        yield from (("b", n, c) for n, c in self.vector(b_2).items())
        T, r, k, j = case.p + Ratio("d"), {"r": Ratio("r@" + case.tag)}, Ratio("k"), Ratio("j")
        for u, unit in enumerate(units):
            reads, bias, writes, first, last = fields(unit, "read bias write first last", f"FFN {b}, unit {u}")
            pre = lambda reads=reads, bias=bias, **names: self.dot(reads, x, names) + read(bias, names)  # noqa: E731
            hint, written = self.hints.get(f"{b}.{u}:{case.key}"), self.vector(writes, {"k": k} if first else {})
            if activation != "relu" or (first is not None and hint is None):
                yield from ((u, n, None) for n in written)
            elif first is last is None:
                on, off = pre(T=T).above(), (pre(T=T) * -1).above()
                yield from ((u, n, w * pre() * int(on) if on or off else None) for n, w in written.items())
            else:
                (active, sums), (top, _, floor) = fields(hint, "active sums", "hint"), last.partition("//")
                K, a, end, m = read(active, r), read(str(first), {}), read(top, {"T": T}), Ratio(int(floor or 1))
                exact = "/" not in active + first + top and all(y.names() <= {"T", "d", f"r@{case.tag}"} for y in (K, a, end, m))
                signs = [pre(k=K + 1 + j, T=T) * -1, K - a + 1, a, m - 1, *([pre(k=K - j, T=T), end - K * m] if (K - a + 1).num else [])]
                need(exact and all(y.above() for y in signs), f"units {b}.{u}, t = {case.key}: not active exactly up to k = {active}")
                for n, w in written.items():
                    S = lambda k, n=n, sums=sums: read(sums[str(n)], {**r, "k": k})  # noqa: E731
                    step = S(k) - S(k - 1) - w * Ratio(pre(k=k).num)
                    need(not step.num and not S(a - 1).num, f"units {b}.{u}, t = {case.key}: the closed form of the sum is wrong")
                    yield u, n, S(K) * Ratio(1, pre(k=k).den)

    def at(self, n: int, case: Case, block: int, after: str) -> Ratio:
        """A coordinate of the residual after the attention or the FFN of a block; after the "ffn" of block 0 is the embedding."""
        need(item(self.blocks, block) and after in ("attention", "ffn")[block == 0 :], f"no place {after} {block}")
        return item(self.state(2 * block - (after == "attention"), case), n)

    def pairs(self, b: int, heads: list, content: list):
        """(query, key, score of each head, ...) for all that can meet; a content coordinate is a variable of its own."""
        own, heads = [item(range(self.d), n) for n in content], [item(item(self.blocks, b)[2], h) for h in heads]
        view = lambda c: [Ratio(f"!{n}@{c.tag}") if n in own else v for n, v in enumerate(self.state(2 * b - 2, c))]  # noqa: E731
        queries, keys = ([(c, view(c)) for c in self.cases(tag)] for tag in "ti")
        meet = ((q, x, k, y) for q, x in queries for k, y in keys if q.token != self.bos or k.token == self.bos)
        return ((q, k, *(self.score(head, x, y) for head in heads)) for q, x, k, y in meet)

    def goals(self, claim: dict):
        """(where, one, two): what has to be the same, and that is all the claim says."""
        firsts: dict = {}
        match claim:
            case {"kind": "equals", "site": site, "index": n, "value": value, **more} if not more:
                yield from ((q, self.at(n, q, *site), read(value, {"t": q.p})) for q in self.cases("t"))
            case {"kind": "unchanged", "start": start, "end": end, "indices": indices, **more} if not more:
                yield from ((q, self.at(n, q, *start), self.at(n, q, *end)) for q in self.cases("t") for n in indices)
            case {"kind": "score", "block": b, "head": h, "value": value, "content": content, **more} if not more:
                gaps = [(q + k, score - read(value, {"t": q.p, "i": k.p})) for q, k, score in self.pairs(b, [h], content)]
                first = gaps[0][1] if content else Ratio(0)  # one function of the contents, the same in every case
                need(all(v[0] == "!" for v in first.names() if "@" in v or v == "T"), "the score depends on more than its contents")
                yield from ((where, gap, first) for where, gap in gaps)
            case {"kind": "same_attention", "block": b, "head": one, "other": two, **more} if not more:
                for q, k, score, other in self.pairs(b, [one, two], []):  # one row shift for each query
                    need(not any(v.endswith("@i") for v in firsts.setdefault(q, score - other).names()), f"more than a row shift at {q}")
                    yield q + k, score - other, firsts[q]


def check(given: dict) -> None:
    """Return if the certificate given shows its claim; raise Reject with the reason otherwise."""
    left[0] = WORK
    try:
        schema, claim, scope, subject, sha, hints, _ = fields(given, "schema claim scope subject weights_sha256 hints about", "certificate")
        order, t_min, t_max, words, vocabulary, arithmetic = fields(scope, "order t_min t_max words vocabulary arithmetic", "scope")
        text = json.dumps(subject, sort_keys=True, separators=(",", ":"))
        need(schema == SCHEMA and hashlib.sha256(text.encode()).hexdigest() == sha, "another schema, or weights than those of the hash")
        checker = Checker(subject, hints)
        need((order, t_max, arithmetic) in SCOPES and type(t_min) is int, "outside fragment K: the scope's order, lengths or arithmetic")
        need(t_max or "T" not in json.dumps([*checker.embed.values(), checker.blocks]), "weights that mention T are other ones for each T")
        need(words == ("any" if checker.bos is None else "bos-first"), "the scope's words are not those the circuit is run on")
        need(vocabulary == "given" or (vocabulary == "every" and "*" in checker.embed), "no generic token stands for every vocabulary")
        need(goals := list(checker.goals(claim)), "a claim of no known kind, or with unknown fields, or about nothing")
        for where, one, two in goals:
            need(not (one - two).num, f"not as claimed at {where}")
    except (SyntaxError, LookupError, TypeError, ValueError, AttributeError, RecursionError, ArithmeticError, MemoryError) as bad:
        raise Reject(f"malformed certificate: {type(bad).__name__}: {bad}") from bad
    finally:
        left[0] = inf


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            check(json.load(file))
    except (Reject, OSError, ValueError, RecursionError) as bad:
        print(f"rejected: {bad}")
        sys.exit(1)
    print("accepted")
