"""Independent checker of division clocks: standard library only, imports nothing of nopeproof. `python counter_kernel.py CERT.json`

A certificate holds a circuit's weights, an arithmetic with its hypotheses, and T. Accepting it means: on every word with its
one BOS in front, every run that obeys the hypotheses holds exactly t in coordinate `index` after block `block`, at every
t <= T, whatever the order of summation. The goals are generated here from the weights; the certificate offers no proof steps.

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
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

HALF = Fraction(1, 2)
KEYS = {"schema", "kind", "circuit", "block", "index", "arithmetic", "T", "hypotheses"}
FLOAT = {"storage", "accumulator", "exp0", "ulps", "flush", "overflow", "route"}


class Reject(Exception):
    """The certificate is not accepted; the message says why."""


def need(condition: object, why: str) -> None:
    """Reject unless the condition holds."""
    if not condition:
        raise Reject(why)


def number(text: Any) -> Fraction:
    """A rational number, spelled as the circuit's JSON spells it."""
    try:
        return Fraction(text) if type(text) in (str, int) else Fraction("?")
    except (ValueError, ZeroDivisionError):
        raise Reject(f"not a rational number: {text!r}") from None


def exponent(x: Fraction) -> int:
    """floor(log2 x), x > 0."""
    e = x.numerator.bit_length() - x.denominator.bit_length()
    return e if x >= Fraction(2) ** e else e - 1


def nearest(x: Fraction, p: int) -> Fraction:
    """x > 0 rounded to p bits, ties to even; range is checked elsewhere."""
    spacing = Fraction(2) ** (exponent(x) - p + 1)
    return round(x / spacing) * spacing


def power_of_two(x: Fraction) -> bool:
    """x = 2^n, n any whole number."""
    return x > 0 and x.numerator & (x.numerator - 1) == 0 == x.denominator & (x.denominator - 1)


# --- the circuit: roles of coordinates, and the gains of each step ---------------------------------------------------


def sparse(v: Any) -> dict[int, Fraction]:
    """A vector of numbers."""
    return {coordinate(i): number(x) for i, x in v.items()}


def coordinate(i: Any) -> int:
    """A coordinate's number, in its one spelling."""
    need(isinstance(i, str) and i.isdecimal() and str(int(i)) == i, f"not a coordinate: {i!r}")
    return int(i)


def units_of(block: Any) -> list[tuple[dict[int, Fraction], dict[int, Fraction]]]:
    """(read, write) of each hidden unit of a ReLU FFN without biases or norm."""
    mlp = block["mlp"]
    need(mlp and mlp["activation"] == "relu" and not mlp["b_2"] and block["norm_ffn"] is None, "an FFN with a bias, a norm or no ReLU")
    plain = all(number(u["bias"]) == 0 and u["first"] is None and u["last"] is None for u in mlp["units"])
    need(plain, "hidden units with a bias, or an indexed range")
    return [(sparse(u["read"]), sparse(u["write"])) for u in mlp["units"]]


def read_division(circuit: Any, block: int, index: int) -> tuple[dict[str, int], list[dict[str, Fraction]]]:
    """Roles {one, x, r, q, a}, and for each step its c, w, K, N, M, from the weights of blocks 1 to `block`."""
    need(isinstance(block, int) and 0 < block <= len(circuit["blocks"]) and block % 2 == 0, "not an even number of blocks")
    roles: dict[str, int] = {}
    steps = []
    for n in range(0, block, 2):
        compare, update = (units_of(b) for b in circuit["blocks"][n : n + 2])
        need(len(compare) == 1 and len(update) == 3, f"blocks {n + 1}, {n + 2}: not 1 and 3 hidden units")
        (reads, gate), = compare  # fmt: skip
        need(len(reads) == 2 and len(gate) == 1 and set(gate.values()) == {Fraction(1)}, f"block {n + 1}: no comparison")
        x, r = sorted(reads, key=lambda i: -reads[i])
        (a,) = gate
        need(reads[x] > 0 > reads[r], f"block {n + 1}: no difference of two coordinates")
        K = -reads[r]
        found = {"x": x, "r": r, "a": a}
        step = {"K": K, "c": reads[x] / K}
        for read, write in update:
            need(len(write) == 1, f"block {n + 2}: a unit that writes more than one coordinate")
            (to, w), = write.items()  # fmt: skip
            if read == {a: 1}:
                need((to, w) == (a, -1) and "cleared" not in step, f"block {n + 2}: the gate is not cleared")
                step["cleared"] = Fraction(1)
            elif set(read) == {x, a}:
                need((to, w) == (r, -1) and read[x] == step["c"] and "M" not in step, f"block {n + 2}: the remainder loses something else")
                step["M"] = -read[a]
            else:
                need(len(read) == 2 and a in read and "N" not in step, f"block {n + 2}: a unit of no known kind")
                (one,) = set(read) - {a}
                need(read[one] == 1, f"block {n + 2}: the quotient does not gate a 1")
                found |= {"one": one, "q": to}
                step |= {"N": -read[a], "w": w}
        need({"cleared", "M", "N"} <= set(step), f"block {n + 2}: a unit is missing")
        need(roles in ({}, found) and len(set(found.values())) == 5, f"blocks {n + 1}, {n + 2}: other coordinates than before")
        roles = found
        steps.append(step)
    need(roles["q"] == index, "the claimed coordinate is not the quotient")
    return roles, steps


def check_stream(circuit: Any, block: int, roles: dict[str, int]) -> None:
    """The five coordinates start as 1, 0, 1, 0, 0; one uniform head writes x, the average of a mark at BOS; no other head does."""
    need(circuit["mask"] == "causal" and circuit["positions"] == "none", "not a causal circuit without positional encoding")
    need(circuit["bos"] in circuit["embed"], "no BOS")
    names, own = ("one", "x", "r", "q", "a"), set(roles.values())
    vectors = {("named", t): v for t, v in circuit["embed"].items()}
    if circuit["generic"] is not None:
        vectors["other", ""] = circuit["generic"]
    for v in vectors.values():
        need(all(coordinate(i) < circuit["d_model"] for i in v), "a coordinate outside the stream")
        start = [number(v.get(str(roles[n]), "0")) for n in names]
        need(start == [1, 0, 1, 0, 0], "a token whose embedding does not start the division")
    writers = []
    for n, b in enumerate(circuit["blocks"][:block]):
        need(not b["heads"] or n or b["norm_attention"] is None, "a norm in front of the attention")
        for head in b["heads"]:
            writes = set(head["opaque"]) if "opaque" in head else {coordinate(i) for column in head["W_O"] for i in column}
            if writes & own:
                need(n == 0 and "opaque" not in head and writes & own == {roles["x"]}, f"block {n + 1}: a head writes into the division")
                writers.append(head)
    need(len(writers) == 1, "x is not written by exactly one head")
    (head,) = writers
    need(not any(head["W_Q"]) or not any(head["W_K"]), "the head's scores are not all zero")
    columns = [(v, w) for v, w in zip(head["W_V"], head["W_O"], strict=True) if str(roles["x"]) in w]
    need(len(columns) == 1 and number(columns[0][1][str(roles["x"])]) == 1 and len(columns[0][0]) == 1, "x is not one average")
    (mark, v), = columns[0][0].items()  # fmt: skip
    held = {key: number(e.get(mark, "0")) * number(v) for key, e in vectors.items()}
    need(number(v) == 1 and all(x == (key == ("named", circuit["bos"])) for key, x in held.items()), "the head averages no mark of BOS")


def check_steps(steps: list[dict[str, Fraction]]) -> int:
    """The multiples are 2^J, ..., 1, 1/2 and the quotient gets 2^J, ..., 1, 1. Returns J."""
    J = len(steps) - 2
    need(J >= 0, "too few steps")
    for n, s in enumerate(steps):
        c = Fraction(2) ** (J - n)
        need(s["c"] == c and s["w"] == max(c, 1), f"step {n + 1}: not the multiple {c} of x")
        need(min(s["K"], s["N"], s["M"]) > 0, f"step {n + 1}: a gain that is not positive")
    return J


# --- real numbers ----------------------------------------------------------------------------------------------------


def check_real(steps: list[dict[str, Fraction]], J: int, T: int) -> dict[str, int]:
    """Lemma 2 for x = 1/t."""
    need(T < 2 ** (J + 1), f"T >= 2^{J + 1}: the quotient has too few bits")
    for n, s in enumerate(steps):
        last = s["c"] == HALF
        need(s["N"] * s["K"] >= (2 * T if last else T) and s["M"] * s["K"] >= max(s["c"], 1), f"step {n + 1}: a gain too small")
    return {"intervals": 1, "rows": 0}


# --- floats ----------------------------------------------------------------------------------------------------------


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
        need(type(self.flush) is bool and type(self.overflow) is bool, "switches that are neither true nor false")
        need(2 <= self.p <= self.pa and self.emin_a <= self.emin < 0 < self.emax <= self.emax_a, "an accumulator narrower than storage")
        need(0 <= self.exp0 < HALF and self.ulps >= HALF, "exp0 or ulps out of range")
        self.narrows = self.pa > self.p or self.exp0 > 0

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
        if self.exp0 == 0 and self.ulps == HALF:
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

    def row(self, t: int) -> bool:
        """Lemma 3 at one t."""
        low, high = self.interval(t)
        return Fraction(2, 2 * t + 1) < low and high <= Fraction(2, 2 * t - 1)


def check_gains(steps: list[dict[str, Fraction]], J: int, how: Floats) -> None:
    """Lemmas 1 and 2: powers of two within range, gates that close, nothing that matters lost to underflow or overflow."""
    two, p = Fraction(2), how.p
    need(p > J, "J >= p: multiples of x finer than the remainder's grid")
    need(how.emin <= -(J + 1), "1/t may be subnormal")
    least = two**how.emin if how.flush else two ** (how.emin - p + 1)
    need(two ** -(p + J + 1) >= max(least, two**how.emin_a if how.flush else 0), "a remainder may underflow")
    _, high = how.interval(1)
    need(high < 2, "x may reach 2 at t = 1")
    top = (2 - two ** (1 - p)) * two**how.emax
    for n, s in enumerate(steps):
        for gain in (s["c"], s["w"], s["K"], s["K"] * s["c"], s["N"], s["M"]):
            need(power_of_two(gain) and how.emin <= exponent(gain) <= how.emax, f"step {n + 1}: a gain that is no power of two in range")
        need(s["K"] >= 1 and s["N"] * s["K"] * s["c"] >= two ** (p + J) and s["M"] * s["K"] >= two**p, f"step {n + 1}: a gain too small")
        gate = s["K"] * s["c"] * high
        need(gate <= top, f"step {n + 1}: the gate may overflow")
        need(how.overflow or max(s["N"], s["M"]) * gate <= top, f"step {n + 1}: a product may overflow, and nothing is assumed of that")


def check_rows(how: Floats, first: int, last: int) -> dict[str, int]:
    """Lemma 3 at every t in first..last, by bisection: intervals where one comparison will do, single rows where not."""
    count, stack = {"intervals": 0, "rows": 0}, [(first, last)]
    while stack:
        near, far = stack.pop()
        if near < far and how.uniform(near, far):
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
        need(certificate["schema"] == 1 and certificate["kind"] == "division clock", "another kind or schema of certificate")
        circuit, block, T = certificate["circuit"], certificate["block"], certificate["T"]
        need(type(T) is int and T >= 1, "T is no length")
        roles, steps = read_division(circuit, block, certificate["index"])
        check_stream(circuit, block, roles)
        J = check_steps(steps)
        if certificate["arithmetic"] == "real":
            return check_real(steps, J, T)
        how = Floats(certificate["arithmetic"])
        need(T < 2 ** (J + 1), f"T >= 2^{J + 1}: the quotient has too few bits")
        check_gains(steps, J, how)
        return check_rows(how, 1, T)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as bad:
        raise Reject(f"unreadable: {type(bad).__name__}: {bad}") from None


# --- beside it: no decoder at all, and every row one by one ----------------------------------------------------------


def collides(t: int, p: int, through: int = 0) -> bool:
    """Whether 1/t and 1/(t + 1), rounded to `through` bits if given and then to p, are one number: no function tells them apart."""
    one, two = (nearest(nearest(Fraction(1, n), through or p), p) for n in (t, t + 1))
    return one == two


def every_row(p: int, ts: Iterable[int]) -> int | None:
    """The first t at which 1/t rounded to p bits does not decode to t; None if there is none. Integers only, one row at a time."""
    for t in ts:
        k = p - 1 + t.bit_length() - (t & (t - 1) == 0)  # 2^(p-1) <= 2^k / t < 2^p
        m, rest = divmod(1 << k, t)
        m += 2 * rest > t or (2 * rest == t and m & 1)
        if not (2 * t - 1) * m <= 2 << k < (2 * t + 1) * m:
            return t
    return None


def main(arguments: list[str]) -> int:
    """Check certificate files; with --every-row also each row of a nearest-rounding one. 0 if all are accepted."""
    status = 0
    for path in (a for a in arguments if not a.startswith("--")):
        start = time.perf_counter()
        with open(path, encoding="utf-8") as file:
            certificate = json.load(file)
        try:
            found = check(certificate)
            rows = range(1, certificate["T"] + 1) if "--every-row" in arguments else ()
            wrong = every_row(certificate["arithmetic"]["storage"]["p"], rows) if rows else None
            need(wrong is None, f"1/t, rounded once, does not decode at t = {wrong}")
            print(f"{path}: accepted, T = {certificate['T']}, {found}, {time.perf_counter() - start:.2f} s")
        except Reject as why:
            print(f"{path}: REJECTED: {why}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
