"""Independent checker of division clocks: standard library only, imports nothing of nopeproof. `python counter_kernel.py CERT.json`

A certificate holds weights, an arithmetic with its hypotheses, and T. Accepting it means: on every word with its one BOS in
front, every run that obeys the hypotheses holds exactly t in coordinate `index` after block `block`, at every t <= T, whatever
the order of summation, and never changes a coordinate of `frame`. With the goal "misses": at t = T it holds something else.
A family, T = "every": blocks 1 and 2 stand once for each c = 2^J, ..., 2, 1, 2^J <= T < 2^(J+1), heads in the first only, then
the rest; it holds t at every t <= T, for every T >= 1. The goals are generated here; the certificate offers no proof steps.

Hypotheses, "real": none. In floats: storage rounds to nearest with p bits; the accumulator has at least as many; scores of a head
with W_Q = 0 or W_K = 0 are equal; exp(0) = 1 + e with |e| <= exp0 in each lane; masked keys and zeros add 0; the numerator may be
stored; the quotient with the denominator is within `ulps` spacings of the accumulator's format (1/2: rounded to nearest);
underflow is gradual unless `flush`; an overflow keeps its sign if `overflow` is true; other coordinates, queries and keys stay finite.

Lemma 1 (kept exact). x = m 2^-k with 2^(p-1) <= m < 2^p, x < 2; before a step r = 1 - q x is a multiple of c 2^-k in [0, 2 c x). Then
c x - r, and r - c x where it is >= 0, are at most m such multiples: p bits hold them, so every sum that matters is exact.
Lemma 2 (gates). c x > r gives a >= K c 2^-k with k <= p + J, as x > 2^-(J+1). So N K c >= 2^(p+J) and M K >= 2^p make 1 - N a and
c x - M a at most 0, rounded or not. Real x = 1/t: a >= K/t (K/(2t) if c = 1/2), so N K >= T (2 T) and M K >= c (1) do.
Lemma 3 (nearest). c = 2^J, ..., 1 leaves q = floor(1/x); c = 1/2 adds 1 iff 2 r >= x: q = floor(1/x + 1/2), which is t iff
1/(t + 1/2) < x <= 1/(t - 1/2). Within t_0..t_1 |x - 1/t| < 1/(t_1 (2 t_1 + 1)) is enough: one comparison for a whole interval.
Lemma 4 (falling). x = m 2^-(e+p) in the binade 2^e < t < 2^(e+1). Where m falls by 1 a step, m = S - t, "1/t rounds to it" and "it
decodes to t" are four inequalities between 2^(e+p+1) and products of two lines in t, whose extremes lie at an end or the vertex.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

HALF = Fraction(1, 2)
KEYS = {"schema", "kind", "goal", "circuit", "block", "index", "frame", "arithmetic", "T", "hypotheses"}
FLOAT = {"storage", "accumulator", "exp0", "ulps", "flush", "overflow", "route"}
PARTS = {
    "circuit": {"d_model", "embed", "generic", "bos", "mask", "positions", "blocks"},
    "block": {"norm_attention", "norm_ffn", "heads", "mlp"},
    "head": {"W_Q", "W_K", "W_V", "W_O", "scale"},
    "FFN": {"activation", "b_2", "units"},
    "hidden unit": {"read", "write", "bias", "first", "last"},
}


class Reject(Exception):
    """The certificate is not accepted; the message says why."""


def need(condition: object, why: str) -> None:
    """Reject unless the condition holds."""
    if not condition:
        raise Reject(why)


def part(data: Any, name: str) -> Any:
    """The same data, if it has exactly the keys of a part of a circuit: a convention unknown here must not be overlooked."""
    need(isinstance(data, dict) and set(data) == PARTS[name], f"a {name} with unknown or missing keys")
    return data


def number(text: Any) -> Fraction:
    """A rational number, spelled as the circuit's JSON spells it."""
    need(type(text) is int or (type(text) is str and re.fullmatch(r"-?[0-9]+(/0*[1-9][0-9]*)?", text)), f"not a rational number: {text!r}")
    return Fraction(text)


class Weight(NamedTuple):
    """factor T^a c^b, a and b >= 0, as a family's weights are; in a single circuit a = b = 0."""

    factor: Fraction
    a: int = 0
    b: int = 0

    def __neg__(self) -> Weight:
        return Weight(-self.factor, self.a, self.b)

    def times(self, other: Weight) -> Weight:
        """The product."""
        return Weight(self.factor * other.factor, self.a + other.a, self.b + other.b)

    def at_least(self, other: Weight) -> bool:
        """For every T, c >= 1: sufficient, and necessary where a = b = 0."""
        return self.factor >= max(other.factor, 0) and self.a >= other.a and self.b >= other.b


ONE, TWO = Weight(Fraction(1)), Weight(Fraction(2))


def weight(text: Any) -> Weight:
    """Numbers, T and c joined by *, with a sign in front or none."""
    if type(text) is not str or not re.search("[Tc]", text):
        return Weight(number(text))
    factors = text.removeprefix("-").split("*")
    plain = [number(f.strip("()")) for f in factors if f not in ("T", "c")]
    sign = -1 if text.startswith("-") else 1
    need(len(plain) <= 1, f"not a product of a number, T and c: {text!r}")
    return Weight(sign * (plain or [Fraction(1)])[0], factors.count("T"), factors.count("c"))


def exponent(x: Fraction) -> int:
    """floor(log2 x), x > 0."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if x >= Fraction(2) ** e else e - 1


def nearest(x: Fraction, p: int) -> Fraction:
    """x > 0 rounded to p bits, ties to even; range is checked elsewhere."""
    spacing = Fraction(2) ** (exponent(x) - p + 1)
    return round(x / spacing) * spacing


def coordinate(i: Any) -> int:
    """A coordinate's number, in its one spelling."""
    need(isinstance(i, str) and re.fullmatch("0|[1-9][0-9]*", i), f"not a coordinate: {i!r}")
    return int(i)


def units_of(block: Any) -> list[tuple[dict[int, Weight], dict[int, Weight]]]:
    """(read, write) of each hidden unit of a ReLU FFN without biases or norm."""
    mlp = part(block["mlp"], "FFN")
    need(mlp["activation"] == "relu" and not mlp["b_2"] and block["norm_ffn"] is None, "an FFN with a norm, a bias, or without ReLU")
    units = [part(u, "hidden unit") for u in mlp["units"]]
    need(all(number(u["bias"]) == 0 and u["first"] is None and u["last"] is None for u in units), "units with a bias, or an indexed range")
    vector = lambda v: {coordinate(i): weight(x) for i, x in v.items()}  # noqa: E731
    return [(vector(u["read"]), vector(u["write"])) for u in units]


def read_division(circuit: Any, block: int, index: int) -> tuple[dict[str, int], list[dict[str, Weight]]]:
    """Roles {one, x, r, q, a}, and for each step its Kc, K, N, M, c, w, from the weights of blocks 1 to `block`."""
    need(type(block) is int and 4 <= block <= len(circuit["blocks"]) and block % 2 == 0, "not an even number of blocks, four or more")
    roles: dict[str, int] = {}
    steps = []
    for n in range(0, block, 2):
        compare, update = (units_of(part(b, "block")) for b in circuit["blocks"][n : n + 2])
        found, step = read_step(compare, update, f"blocks {n + 1}, {n + 2}")
        need(roles in ({}, found) and len(set(found.values())) == 5, f"blocks {n + 1}, {n + 2}: other coordinates than before")
        roles = found
        steps.append(step)
    need(type(index) is int and roles["q"] == index, "the claimed coordinate is not the quotient")
    return roles, steps


def read_step(compare: Any, update: Any, where: str) -> tuple[dict[str, int], dict[str, Weight]]:
    """One step: a += relu(Kc x - K r); then q += w relu(one - N a), r -= relu(c x - M a), a -= relu(a), in any order."""
    need(len(compare) == 1 and len(update) == 3, f"{where}: not 1 and 3 hidden units")
    (reads, gate), = compare  # fmt: skip
    need(len(reads) == 2 and list(gate.values()) == [ONE], f"{where}: no comparison")
    x, r = sorted(reads, key=lambda i: -reads[i].factor)
    (a,) = gate
    need(reads[x].factor > 0 > reads[r].factor, f"{where}: no difference of two coordinates")
    roles, step = {"x": x, "r": r, "a": a}, {"Kc": reads[x], "K": -reads[r]}
    for read, write in update:
        need(len(write) == 1, f"{where}: a unit that writes more than one coordinate")
        (to, w), = write.items()  # fmt: skip
        if read == {a: ONE}:
            need((to, w) == (a, -ONE) and "cleared" not in step, f"{where}: the gate is not cleared")
            step["cleared"] = ONE
        elif set(read) == {x, a}:
            need((to, w) == (r, -ONE) and "M" not in step, f"{where}: the remainder loses something else")
            step |= {"M": -read[a], "c": read[x]}
        else:
            need(len(read) == 2 and a in read and "N" not in step, f"{where}: a unit of no known kind")
            (one,) = set(read) - {a}
            need(read[one] == ONE, f"{where}: the quotient does not gate a 1")
            roles |= {"one": one, "q": to}
            step |= {"N": -read[a], "w": w}
    need({"cleared", "M", "N"} <= set(step), f"{where}: a unit is missing")
    need(step["K"].times(step["c"]) == step["Kc"], f"{where}: what is compared is not what the remainder loses")
    need(all(step[g].factor > 0 for g in ("K", "N", "M", "c", "w")), f"{where}: a gain that is not positive")
    return roles, step


def check_stream(circuit: Any, block: int, roles: dict[str, int], frame: Iterable[int] = ()) -> None:
    """The five coordinates start as 1, 0, 1, 0, 0; one uniform head writes x, the average of a mark at BOS; no other head does.

    Nothing writes to the frame.
    """
    part(circuit, "circuit")
    need(circuit["mask"] == "causal" and circuit["positions"] == "none", "not a causal circuit without positional encoding")
    need(type(circuit["bos"]) is str and circuit["bos"] in circuit["embed"], "no BOS")
    names, own = ("one", "x", "r", "q", "a"), set(roles.values())
    vectors = {("named", t): v for t, v in circuit["embed"].items()}
    if circuit["generic"] is not None:
        vectors["other", ""] = circuit["generic"]
    for v in vectors.values():
        need(max([coordinate(i) for i in v] + [*own]) < int(circuit["d_model"]), "a coordinate outside the stream")  # inf is no int
        start = [number(v.get(str(roles[n]), "0")) for n in names]
        need(start == [1, 0, 1, 0, 0], "a token whose embedding does not start the division")
    writers = []
    for n, b in enumerate(circuit["blocks"][:block]):
        need(not b["heads"] or n or b["norm_attention"] is None, "a norm in front of the attention")
        for head in b["heads"]:
            opaque = set(head) == {"opaque"}
            writes = set(head["opaque"]) if opaque else {coordinate(i) for column in part(head, "head")["W_O"] for i in column}
            need(all(type(i) is int for i in writes) and not writes & set(frame), f"block {n + 1}: a head writes into the frame")
            if writes & own:
                need(n == 0 and not opaque and writes & own == {roles["x"]}, f"block {n + 1}: a head writes into the division")
                writers.append(head)
    need(not {roles[n] for n in ("r", "q", "a")} & set(frame), "the division writes into the frame")
    need(len(writers) == 1, "x is not written by exactly one head")
    check_head(writers[0], vectors, circuit["bos"], str(roles["x"]))


def check_head(head: Any, vectors: dict[tuple[str, str], Any], bos: str, x: str) -> None:
    """x gets the average of a coordinate that is 1 at BOS and 0 elsewhere, with equal scores."""
    need(not any(head["W_Q"]) or not any(head["W_K"]), "the head's scores are not all zero")
    columns = [(v, w) for v, w in zip(head["W_V"], head["W_O"], strict=True) if x in w]
    need(len(columns) == 1 and number(columns[0][1][x]) == 1 and len(columns[0][0]) == 1, "x is not one average")
    (mark, v), = columns[0][0].items()  # fmt: skip
    held = {key: number(e.get(mark, "0")) for key, e in vectors.items()}
    need(number(v) == 1 and all(y == (key == ("named", bos)) for key, y in held.items()), "the head averages no mark of BOS")


def check_steps(steps: list[dict[str, Weight]]) -> int:
    """The multiples are 2^J, ..., 1, 1/2 and the quotient gets 2^J, ..., 1, 1. Returns J."""
    J = len(steps) - 2
    for n, s in enumerate(steps):
        c = Fraction(2) ** (J - n)
        need(s["c"] == Weight(c) and s["w"] == Weight(max(c, Fraction(1))), f"step {n + 1}: not the multiple {c} of x")
    return J


def check_real(steps: list[dict[str, Weight]], T: Weight) -> dict[str, int]:
    """Lemma 2 for x = 1/t, t <= T."""
    for n, s in enumerate(steps):
        quotient, remainder = s["N"].times(s["K"]), s["M"].times(s["K"])
        need(quotient.at_least(TWO.times(T) if s is steps[-1] else T), f"step {n + 1}: a gate that may stay open")
        need(remainder.at_least(s["c"]) and remainder.at_least(ONE), f"step {n + 1}: a remainder's gate that may stay open")
    return {"intervals": 1, "rows": 0}


def check_family(steps: list[dict[str, Weight]]) -> dict[str, int]:
    """One step for every c and the last one, for every T: weights are monomials, so one comparison serves all T and c."""
    need(len(steps) == 2, "a family is one step to repeat and a last one")
    c, half = Weight(Fraction(1), 0, 1), Weight(HALF)
    need([(s["c"], s["w"]) for s in steps] == [(c, c), (half, ONE)], "not the multiples c, then 1/2, of x")
    return check_real(steps, Weight(Fraction(1), 1, 0))


class Floats:
    """What the hypotheses say of one run: formats, and where x = fl(1/t) may lie."""

    def __init__(self, how: Any) -> None:
        need(isinstance(how, dict) and {"storage", "accumulator"} <= set(how) <= FLOAT, "an arithmetic with unknown or missing keys")
        for name in ("storage", "accumulator"):
            fmt = how[name]
            need(set(fmt) == {"p", "emin", "emax"} and all(type(n) is int for n in fmt.values()), f"an unreadable {name} format")
        self.p, self.emin, self.emax = (how["storage"][k] for k in ("p", "emin", "emax"))
        self.pa, self.emin_a, self.emax_a = (how["accumulator"][k] for k in ("p", "emin", "emax"))
        self.exp0, self.ulps = number(how.get("exp0", "0")), number(how.get("ulps", "1/2"))
        self.flush, self.overflow = how.get("flush", False), how.get("overflow", False)
        need({type(self.flush), type(self.overflow)} == {bool}, "switches that are neither true nor false")
        need(2 <= self.p <= self.pa < 1024 and self.emax_a - self.emin_a < 2**16, "a format beyond all use")
        need(self.emin_a <= self.emin < 0 < self.emax <= self.emax_a, "an accumulator narrower than storage")
        need(0 <= self.exp0 < HALF and self.ulps >= HALF, "exp0 or ulps out of range")
        self.narrows, self.rounded = self.pa > self.p or self.exp0 > 0, self.exp0 == 0 and self.ulps == HALF  # rounded: x is known

    def before(self, t: int, near: int) -> Fraction:
        """A bound on |y - 1/t'| for the accumulator's quotient y at every t' in near..t."""
        if self.exp0 == 0:
            need(t <= 2**self.pa, "a sum of ones beyond 2^p of the accumulator")  # whole numbers up to 2^p: exact in any order
            return self.ulps * Fraction(2) ** (exponent(Fraction(1, near)) - self.pa + 1)
        u, e = Fraction(1, 2**self.pa), self.exp0
        low = (1 - e) - (t - 1) * u * (1 + e)  # sum / t, from below: jeannerod2013, any order
        need(low > 0, "a sum with no digit left")
        top, bottom = max(1 + e, nearest(1 + e, self.p)), min(1 - e, nearest(1 - e, self.p))  # the numerator, stored or not
        above, below = top / low, bottom / ((1 + e) * (1 + (t - 1) * u))
        return (max(above - 1, 1 - below) + above * ((1 + 2 * u * self.ulps) ** 2 - 1)) / near  # quotient, or reciprocal and product

    def interval(self, t: int) -> tuple[Fraction, Fraction]:
        """Where x lies at t."""
        y, off = Fraction(1, t), self.before(t, t)
        if self.rounded:
            low = high = nearest(y, self.pa)
        else:
            low, high = y - off, y + off
            need(low > 0, f"x may be 0 at t = {t}")
        return (nearest(low, self.p), nearest(high, self.p)) if self.narrows else (low, high)

    def uniform(self, near: int, far: int) -> bool:
        """Lemma 3 for all t in near..far at once."""
        off = self.before(far, near)
        store = Fraction(2) ** (exponent(Fraction(1, near) + off) - self.p) if self.narrows else 0
        return off + store < Fraction(1, far * (2 * far + 1))

    def falling(self, near: int, far: int) -> bool:
        """Lemma 4 for all t in near..far at once."""
        e = near.bit_length() - 1
        if self.narrows or not self.rounded or near == 2**e or far >= 2 ** (e + 1) or far > 2**self.pa:
            return False
        top = 2 ** (e + self.p + 1)
        S = near + (top + near) // (2 * near)
        line = lambda t, b, d: (2 * t + d) * (S - t) + b * t  # noqa: E731  # concave in t, its vertex at (2 S - d + b)/4
        most = lambda b, d: max(line(min(max((2 * S - d + b) // 4 + i, near), far), b, d) for i in (0, 1))  # noqa: E731
        least = lambda b, d: min(line(near, b, d), line(far, b, d))  # noqa: E731
        return most(-1, 0) < top < least(1, 0) and most(0, -1) <= top < least(0, 1)

    def row(self, t: int) -> bool:
        """Lemma 3 at one t."""
        low, high = self.interval(t)
        return Fraction(2, 2 * t + 1) < low and high <= Fraction(2, 2 * t - 1)

    def misses(self, t: int, J: int) -> bool:
        """Whether x surely decodes to something else than t, and the division of it is still exact."""
        low, high = self.interval(t)
        return Fraction(1, 2 ** (J + 1)) < low <= high < 2 and (high <= Fraction(2, 2 * t + 1) or low > Fraction(2, 2 * t - 1))


def check_gains(steps: list[dict[str, Weight]], J: int, how: Floats) -> None:
    """Lemmas 1 and 2: powers of two within range, gates that close, nothing that matters lost to underflow or overflow."""
    two, p = Fraction(2), how.p
    need(p > J and how.emin <= -(J + 1), "J >= p: multiples of x finer than the remainder's grid; or 1/t may be subnormal")
    least = two**how.emin if how.flush else two ** (how.emin - p + 1)
    need(two ** -(p + J + 1) >= max(least, two**how.emin_a if how.flush else 0), "a remainder may underflow")
    high = how.interval(1)[1]
    need(high < 2, "x may reach 2 at t = 1")
    top = (2 - two ** (1 - p)) * two**how.emax
    for n, s in enumerate(steps):
        c, K, N, M, Kc, w = (s[g].factor for g in ("c", "K", "N", "M", "Kc", "w"))
        good = all(how.emin <= exponent(g) <= how.emax and g == two ** exponent(g) for g in (c, K, N, M, Kc, w))
        need(good, f"step {n + 1}: a gain that is no power of two in range")
        need(K >= 1 and N * Kc >= two ** (p + J) and two**p <= M * K, f"step {n + 1}: a gate that may stay open")
        gate = Kc * high
        need(gate <= top, f"step {n + 1}: the gate may overflow")
        need(how.overflow or max(N, M) * gate <= top, f"step {n + 1}: a product may overflow, and nothing is assumed of that")


def check_rows(how: Floats, first: int, last: int) -> dict[str, int]:
    """Lemma 3 at every t in first..last, by bisection: intervals where one comparison will do, single rows where not."""
    count, stack = {"intervals": 0, "rows": 0}, [(first, last)]
    while stack:
        near, far = stack.pop()
        if near < far and (how.uniform(near, far) or how.falling(near, far)):
            count["intervals"] += 1
        elif near == far:
            need(how.row(near), f"x at t = {near} may decode to another number")
            count["rows"] += 1
        else:
            middle = (near + far) // 2
            stack += [(middle + 1, far), (near, middle)]
    return count


def check(certificate: Any) -> dict[str, int]:
    """Raise Reject, or return how many intervals and single rows were compared."""
    try:
        need(isinstance(certificate, dict) and set(certificate) <= KEYS, "unknown keys")
        kind = type(certificate["schema"]), certificate["schema"], certificate["kind"]
        need(kind == (int, 1, "division clock") and certificate["goal"] in ("clock", "misses"), "another kind or schema of certificate")
        circuit, block, frame = certificate["circuit"], certificate["block"], certificate["frame"]
        need(type(frame) is list and all(type(i) is int for i in frame), "no frame")
        roles, steps = read_division(circuit, block, certificate["index"])
        check_stream(circuit, block, roles, frame)
        if certificate["T"] == "every":
            need(certificate["arithmetic"] == "real" and certificate["goal"] == "clock", "families are checked in real numbers")
            need(block == len(circuit["blocks"]) == 4 and not any(b["heads"] for b in circuit["blocks"][1:]), "not a family's four blocks")
            return check_family(steps)
        return check_circuit(certificate, steps, certificate["T"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as bad:
        raise Reject(f"unreadable: {type(bad).__name__}: {bad}") from None


def check_circuit(certificate: Any, steps: list[dict[str, Weight]], T: Any) -> dict[str, int]:
    """The goal for one circuit, up to T or at T."""
    need(type(T) is int and 1 <= T < 2**1100, "T is no length")
    need(all(s[g].a == s[g].b == 0 for s in steps for g in ("K", "N", "M", "Kc")), "weights that depend on T or c")
    J = check_steps(steps)
    need(T < 2 ** (J + 1), f"T >= 2^{J + 1}: the quotient has too few bits")
    if certificate["arithmetic"] == "real":
        need(certificate["goal"] == "clock", "in real numbers it is right wherever its gates close")
        return check_real(steps, Weight(Fraction(T)))
    how = Floats(certificate["arithmetic"])
    check_gains(steps, J, how)
    if certificate["goal"] == "misses":
        need(how.misses(T, J), f"x at t = {T} may decode to {T}")
        return {"intervals": 0, "rows": 1}
    return check_rows(how, 1, T)


def collides(t: int, p: int, through: int = 0) -> bool:
    """Whether 1/t and 1/(t + 1), rounded to `through` bits if given and then to p, are one number: no function tells them apart."""
    return len({nearest(nearest(Fraction(1, n), through or p), p) for n in (t, t + 1)}) == 1


def main(paths: list[str]) -> int:
    """Check certificate files. 0 if all are accepted, else 1."""
    status = 0
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                certificate = json.load(file)
            print(f"{path}: accepted, T = {certificate['T']}, {check(certificate)}")
        except (Reject, OSError, ValueError, TypeError, KeyError, RecursionError) as why:
            print(f"{path}: REJECTED: {why}")
            status = 1
    return status


if __name__ == "__main__":
    if not sys.argv[1:]:
        print("usage: python counter_kernel.py CERT.json ...", file=sys.stderr)
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else 2)
