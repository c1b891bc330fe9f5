"""The parts of a block as frozen data: norms, heads, hidden units, FFNs, and the block itself.

The formulas and conventions are those of nopeproof.circuit, which re-exports everything here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from nopeproof import scalars
from nopeproof.errors import NopeproofError, expect
from nopeproof.residual import Residual, Subspace, Vector, as_vector
from nopeproof.scalars import Scalar, ScalarLike

Activation = Literal["relu", "gelu"]
VectorLike = Vector | Subspace | Literal[0]


def choice(value: str, options: Sequence[str], where: str) -> None:
    """Raise NopeproofError unless the value is one of the options."""
    if value not in options:
        raise NopeproofError(where, repr(value), "one of " + ", ".join(map(repr, options)))


def _residual_of(*groups: Sequence[Any], where: str) -> Residual:
    for x in (x for g in groups for x in g):
        if isinstance(x, Subspace | Vector):
            return x.residual
    raise NopeproofError(where, "no vector at all", "write at least one direction of the residual stream")


@dataclass(frozen=True)
class Norm:
    """A norm in front of a sub-layer: LayerNorm or RMSNorm with unit gain; epsilon is added to the (centred) mean square."""

    kind: Literal["layernorm", "rmsnorm"]
    epsilon: ScalarLike = 0

    def __post_init__(self) -> None:
        choice(self.kind, ("layernorm", "rmsnorm"), "a norm's kind")
        epsilon = scalars.scalar(self.epsilon, "a norm's epsilon")
        if scalars.symbols(epsilon) or (isinstance(epsilon, Fraction) and epsilon < 0):
            raise NopeproofError("a norm's epsilon", str(self.epsilon), "a number of at least 0")
        object.__setattr__(self, "epsilon", epsilon)

    def as_json(self) -> dict:
        """Plain data."""
        return {"kind": self.kind, "epsilon": scalars.spell(self.epsilon)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class Head:
    """One attention head. W_Q, W_K, W_V: rows, functionals on the stream; W_O: columns, vectors in it. scale as named.

    W_Q and W_K have d_head rows; W_V has as many rows as W_O has columns. Raises NopeproofError if they do not.
    """

    W_Q: Sequence[VectorLike]
    W_K: Sequence[VectorLike]
    W_V: Sequence[VectorLike]
    W_O: Sequence[VectorLike]
    scale: Literal["1", "1/sqrt(d_head)"] = "1"
    name: str = "head"

    def __post_init__(self) -> None:
        where = f"the head {self.name!r}"
        residual = _residual_of(self.W_Q, self.W_K, self.W_V, self.W_O, where=where)
        for matrix in ("W_Q", "W_K", "W_V", "W_O"):
            rows = tuple(as_vector(x, residual, f"{where}, {matrix}") for x in getattr(self, matrix))
            object.__setattr__(self, matrix, rows)
        for one, two in (("W_Q", "W_K"), ("W_V", "W_O")):
            n, m = len(getattr(self, one)), len(getattr(self, two))
            if n != m:
                raise NopeproofError(f"{where}", f"{one} has {n} rows, {two} has {m}", "the same number (0 makes a zero row)")
            if not n:
                raise NopeproofError(where, f"{one} and {two} without rows", "at least one (0 makes a zero row)")
        choice(self.scale, ("1", "1/sqrt(d_head)"), f"{where}, its score scale")

    @property
    def d_head(self) -> int:
        """Rows of W_Q."""
        return len(self.W_Q)

    @property
    def writes(self) -> frozenset[int]:
        """Coordinates the head can change."""
        return frozenset(i for column in self.W_O for i in column.indices)  # type: ignore[union-attr]

    def vectors(self) -> Iterator[Vector]:
        """Every row and column."""
        for matrix in (self.W_Q, self.W_K, self.W_V, self.W_O):
            yield from matrix  # type: ignore[misc]

    def map(self, f: Callable[[Vector], Vector]) -> Head:
        """The same head with f applied to every row and column."""
        rows = {m: [f(v) for v in getattr(self, m)] for m in ("W_Q", "W_K", "W_V", "W_O")}
        return replace(self, **rows)

    def as_json(self) -> dict:
        """Plain data; names are left out, they change nothing."""
        rows = {m: [sparse(v) for v in getattr(self, m)] for m in ("W_Q", "W_K", "W_V", "W_O")}
        return {**rows, "scale": self.scale}


@dataclass(frozen=True)
class Opaque:
    """Any head, or heads, or whole layers, of which only one thing is assumed: they write nothing outside `writes`."""

    writes_to: Sequence[Subspace]
    name: str = "any"

    def __post_init__(self) -> None:
        if not self.writes_to:
            raise NopeproofError(f"the opaque head {self.name!r}", "no subspace to write to", "Opaque([R.content])")

    @property
    def residual(self) -> Residual:
        """The stream."""
        return self.writes_to[0].residual

    @property
    def writes(self) -> frozenset[int]:
        """Coordinates it may change."""
        return frozenset(i for s in self.writes_to for i in s.indices)

    def vectors(self) -> Iterator[Vector]:
        """None: its weights are not given."""
        return iter(())

    def map(self, f: Callable[[Vector], Vector]) -> Opaque:
        """Itself."""
        return self

    def as_json(self) -> dict:
        """Plain data."""
        return {"opaque": sorted(self.writes)}

    def instance(self, rng: random.Random) -> Head:
        """One concrete member: a uniform head with random rational W_V, W_O (uniform, so that exact runs stay rational)."""
        R, rows = self.residual, 2
        reads = [Vector.of(R, {i: draw(rng) for i in range(R.d_model)}) for _ in range(rows)]
        columns = [Vector.of(R, {i: draw(rng) for i in sorted(self.writes)}) for _ in range(rows)]
        zero: list[VectorLike] = [0] * rows
        return Head(W_Q=zero, W_K=zero, W_V=reads, W_O=columns, name=self.name)


@dataclass(frozen=True)
class Unit:
    """One hidden unit: h += write * sigma(<read, x> + bias). `read` is a column of W_1, `write` of W_2."""

    read: VectorLike
    write: VectorLike
    bias: ScalarLike = 0
    first: None = None
    last: None = None

    def __post_init__(self) -> None:
        residual = _residual_of((self.read, self.write), where="a hidden unit")
        object.__setattr__(self, "read", as_vector(self.read, residual, "a hidden unit's read"))
        object.__setattr__(self, "write", as_vector(self.write, residual, "a hidden unit's write"))
        object.__setattr__(self, "bias", scalars.scalar(self.bias, "a hidden unit's bias"))

    def as_json(self) -> dict:
        """Plain data."""
        first, last = self.first, self.last
        return {"read": sparse(self.read), "write": sparse(self.write), "bias": scalars.spell(self.bias), "first": first, "last": last}  # type: ignore[arg-type]

    def at(self, values: Mapping[str, Scalar]) -> Unit:
        """The concrete unit with numbers for symbols."""
        f = lambda v: v.substitute(values)  # noqa: E731
        return Unit(f(self.read), f(self.write), scalars.substitute(self.bias, values))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Units(Unit):
    """Hidden units k = first, ..., last, their weights polynomials in k; last is "linear in T" or "(linear in T) // n"."""

    first: str = "1"  # type: ignore[assignment]
    last: str = "T"  # type: ignore[assignment]

    def expand(self, values: dict[str, Fraction]) -> list[Unit]:
        """The units at a given T."""
        start, end = (self._count(text, values) for text in (self.first, self.last))
        return [Unit.at(self, {**values, "k": Fraction(k)}) for k in range(start, end + 1)]

    @staticmethod
    def _count(text: str, values: dict[str, Fraction]) -> int:
        top, _, floor = text.partition("//")
        value = scalars.substitute(scalars.scalar(top, "a number of hidden units"), values)
        if not isinstance(value, Fraction) or (floor and not floor.strip().isdigit()):
            raise NopeproofError(f"the number of hidden units {text!r}", "more than T and numbers", "such as T - 1 or T // 2")
        return int(value // int(floor or 1))


@dataclass(frozen=True)
class MLP:
    """The feed-forward sub-layer as a list of hidden units (columns of W_1 with rows of W_2), and an output bias."""

    units: Sequence[Unit]
    activation: Activation = "relu"
    b_2: VectorLike = 0

    def __post_init__(self) -> None:
        choice(self.activation, ("relu", "gelu"), "an FFN's activation")
        residual = _residual_of([u.read for u in self.units], [u.write for u in self.units], [self.b_2], where="an FFN")
        object.__setattr__(self, "units", tuple(self.units))
        object.__setattr__(self, "b_2", as_vector(self.b_2, residual, "an FFN's b_2"))

    @property
    def writes(self) -> frozenset[int]:
        """Coordinates the FFN can change."""
        return frozenset(i for u in self.units for i in u.write.indices) | frozenset(self.b_2.indices)  # type: ignore[union-attr]

    def as_json(self) -> dict:
        """Plain data."""
        return {"activation": self.activation, "b_2": sparse(self.b_2), "units": [u.as_json() for u in self.units]}


@dataclass(frozen=True)
class Block:
    """Attention, then FFN, each with a residual connection. Heads that write one coordinate twice must be declared `shared`."""

    heads: Sequence[Head | Opaque] = ()
    mlp: MLP | None = None
    norm_attention: Norm | None = None
    norm_ffn: Norm | None = None
    shared: Sequence[Subspace] = ()

    def __post_init__(self) -> None:
        expect(self.heads, list | tuple, "the heads of a block", "a list: heads=[Head(...)]")
        for head in self.heads:
            expect(head, Head | Opaque, "a head of a block", "Head(...), or Opaque([...])")
        object.__setattr__(self, "heads", tuple(self.heads))
        shared = {i for s in self.shared for i in s.indices}
        for n, head in enumerate(self.heads):
            for other in self.heads[:n]:
                both = (head.writes & other.writes) - shared
                if both and not (isinstance(head, Opaque) and isinstance(other, Opaque)):
                    label = _residual_of(self._all(), where="a block").label(min(both))
                    raise NopeproofError(
                        f"the heads {other.name!r} and {head.name!r} of one block",
                        f"both write {label}",
                        "write to separate subspaces, or declare Block(shared=[...])",
                    )

    @property
    def kv_heads(self) -> int:
        """How many keys and values a cache holds for one position: different pairs (W_K, W_V). Fewer than heads: grouped queries."""
        return len({(h.W_K, h.W_V) for h in self.heads if isinstance(h, Head)})

    def _all(self) -> list:
        return [v for h in self.heads for v in (list(h.vectors()) or list(getattr(h, "writes_to", ())))]

    def as_json(self) -> dict:
        """Plain data."""
        norm = lambda n: None if n is None else n.as_json()  # noqa: E731
        return {
            "norm_attention": norm(self.norm_attention),
            "norm_ffn": norm(self.norm_ffn),
            "heads": [h.as_json() for h in self.heads],
            "mlp": None if self.mlp is None else self.mlp.as_json(),
        }


def sparse(v: Any) -> dict[str, str]:
    """A vector as plain data, {coordinate: number}."""
    return {str(i): scalars.spell(x) for i, x in v.entries}


def draw(rng: random.Random) -> Scalar:
    """A small rational, not 0, for a part left open."""
    return Fraction(rng.choice([-3, -2, -1, 1, 2, 3]), rng.choice([1, 2, 3]))
