"""Float certificates of sink clocks: the head is read off the circuit, and theory.sink bounds every run of it."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from nopeproof import scalars
from nopeproof.checks.certify import Length, Unreadable, shrunk, within_range
from nopeproof.checks.evaluate import rational, value_of
from nopeproof.checks.probe import Facts, facts
from nopeproof.circuit import Circuit, Head
from nopeproof.claims import Claim, Within
from nopeproof.theory import sink
from nopeproof.theory.rounding import EXP_ULPS, Arithmetic

LONGEST = 1 << 40


def read(claim: Claim) -> int:
    """The B of a sink clock that the claim is about, from the weights themselves. Raises Unreadable for anything else."""
    s, circuit = claim.statement, claim.subject
    if type(s) is not Within or not isinstance(circuit, Circuit) or s.site.block != 1 or claim.scope.words != "bos-first":
        raise Unreadable("not a circuit's claim, one BOS in front, about its first block")
    block = circuit.blocks[0]
    plain = circuit.mask == "causal" and circuit.positions.kind == "none" and not block.norm_attention and circuit.bos is not None
    heads = [h for h in block.heads if s.index in h.writes]
    if not plain or len(heads) != 1 or not isinstance(heads[0], Head) or heads[0].d_head != 1 or len(heads[0].W_V) != 1:
        raise Unreadable("not one plain head of one row")
    if s.site.after == "ffn" and block.mlp and s.index in block.mlp.writes:
        raise Unreadable("an FFN writes there too")
    if [value_of(s.value, t=t, T=9) for t in (1, 2, 5)] != [0, 1, 4] or s.value.replace(" ", "") != "t-1":
        raise Unreadable("the value claimed is not t - 1")
    return _sink(circuit, heads[0], s.index)


def _sink(circuit: Circuit, head: Head, index: int) -> int:
    vectors: dict[Any, Any] = dict(circuit.embedding.tokens)
    if circuit.embedding.other is not None:
        vectors[None] = circuit.embedding.other
    q, k, v = ({t: _product(row, e) for t, e in vectors.items()} for row in (head.W_Q[0], head.W_K[0], head.W_V[0]))
    found = re.fullmatch(r"ln\(([0-9]+)\)", str(k[circuit.bos]))
    bos = {t: t == circuit.bos for t in vectors}
    alike = all(q[t] == 1 and v[t] == (not b) and (b or k[t] == 0) and not dict(vectors[t].entries).get(index) for t, b in bos.items())
    if not found or not alike or head.scale != "1":
        raise Unreadable("scores other than ln B on BOS and 0 elsewhere, or values other than 0 and 1")
    B = int(found[1])
    if dict(head.W_O[0].entries) != {index: Fraction(B)} or B & (B - 1):  # type: ignore[union-attr]
        raise Unreadable("an output gain other than B, or a B that some format rounds")
    return B


def _product(row: Any, e: Any) -> scalars.Scalar:
    """<row, e> where floats make no more of it than storing one number does: one product by 1 or -1, or sums of such numbers alone."""
    held, units = dict(e.entries), (Fraction(1), Fraction(-1))
    terms = [(x, held[i]) for i, x in row.entries if i in held]
    if any((x in units) + (y in units) < min(len(terms), 2) for x, y in terms):
        raise Unreadable("a product or a sum of numbers other than 1 and -1, which a format may round")
    out: scalars.Scalar = Fraction(0)
    for x, y in terms:
        out = scalars.add(out, scalars.multiply(x, y))
    return out


def sink_length(claim: Claim, declared: Arithmetic, platform: Facts | None = None) -> Length:
    """The largest T up to which the bound stays within the error claimed, and the claim's own scope. Raises Unreadable."""
    B = read(claim)
    platform = facts(declared) if platform is None else platform
    how = platform.shrink(declared)
    if how is None or how.route == "streaming":
        return Length(0, Fraction(0), declared, platform, "a probe of the platform failed: " + "; ".join(platform.failed))
    tolerance = rational(claim.statement.error)  # type: ignore[union-attr]
    end = claim.scope.t_max if isinstance(claim.scope.t_max, int) else LONGEST
    low, high = 0, end + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sink.error(B, how, middle) < tolerance else (low, middle)
    reason = "; ".join(x for x in (shrunk(declared, how, platform), f"exp within {EXP_ULPS} roundoffs of {how.accumulator}") if x)
    low, reason = within_range(claim, low, how, reason)
    return Length(low, sink.error(B, how, max(low, 1)), how, platform, reason, end == low)
