"""The mutants of a circuit: one weight at a time made 0, negated, moved by +-1 or +-2^-8, or exchanged with its neighbour.

There may be very many, most of them of weights that are 0, so a mutant is a name until somebody makes it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from typing import Any

from nopeproof import scalars
from nopeproof.circuit import MLP, Circuit, Family, Head, Units
from nopeproof.residual import Vector
from nopeproof.scalars import Scalar
from nopeproof.strategies import places

BITS = 8  # the small change is 2^-8
STEPS = (Fraction(1), Fraction(-1), Fraction(1, 2**BITS), Fraction(-1, 2**BITS))
Put = Callable[[Any], Circuit]


@dataclass(frozen=True)
class Mutant:
    """A subject with one weight changed; `make` gives the circuit."""

    original: Circuit | Family = field(repr=False)
    where: str
    change: str
    make: Callable[[], Circuit] = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The subject's name."""
        return self.original.name

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the other mutants of a construction."""
        return self.name, self.where, self.change

    @property
    def subject(self) -> Circuit | Family:
        """The circuit or family with that weight changed."""
        return replace(self.original, symbolic=self.make()) if isinstance(self.original, Family) else self.make()


def mutants(subject: Circuit | Family) -> tuple[list[Mutant], Sequence[Mutant]]:
    """(mutants of weights that are not 0, or exchanged with a neighbour, and of settings; mutants of zeros), in the order of the stack."""
    circuit = subject.symbolic if isinstance(subject, Family) else subject
    label, some, zeros = circuit.residual.label, [], Zeros(subject)
    for where, v, put in places(circuit):
        if not isinstance(v, Vector):
            some += [Mutant(subject, where, change, partial(put, y)) for y, change in _changes(v)]
            continue
        have = dict(v.entries)
        zeros.add(where, v, put)
        for n, weight in v.entries:
            some += [Mutant(subject, f"{where} at {label(n)}", how, partial(_entry, put, v, {n: z})) for z, how in _changes(weight)]
        beside = {j for n in have for j in (n - 1, n) if 0 <= j < circuit.d_model - 1}
        for i in sorted(beside):
            x, y = have.get(i, Fraction(0)), have.get(i + 1, Fraction(0))
            if x != y:
                how = f"exchanged with {label(i + 1)}"
                some.append(Mutant(subject, f"{where} at {label(i)}", how, partial(_entry, put, v, {i: y, i + 1: x})))
    for where, value, others, put in _settings(circuit):
        some += [Mutant(subject, where, f"{value} -> {x}", partial(put, x)) for x in others]
    return some, zeros


class Zeros(Sequence[Mutant]):
    """The mutants of weights that are 0, made when they are asked for."""

    def __init__(self, subject: Circuit | Family) -> None:
        self.subject = subject
        self.circuit = subject.symbolic if isinstance(subject, Family) else subject
        self.parts: list[tuple[str, Vector, Put]] = []
        self.ends: list[int] = []

    def add(self, where: str, v: Vector, put: Put) -> None:
        """The zeros of one more vector."""
        self.parts.append((where, v, put))
        self.ends.append(len(self) + (self.circuit.d_model - len(v.entries)) * len(STEPS))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, n: Any) -> Any:
        if not 0 <= n < len(self):
            raise IndexError(n)
        k = bisect_right(self.ends, n)
        (where, v, put), rest = self.parts[k], n - (self.ends[k - 1] if k else 0)
        i = [i for i in range(self.circuit.d_model) if i not in v.indices][rest // len(STEPS)]
        new = STEPS[rest % len(STEPS)]
        return Mutant(self.subject, f"{where} at {self.circuit.residual.label(i)}", f"0 -> {new}", partial(_entry, put, v, {i: new}))


def _entry(put: Put, v: Vector, new: dict[int, Scalar]) -> Circuit:
    return put(Vector.of(v.residual, {**dict(v.entries), **new}))


def _changes(x: Scalar) -> list[tuple[Scalar, str]]:
    """Other values for a weight: 0, -x, x +- 1, x +- 2^-p."""
    new = [*(scalars.add(x, s) for s in STEPS), Fraction(0), scalars.multiply(x, Fraction(-1))]
    return [(y, f"{scalars.spell(x)} -> {scalars.spell(y)}") for y in dict.fromkeys(new) if y != x]


def _settings(circuit: Circuit) -> Iterator[tuple[str, str, list[str], Put]]:
    """(where, value, other values, the circuit with another), for what is no number: a score scale, the range of a family's units."""
    for b, block in enumerate(circuit.blocks):
        for h, head in enumerate(block.heads):
            if isinstance(head, Head):
                other = "1" if head.scale != "1" else "1/sqrt(d_head)"
                yield f"block {b + 1}, head {h + 1} {head.name!r}, scale", head.scale, [other], partial(_scale, circuit, b, h)
        for u, unit in enumerate(block.mlp.units if block.mlp else ()):
            at = f"block {b + 1}, FFN unit {u + 1}"
            if isinstance(unit, Units):
                yield f"{at}, last", unit.last, _lasts(unit.last), partial(_range, circuit, b, u, "last")
                firsts = [str(int(unit.first) + step) for step in (1, -1, 2)]
                yield f"{at}, first", unit.first, firsts, partial(_range, circuit, b, u, "first")


def _lasts(last: str) -> list[str]:
    top, _, floor = last.partition("//")
    tail = f" // {floor.strip()}" if floor else ""
    steps = (f"+ {int(floor or 1)}", f"- {int(floor or 1)}", "+ 1", "- 1")
    return list(dict.fromkeys([*(f"({top.strip()} {step}){tail}" for step in steps), "0"]))


def _scale(circuit: Circuit, b: int, h: int, new: Any) -> Circuit:
    return _block(circuit, b, heads=_put(circuit.blocks[b].heads, h, scale=new))


def _range(circuit: Circuit, b: int, u: int, part: str, new: str) -> Circuit:
    mlp = circuit.blocks[b].mlp
    assert isinstance(mlp, MLP)
    return _block(circuit, b, mlp=replace(mlp, units=_put(mlp.units, u, **{part: new})))


def _put(items: Sequence, n: int, **changes: Any) -> list:
    return [*items[:n], replace(items[n], **changes), *items[n + 1 :]]


def _block(circuit: Circuit, b: int, **changes: Any) -> Circuit:
    blocks = list(circuit.blocks)
    blocks[b] = replace(blocks[b], shared=list(circuit.residual), **changes)
    return replace(circuit, blocks=blocks)
