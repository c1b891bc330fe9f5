"""Exact position from 1/t by long division: a decoder of O(log T) hidden units in plain blocks, with no rounding anywhere.

Blocks without heads carry out restoring division of 1 by x = 1/t in base 2. The stream holds the remainder r (1 at first),
the quotient q (0 at first) and a gate a (0). One step for each c = 2^J, 2^(J-1), ..., 2, 1 and a last c = 1/2, two FFNs a step:

    compare   a += relu(K c x - K r)            a = 0 iff c x <= r: this multiple of x still fits
    update    q += w relu(one - N a)            w = c (w = 1 in the last step) if it fits, else 0
              r -= relu(c x - M a)              c x if it fits, else 0
              a -= relu(a)                      a = 0 again

so that after c = 1 q = floor(1/x), and the last step, which asks whether at least half an x is left over, makes it
q = floor(1/x + 1/2): in floats the nearest decoder there can be, exact wherever 1/(t + 1/2) < x <= 1/(t - 1/2).

Why it is exact for every float x of p bits, in every order of summation: write x = m 2^-k, 2^(p-1) <= m < 2^p. Before step c
r is a multiple of c 2^-k in [0, 2 c x), so c x - r is a multiple of c 2^-k in (-c x, c x], at most m of them: p bits hold it, and
likewise r - c x if that is >= 0. Gains are powers of two and each sum has two terms (any others are exact zeros). A gate that is
not 0 is at least K c 2^-k, and k <= p + J as x > 2^-(J+1); so N K c >= 2^(p+J) and M K >= 2^p close both updates: rounding is
monotone, fl(1 - N a) <= 0 and fl(c x - M a) <= 0. Real numbers x = 1/t: r and c x are multiples of 1/t (of 1/(2t) in
the last step), so that N K >= 2 T and M K >= c do: K = 1, N = 2 T, M = max(c, 1), and J grows with T.
`nopeproof.counter_kernel` checks all of this on the weights themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import ClassVar

from nopeproof import scalars
from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Head, Opaque, Unit
from nopeproof.errors import NopeproofError
from nopeproof.parts import Direction, uniform_head
from nopeproof.residual import Residual
from nopeproof.scalars import ScalarLike

R = Residual(one=1, bos=1, recip=1, rem=1, pos=1, gate=1, content=1)
STORED = {"float64": (53, 1023), "float32": (24, 127), "float16": (11, 15), "bfloat16": (8, 127)}  # (p, emax), IEEE 754
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Step:
    """The gains of one step: c the multiple of x tried, w what it adds to the quotient, K, N, M as in the module's formulas."""

    c: ScalarLike
    w: ScalarLike
    K: ScalarLike
    N: ScalarLike
    M: ScalarLike


REAL = (Step("c", "c", 1, "2*T", "c"), Step(HALF, 1, 1, "2*T", 1))  # for every c = 2^J, ..., 2, 1; and the last


def steps(J: int, p: int, emax: int) -> list[Step]:
    """The indexed rule of a float clock's weights, c = 2^j for j = J, ..., 0, -1: K N c = 2^(p+J), K M = 2^p, the least that will do.

    K = 1 where the format's range has room for 2^(p+J+1); else K c = 2^emax, so that gains stay finite: float16.
    Raises NopeproofError unless 0 <= J < p.
    """
    if not 0 <= J < p:
        todo = f"0 <= J < {p}: beyond, 1/t does not tell t from t + 1"
        raise NopeproofError(f"a division by up to 2^{J} x with {p}-bit floats", f"J = {J}", todo)
    two, out = Fraction(2), []
    for j in range(J, -2, -1):
        kappa = 0 if p + J + 1 <= emax else emax - max(j, 0)
        out.append(Step(two**j, max(two**j, Fraction(1)), two**kappa, two ** (p + J - j - kappa), two ** (p - kappa)))
    return out


def division(gains: Sequence[Step], one: Direction, recip: Direction, rem: Direction, pos: Direction, gate: Direction) -> list[MLP]:
    """The 2 len(gains) FFNs of the division of 1 (in `rem`) by `recip` into `pos`, each for a block of its own."""
    out = []
    for s in gains:
        K, c = scalars.scalar(s.K), scalars.scalar(s.c)
        out.append(MLP([Unit(read=scalars.multiply(K, c) * recip - K * rem, write=gate)]))
        quotient = Unit(read=one - s.N * gate, write=s.w * pos)
        remainder = Unit(read=c * recip - s.M * gate, write=-rem)
        out.append(MLP([quotient, remainder, Unit(read=gate, write=-gate)]))
    return out


def _circuit(gains: Sequence[Step], name: str) -> Circuit:
    """Block 1 averages the BOS mark to 1/t; the FFNs divide. Content and other heads are arbitrary but keep off the reserved rows."""
    ffns = division(gains, R.one, R.recip, R.rem, R.pos, R.gate)
    heads: list[Head | Opaque] = [uniform_head([R.bos], [R.recip], name="position"), Opaque([R.content], name="any other head")]
    blocks = [Block(heads=heads, mlp=ffns[0]), *(Block(mlp=ffn) for ffn in ffns[1:])]
    start = R.one + R.rem
    embedding = Embedding({"<bos>": start + R.bos + R.content.free("b")}, other=start + R.content.free("x"))
    return Circuit(R, embedding, blocks, bos="<bos>", name=name)


def division_clock(J: int, dtype: str = "float32", name: str = "") -> Circuit:
    """The NoPE circuit of 2 (J + 2) blocks whose weights are numbers of `dtype`; in real arithmetic right for t < 2^(J+1).

    Raises NopeproofError for a dtype without an entry in STORED, or unless 0 <= J < p.
    """
    if dtype not in STORED:
        raise NopeproofError(f"a division clock in {dtype!r}", "known: " + ", ".join(STORED), "one of these")
    return _circuit(steps(J, *STORED[dtype]), name or f"division, {J + 1} bits, {dtype}")


@dataclass(frozen=True)
class Doubling(Family):
    """T -> a circuit whose blocks 1 and 2 stand once for each value c = 2^J, ..., 4, 2, 1 of the symbol c, 2^J <= T < 2^(J+1).

    Heads of block 1 stand in the first copy only; further blocks follow once; other weights are polynomials in T, as in any family.
    """

    grows: ClassVar[bool] = True

    @property
    def weights_sha256(self) -> str:
        """The hash of the rule: of its symbolic circuit, and that it is one to be repeated."""
        return hashlib.sha256(f"doubling {self.symbolic.weights_sha256}".encode()).hexdigest()

    def at(self, T: int) -> Circuit:
        """The member for words of up to T positions. Raises NopeproofError for T below T_min."""
        blocks: list[Block] = []
        for j in range(bits_for(T) if isinstance(T, int) and self.T_min <= T else 0, -1, -1):
            for b in self.symbolic.blocks[:2]:
                units = [u.at({"c": Fraction(2) ** j}) for u in (b.mlp.units if b.mlp else ())]
                blocks.append(replace(b, heads=() if blocks else b.heads, mlp=b.mlp and replace(b.mlp, units=units)))
        whole = replace(self.symbolic, blocks=[*blocks, *self.symbolic.blocks[2:]])
        return Family(whole, self.T_min).at(T)


def every_T() -> Doubling:
    """The family of division clocks for real numbers: for every T a circuit of O(log T) hidden units."""
    return Doubling(_circuit(REAL, "division"))


def bits_for(T: int) -> int:
    """The J of the clock that serves every t <= T: the least with T < 2^(J+1). Raises NopeproofError for T < 1."""
    if isinstance(T, bool) or not isinstance(T, int) or T < 1:
        raise NopeproofError(f"a clock for T = {T!r}", "not a length", "a whole number T >= 1")
    return T.bit_length() - 1
