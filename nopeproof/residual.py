"""Named subspaces of the residual stream, and sparse vectors over them: a direction is a name, not an index.

R = Residual(one=1, bos=1, recip=1, content=4)
R.recip - 2 * R.content[1]          a vector in the stream, or a linear functional on it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from nopeproof import scalars
from nopeproof.errors import NopeproofError
from nopeproof.scalars import Scalar, ScalarLike


class _Linear:
    """Arithmetic shared by subspaces of width 1 and vectors. `vector` is what they stand for."""

    vector: Vector

    def __add__(self, other: Any) -> Vector:
        a, b = self.vector, as_vector(other, self.vector.residual)
        if a.residual is not b.residual and a.residual != b.residual:
            raise NopeproofError("a sum of two vectors", "they live in different residual streams", "one Residual for one circuit")
        entries = dict(a.entries)
        for index, x in b.entries:
            entries[index] = scalars.add(entries.get(index, Fraction(0)), x)
        return Vector.of(a.residual, entries)

    __radd__ = __add__

    def __mul__(self, factor: ScalarLike) -> Vector:
        c = scalars.scalar(factor, "a factor")
        return Vector.of(self.vector.residual, {i: scalars.multiply(x, c) for i, x in self.vector.entries})

    __rmul__ = __mul__

    def __neg__(self) -> Vector:
        return self * -1

    def __sub__(self, other: Any) -> Vector:
        return self + -as_vector(other, self.vector.residual)

    def __rsub__(self, other: Any) -> Vector:
        return as_vector(other, self.vector.residual) - self


@dataclass(frozen=True)
class Subspace(_Linear):
    """A named block of coordinates, `width` of them from `start` on."""

    name: str
    start: int
    width: int
    residual: Residual = field(repr=False, compare=False)

    @property
    def indices(self) -> range:
        """The coordinates it covers."""
        return range(self.start, self.start + self.width)

    @property
    def vector(self) -> Vector:  # type: ignore[override]
        """The unit vector, for a subspace of width 1."""
        if self.width != 1:
            raise NopeproofError(f"{self.name} as a direction", f"a subspace of width {self.width}", f"one coordinate: {self.name}[0]")
        return self[0]

    def __getitem__(self, k: int) -> Vector:
        if not -self.width <= k < self.width:
            raise NopeproofError(f"{self.name}[{k}]", f"a subspace of width {self.width}", f"0 to {self.width - 1}")
        return Vector.of(self.residual, {self.start + k % self.width: Fraction(1)})

    def __len__(self) -> int:
        return self.width

    def __iter__(self) -> Iterator[Vector]:
        return (self[k] for k in range(self.width))

    def free(self, name: str) -> Vector:
        """A vector of free symbols name0, name1, ... in this subspace: whatever stands there."""
        return Vector.of(self.residual, {i: scalars.scalar(f"{name}{k}") for k, i in enumerate(self.indices)})


@dataclass(frozen=True)
class Vector(_Linear):
    """A sparse exact vector, or linear functional, on the residual stream: ((coordinate, scalar), ...) by coordinate."""

    residual: Residual = field(repr=False)
    entries: tuple[tuple[int, Scalar], ...]

    @classmethod
    def of(cls, residual: Residual, entries: Mapping[int, Scalar]) -> Vector:
        """Drop zeros and sort."""
        return cls(residual, tuple(sorted((i, x) for i, x in entries.items() if x != 0)))

    @property
    def vector(self) -> Vector:  # type: ignore[override]
        """Itself."""
        return self

    @property
    def indices(self) -> tuple[int, ...]:
        """The coordinates that are not zero."""
        return tuple(i for i, _ in self.entries)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The free symbols of all entries."""
        return frozenset().union(*(scalars.symbols(x) for _, x in self.entries))

    def substitute(self, values: Mapping[str, Scalar]) -> Vector:
        """Put numbers for free symbols."""
        if all(isinstance(x, Fraction) for _, x in self.entries):
            return self
        return Vector.of(self.residual, {i: scalars.substitute(x, values) for i, x in self.entries})

    def __str__(self) -> str:
        parts = [f"{self.residual.label(i)}" if x == 1 else f"({scalars.spell(x)})*{self.residual.label(i)}" for i, x in self.entries]
        return " + ".join(parts) or "0"


class Residual:
    """The stream h in R^d_model as named subspaces in order: Residual(one=1, content=4). Raises on bad names or widths."""

    def __init__(self, **widths: int) -> None:
        if not widths:
            raise NopeproofError("a residual stream", "no subspace", "Residual(one=1, content=4)")
        self._subspaces: dict[str, Subspace] = {}
        start = 0
        for name, width in widths.items():
            if isinstance(width, bool) or not isinstance(width, int) or width < 1:
                raise NopeproofError(f"the subspace {name}", f"width {width!r}", "a whole number of at least 1")
            if name in ("d_model", "label", "zero", "names") or name.startswith("_"):
                raise NopeproofError(f"the subspace {name}", "a name the stream itself uses", "another name")
            self._subspaces[name] = Subspace(name, start, width, self)
            start += width
        self.d_model = start

    def __getattr__(self, name: str) -> Subspace:
        try:
            return self.__dict__["_subspaces"][name]
        except KeyError:
            if name.startswith("__"):
                raise AttributeError(name) from None
            have = ", ".join(self.__dict__.get("_subspaces", {}))
            raise NopeproofError(f"the subspace {name!r}", f"the stream has {have}", "one of these, or add it to Residual(...)") from None

    def __getitem__(self, name: str) -> Subspace:
        return getattr(self, name)

    def __iter__(self) -> Iterator[Subspace]:
        return iter(self._subspaces.values())

    def __contains__(self, name: str) -> bool:
        return name in self._subspaces

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Residual) and self.widths == other.widths)

    def __hash__(self) -> int:
        return hash(tuple(self.widths.items()))

    def __repr__(self) -> str:
        return "Residual(" + ", ".join(f"{n}={w}" for n, w in self.widths.items()) + ")"

    @property
    def widths(self) -> dict[str, int]:
        """{name: width} in order."""
        return {s.name: s.width for s in self}

    @property
    def zero(self) -> Vector:
        """The zero vector."""
        return Vector.of(self, {})

    def label(self, index: int) -> str:
        """The name of one coordinate: recip, or content[2]."""
        s = next(s for s in self if index in s.indices)
        return s.name if s.width == 1 else f"{s.name}[{index - s.start}]"


def as_vector(x: Any, residual: Residual, where: str = "a vector") -> Vector:
    """A Vector from a Vector, a width-1 subspace or 0. Raises NopeproofError for anything else or another stream."""
    if isinstance(x, int) and x == 0:
        return residual.zero
    if not isinstance(x, Subspace | Vector):
        raise NopeproofError(where, f"{x!r}", "a combination of directions such as R.one - 2 * R.pos, or 0")
    if x.residual != residual:
        raise NopeproofError(where, f"a vector of {x.residual!r}", f"one of {residual!r}")
    return x.vector
