"""Read a statement off a run: the first place where it fails, as a witness anyone can replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from nopeproof import algebra
from nopeproof.circuit import Block, Circuit, Opaque
from nopeproof.claims import Attends, Equals, Fails, Holds, SameAttention, ScoreIs, Shown, Site, Statement, Unchanged, Within
from nopeproof.errors import NopeproofError
from nopeproof.run.exact import ExpNumber
from nopeproof.run.trace import Trace

Witness = dict[str, Any]


@lru_cache(maxsize=1 << 14)
def value_of(text: str, **names: int) -> Any:
    """A claim's expression at given t, i, T: an exact number. Raises NopeproofError where it has none: it divides by zero."""
    try:
        ratio = algebra.read_expression(text).substitute({n: algebra.number(v) for n, v in names.items()})
    except algebra.NotExact as bad:
        where = ", ".join(f"{n} = {v}" for n, v in names.items())
        raise NopeproofError(f"the value {text!r} at {where}", str(bad), "an expression that has a value at every position") from None
    return ExpNumber(ratio).reduced()


def rational(text: str, **names: int) -> Fraction:
    """A claim's expression at given t, T, where that is a rational number. Raises NopeproofError where it is not, or has no value."""
    found = value_of(text, **names)
    if not isinstance(found, int | Fraction):
        raise NopeproofError(f"a bound on {text!r}", "a number that is not rational", "a rational one")
    return Fraction(found)


def exact_number(x: Any) -> Any:
    """A run's number for comparing: floats are dyadic rationals; an infinity or NaN is None, which equals nothing."""
    if hasattr(x, "item"):
        x = x.item()
    if isinstance(x, float):
        return Fraction(x) if x - x == 0 else None
    return x


def needed_blocks(statement: Statement) -> int:
    """How many blocks a run must have for the statement to be read off it."""
    if isinstance(statement, Fails):
        return needed_blocks(statement.statement)
    if isinstance(statement, Equals):
        return statement.site.block
    return statement.end.block if isinstance(statement, Unchanged) else getattr(statement, "block", 10**9)


def trimmed(circuit: Circuit, statement: Statement) -> Circuit:
    """The part of the circuit the statement depends on: later blocks, and heads and units that feed nothing it reads, are cut.

    Exact, not an approximation: what is cut cannot reach the coordinates in question. Head numbers of the last block stay.
    """
    inner = statement.statement if isinstance(statement, Fails) else statement
    blocks = list(circuit.blocks[: needed_blocks(statement)])
    if isinstance(inner, Holds | Shown):
        return circuit
    if isinstance(inner, ScoreIs | SameAttention | Attends):
        heads = [inner.head, inner.other] if isinstance(inner, SameAttention) else [inner.head]
        last = blocks.pop()
        need = {i for h in heads for v in (*last.heads[h].W_Q, *last.heads[h].W_K) for i in v.indices}  # type: ignore[union-attr]
        need |= set(getattr(inner, "indices", ())) | _everything(circuit, last.norm_attention)
        zero = (circuit.residual.zero,)
        scores_only = [h if isinstance(h, Opaque) else replace(h, W_V=zero, W_O=zero) for h in last.heads]
        kept = [replace(last, heads=scores_only, mlp=None)]
    else:
        need = {inner.index} if isinstance(inner, Equals) else set(inner.indices)
        kept = []
    for block in reversed(blocks):
        block, need = _slice(circuit, block, need)
        kept.insert(0, block)
    return replace(circuit, blocks=kept)


def _everything(circuit: Circuit, norm: object) -> set[int]:
    return set() if norm is None else set(range(circuit.d_model))


def _slice(circuit: Circuit, block: Block, need: set[int]) -> tuple[Block, set[int]]:
    """A block cut down to what feeds the needed coordinates, and the coordinates needed below it."""
    mlp, need = block.mlp, set(need)
    if mlp is not None:
        units = [u for u in mlp.units if need & set(u.write.indices)]  # type: ignore[union-attr]
        need |= {i for u in units for i in u.read.indices}  # type: ignore[union-attr]
        need |= _everything(circuit, block.norm_ffn) if units else set()
        mlp = replace(mlp, units=units) if units or mlp.b_2.indices else None  # type: ignore[union-attr]
    heads = [h for h in block.heads if need & h.writes]
    for h in heads:
        read = range(circuit.d_model) if isinstance(h, Opaque) else (i for m in (h.W_Q, h.W_K, h.W_V) for v in m for i in v.indices)  # type: ignore[union-attr]
        need |= set(read)
    need |= _everything(circuit, block.norm_attention) if heads else set()
    return replace(block, heads=heads, mlp=mlp), need


def violations(statement: Statement, trace: Trace, T: int, seen: dict | None = None) -> Iterator[Witness]:
    """Every place of one trace where the statement fails. T is the family's T; `seen` carries content values between words."""
    if isinstance(statement, Equals):
        yield from _values(statement, trace, T)
    elif isinstance(statement, Unchanged):
        yield from _frame(statement, trace)
    elif isinstance(statement, ScoreIs):
        yield from _scores(statement, trace, {} if seen is None else seen)
    elif isinstance(statement, SameAttention):
        yield from _attention(statement, trace)
    elif isinstance(statement, Attends):
        yield from _attends(statement, trace)
    elif isinstance(statement, Holds) and not statement.of(trace):
        yield {"word": list(trace.word), "expected": statement.says, "found": "not so"}


def _place(trace: Trace, t: int, expected: Any, found: Any, **more: Any) -> Witness:
    return {"word": list(trace.word), "t": t, **more, "expected": _show(expected), "found": _show(found)}


def _show(x: Any) -> str:
    return str(x) if isinstance(x, int | Fraction | str) or x is None else repr(x)


def _values(statement: Equals, trace: Trace, T: int) -> Iterator[Witness]:
    rows, label = trace.at(statement.site), trace.circuit.residual.label(statement.index)
    error = value_of(statement.error) if isinstance(statement, Within) else None
    for t in range(1, trace.T + 1):
        want, have = value_of(statement.value, t=t, T=T), exact_number(rows[t - 1][statement.index])
        if have is None or (have != want if error is None else not abs(have - want) < error):
            within = f" within {statement.error}" if isinstance(statement, Within) else ""
            yield _place(trace, t, f"{want}{within}", have, coordinate=label, site=str(statement.site))


def _frame(statement: Unchanged, trace: Trace) -> Iterator[Witness]:
    before, after = trace.at(statement.start), trace.at(statement.end)
    for t in range(1, trace.T + 1):
        for index in statement.indices:
            old, new = exact_number(before[t - 1][index]), exact_number(after[t - 1][index])
            if old is None or old != new:
                yield _place(trace, t, old, new, coordinate=trace.circuit.residual.label(index), site=str(statement.end))


def _scores(statement: ScoreIs, trace: Trace, seen: dict) -> Iterator[Witness]:
    scores, rows = trace.head(statement.block, statement.head).scores, trace.at(Site(statement.block - 1))
    for t in range(1, trace.T + 1):
        for i in range(1, t + 1):
            score = exact_number(scores[t - 1][i - 1])
            want = value_of(statement.value, t=t, i=i)
            contents = tuple(tuple(exact_number(rows[p - 1][k]) for k in statement.indices) for p in (t, i))
            rest = None if score is None else score - want
            first = seen.setdefault(contents, (rest, trace.word, t, i)) if statement.content else (Fraction(0), None, None, None)
            if rest is None or rest != first[0]:
                more: dict[str, Any] = {"i": i, "block": statement.block, "head": statement.head + 1}
                if first[1] is not None:
                    more["same_contents_in"] = {"word": list(first[1]), "t": first[2], "i": first[3], "content_term": _show(first[0])}
                yield _place(trace, t, want if first[0] == 0 else f"{want} + {_show(first[0])}", score, **more)


def _attention(statement: SameAttention, trace: Trace) -> Iterator[Witness]:
    one, two = (trace.head(statement.block, h).scores for h in (statement.head, statement.other))
    for t in range(1, trace.T + 1):
        seen = [i for i in range(t) if one[t - 1][i] is not None]
        gaps = {i + 1: exact_number(one[t - 1][i]) - exact_number(two[t - 1][i]) for i in seen}
        for i, gap in gaps.items():
            first = next(iter(gaps))
            if gap != gaps[first]:
                yield _place(trace, t, f"score difference {_show(gaps[first])}, as at i = {first}", gap, i=i, block=statement.block)


def _attends(statement: Attends, trace: Trace) -> Iterator[Witness]:
    weights, least = trace.head(statement.block, statement.head).weights, value_of(statement.least)
    for t in range(statement.offset + 1, trace.T + 1):
        i = t - statement.offset
        have = exact_number(weights[t - 1][i - 1])
        if have is None or not least - have < 0:  # as balls compare: only what is surely not so is a violation
            yield _place(trace, t, f"more than {least}", have, i=i, block=statement.block, head=statement.head + 1)
