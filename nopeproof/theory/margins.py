"""How much noise a clock bears before it rounds to a wrong position: exact margins, read off the circuit's own weights.

A one-layer ReLU read-out is piecewise linear in its input, and, at a fixed input, in the size of a perturbation of its weights.
So the first place where it leaves (t - 1/2, t + 1/2) is found exactly, piece by piece; nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from nopeproof.circuit import Block, Circuit
from nopeproof.errors import NopeproofError
from nopeproof.residual import Vector

HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Ramp:
    """write * relu(slope * x + bias)."""

    slope: Fraction
    bias: Fraction
    write: Fraction


@dataclass(frozen=True)
class Piecewise:
    """g(x) = slope * x + bias + a sum of ramps."""

    slope: Fraction
    bias: Fraction
    ramps: tuple[Ramp, ...]

    def __call__(self, x: Fraction) -> Fraction:
        """The value at x."""
        return self.slope * x + self.bias + sum((r.write * max(r.slope * x + r.bias, Fraction(0)) for r in self.ramps), Fraction(0))

    def leaves(self, start: Fraction, centre: Fraction, rising: bool) -> Fraction | None:
        """The first x from `start` on, upwards or downwards, with |g(x) - centre| = 1/2; None if there is none.

        Raises NopeproofError if g is not within 1/2 at the start.
        """
        if not abs(self(start) - centre) < HALF:
            raise NopeproofError(
                f"a margin around {centre}", f"the read-out is {self(start)} there", "a read-out that is right without noise"
            )
        knots = {-r.bias / r.slope for r in self.ramps if r.slope}
        ahead = sorted(k for k in knots if k > start) if rising else sorted((k for k in knots if k < start), reverse=True)
        here, step = start, Fraction(1 if rising else -1)
        for knot in [*ahead, None]:
            end = here + step if knot is None else knot
            climb = (self(end) - self(here)) / (end - here)
            hits = [here + (centre + side - self(here)) / climb for side in (HALF, -HALF)] if climb else []
            inside = [x for x in hits if (x - here) * step >= 0 and (knot is None or (knot - x) * step >= 0)]
            if inside:
                return min(inside, key=lambda x: abs(x - here))
            here = end
        return None


def read_out(circuit: Circuit, block: int, source: int, target: int, given: Mapping[int, Fraction]) -> Piecewise:
    """The residual's coordinate `target` behind an FFN as a function of coordinate `source` before it, the others as `given`.

    Raises NopeproofError unless the weights are rational and the activation is ReLU without a norm.
    """
    ffn = _plain(circuit, block)
    ramps = []
    for unit in ffn.mlp.units:  # type: ignore[union-attr]
        read, write = (_rational(v) for v in (unit.read, unit.write))
        bias = Fraction(unit.bias) + sum((w * given.get(i, Fraction(0)) for i, w in read.items() if i != source), Fraction(0))  # type: ignore[arg-type]
        ramps.append(Ramp(read.get(source, Fraction(0)), bias, write.get(target, Fraction(0))))
    slope, bias = (Fraction(1), Fraction(0)) if source == target else (Fraction(0), given.get(target, Fraction(0)))
    return Piecewise(slope, bias + _output_bias(ffn, target), tuple(ramps))


def input_interval(g: Piecewise, t: int) -> tuple[Fraction, Fraction]:
    """The open interval around x = 1/t on which g rounds to t; 0 and 2 where nothing stops it before."""
    x = Fraction(1, t)
    low, high = (g.leaves(x, Fraction(t), rising) for rising in (False, True))
    return Fraction(0) if low is None else low, Fraction(2) if high is None else high


def input_margin(g: Piecewise, T: int) -> Fraction:
    """The largest e such that g((1 + d)/t) rounds to t for every |d| < e and t <= T."""
    return min(min(1 - t * low, t * high - 1) for t in range(1, T + 1) for low, high in [input_interval(g, t)])


def logit_margin(g: Piecewise, T: int) -> Fraction:
    """The largest b such that noise |d_i| < ln(b)/2 on the scores of a uniform head leaves every t <= T decoded.

    The weight of BOS is monotone in each score, so its worst values are 1/(1 + (t - 1) c), c = e^(2d) or e^(-2d).
    """
    found = []
    for t in range(2, T + 1):
        low, high = input_interval(g, t)
        if low > 0:
            found.append((1 / low - 1) / (t - 1))
        if high < 1:
            found.append((t - 1) / (1 / high - 1))
    return min(found)


def weight_margin(circuit: Circuit, block: int, source: int, target: int, given: Mapping[int, Fraction], T: int) -> Fraction:
    """The largest e such that relative errors below e in the entries of W_1, each its own, leave every t <= T decoded; biases have none."""
    ffn, found = _plain(circuit, block), []
    for t in range(1, T + 1):
        at = {**given, source: Fraction(1, t)}
        for sign in (1, -1):
            ramps = []
            for unit in ffn.mlp.units:  # type: ignore[union-attr]
                terms = [w * at.get(i, Fraction(0)) for i, w in _rational(unit.read).items()]
                write = _rational(unit.write).get(target, Fraction(0))
                spread = sum((abs(x) for x in terms), Fraction(0)) * sign * (1 if write > 0 else -1)
                ramps.append(Ramp(spread, sum(terms, Fraction(unit.bias)), write))  # type: ignore[arg-type]
            g = Piecewise(Fraction(0), at.get(target, Fraction(0)) + _output_bias(ffn, target), tuple(ramps))
            worst = g.leaves(Fraction(0), Fraction(t), True)
            found += [] if worst is None else [worst]
    return min(found)


def write_margin(g: Piecewise, T: int) -> Fraction:
    """The largest e such that relative errors below e in the entries of W_2, each its own, leave every t <= T decoded."""
    sizes = [sum((abs(r.write) * max(r.slope / t + r.bias, Fraction(0)) for r in g.ramps), Fraction(0)) for t in range(1, T + 1)]
    return HALF / max(sizes)


def _plain(circuit: Circuit, block: int) -> Block:
    found = circuit.blocks[block - 1]
    if found.mlp is None or found.norm_ffn or found.mlp.activation != "relu" or not circuit.concrete:
        raise NopeproofError(f"the margins of block {block}", "no concrete ReLU FFN without a norm", "a member of a family: family.at(T)")
    return found


def _output_bias(ffn: Block, target: int) -> Fraction:
    return _rational(ffn.mlp.b_2).get(target, Fraction(0))  # type: ignore[union-attr]


def _rational(v: object) -> dict[int, Fraction]:
    entries: Sequence[tuple[int, object]] = v.entries if isinstance(v, Vector) else ()
    if any(not isinstance(x, Fraction) for _, x in entries):
        raise NopeproofError("the margins of an FFN", "weights that are not rational", "rational weights")
    return dict(entries)  # type: ignore[arg-type]
