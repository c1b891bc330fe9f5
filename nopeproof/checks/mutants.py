"""The mutants of a circuit: one weight at a time made 0, negated, moved by +-1 or +-2^-8, or exchanged with its neighbour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from nopeproof import scalars
from nopeproof.circuit import Circuit, Family, Head, Units
from nopeproof.residual import Vector
from nopeproof.scalars import Scalar

BITS = 8  # the small change is 2^-8


@dataclass(frozen=True)
class Mutant:
    """A subject with one weight changed."""

    subject: Circuit | Family = field(repr=False)
    name: str
    where: str
    change: str


def _vectors(circuit: Circuit) -> Iterator[tuple[str, Vector, Callable[[Any], Circuit]]]:
    """(where, vector, the circuit with another vector there). Heads may then write what was not theirs."""
    e = circuit.embedding
    for token, v in e.tokens.items():
        yield f"W_E {token}", v, lambda new, token=token: replace(circuit, embedding=replace(e, tokens={**e.tokens, token: new}))  # type: ignore[misc]
    if e.other is not None:
        yield "W_E of other tokens", e.other, lambda new: replace(circuit, embedding=replace(e, other=new))  # type: ignore[misc]
    for b, block in enumerate(circuit.blocks):
        for h, head in enumerate(block.heads):
            for m in ("W_Q", "W_K", "W_V", "W_O") if isinstance(head, Head) else ():
                for n, v in enumerate(getattr(head, m)):
                    put = lambda new, b=b, h=h, m=m, n=n: _head(circuit, b, h, m, _put(getattr(circuit.blocks[b].heads[h], m), n, new))  # noqa: E731
                    yield f"block {b + 1}, head {h + 1}, {m}[{n}]", v, put
        for u, unit in enumerate(block.mlp.units if block.mlp else ()):
            for part in ("read", "write"):
                put = lambda new, b=b, u=u, part=part: _unit(circuit, b, u, part, new)  # noqa: E731
                yield f"block {b + 1}, unit {u + 1}, {part}", getattr(unit, part), put
        if block.mlp:
            put = lambda new, b=b, mlp=block.mlp: _block(circuit, b, mlp=replace(mlp, b_2=new))  # noqa: E731
            yield f"block {b + 1}, b_2", block.mlp.b_2, put  # type: ignore[misc]
    for token, v in (circuit.unembedding or {}).items():
        yield f"W_U {token}", v, lambda new, token=token: replace(circuit, unembedding={**(circuit.unembedding or {}), token: new})  # type: ignore[misc]


def _scalars(circuit: Circuit) -> Iterator[tuple[str, str, list[str], Callable[[Any], Circuit]]]:
    """(where, value, other values, the circuit with another): what is no entry of a vector."""
    for b, block in enumerate(circuit.blocks):
        for h, head in enumerate(block.heads):
            if isinstance(head, Head):
                other = "1" if head.scale != "1" else "1/sqrt(d_head)"
                yield f"block {b + 1}, head {h + 1}, scale", head.scale, [other], lambda new, b=b, h=h: _head(circuit, b, h, "scale", new)
        for u, unit in enumerate(block.mlp.units if block.mlp else ()):
            at = f"block {b + 1}, unit {u + 1}"
            values = [scalars.spell(x) for x, _ in _changes(unit.bias, zero=True)]  # type: ignore[arg-type]
            yield f"{at}, bias", scalars.spell(unit.bias), values, lambda new, b=b, u=u: _unit(circuit, b, u, "bias", new)  # type: ignore[arg-type]
            if isinstance(unit, Units):
                top, _, floor = unit.last.partition("//")
                tail = f" // {floor.strip()}" if floor else ""
                lasts = [f"({top.strip()} {step}){tail}" for step in (f"+ {int(floor or 1)}", f"- {int(floor or 1)}", "+ 1", "- 1")]
                yield f"{at}, last", unit.last, list(dict.fromkeys([*lasts, "0"])), lambda new, b=b, u=u: _unit(circuit, b, u, "last", new)
                firsts = [str(int(unit.first) + step) for step in (1, -1, 2)]
                yield f"{at}, first", unit.first, firsts, lambda new, b=b, u=u: _unit(circuit, b, u, "first", new)


def _put(items: Sequence, n: int, new: Any) -> list:
    return [*items[:n], new, *items[n + 1 :]]


def _block(circuit: Circuit, b: int, **changes: Any) -> Circuit:
    return replace(circuit, blocks=_put(circuit.blocks, b, replace(circuit.blocks[b], shared=list(circuit.residual), **changes)))


def _head(circuit: Circuit, b: int, h: int, part: str, new: Any) -> Circuit:
    heads = circuit.blocks[b].heads
    return _block(circuit, b, heads=_put(heads, h, replace(heads[h], **{part: new})))  # type: ignore[type-var]


def _unit(circuit: Circuit, b: int, u: int, part: str, new: Any) -> Circuit:
    mlp: Any = circuit.blocks[b].mlp
    return _block(circuit, b, mlp=replace(mlp, units=_put(mlp.units, u, replace(mlp.units[u], **{part: new}))))


def _changes(x: Scalar, zero: bool = False) -> list[tuple[Scalar, str]]:
    """Other values for a weight: 0, -x, x +- 1, x +- 2^-p; for a weight that is 0 only +-1."""
    steps = [Fraction(1), Fraction(-1)] + ([] if x == 0 and not zero else [Fraction(1, 2**BITS), Fraction(-1, 2**BITS)])
    new = [scalars.add(x, s) for s in steps]
    if x != 0:
        new += [Fraction(0), scalars.multiply(x, Fraction(-1))]
    return [(y, f"{scalars.spell(x)} -> {scalars.spell(y)}") for y in dict.fromkeys(new) if y != x]


def mutants(subject: Circuit | Family) -> tuple[list[Mutant], list[Mutant]]:
    """(mutants of weights that are not 0, or exchanged with a neighbour; mutants of zeros), in the order of the stack."""
    circuit = subject.symbolic if isinstance(subject, Family) else subject
    wrap = lambda c: replace(subject, symbolic=c) if isinstance(subject, Family) else c  # noqa: E731
    some, zeros = [], []
    for where, v, put in _vectors(circuit):
        have, R = dict(v.entries), circuit.residual
        for i in range(R.d_model):
            x = have.get(i, Fraction(0))
            for y, change in _changes(x):
                new = Vector.of(R, {**have, i: y})
                (zeros if x == 0 else some).append(Mutant(wrap(put(new)), subject.name, f"{where} at {R.label(i)}", change))
            y = have.get(i + 1, Fraction(0))
            if i + 1 < R.d_model and x != y:
                new = Vector.of(R, {**have, i: y, i + 1: x})
                some.append(Mutant(wrap(put(new)), subject.name, f"{where} at {R.label(i)}", f"exchanged with {R.label(i + 1)}"))
    for where, value, others, change in _scalars(circuit):
        some += [Mutant(wrap(change(x)), subject.name, where, f"{value} -> {x}") for x in others]
    return some, zeros
