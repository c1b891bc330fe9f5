"""Balanced brackets by two uniform layers, for every word: what the depths are, and that a mean of what is >= 0 is 0 iff each is.

With D(i) the opening less the closing brackets of a kind among the first i, layer 1 must hold d = D/t, and `below` has to be 0
where all D are >= 0, and at least 1/i where one is <= -1. `counting` shows both, place by place, from the weights. Layer 2 must be a
uniform head that adds the mean of `below` to `under`, where 0 stood. Then d = 0 iff D(t) = 0; under = 0 iff below(i) = 0, iff
D(i) >= 0, at every i <= t; d is 0 or at least 1/t in size, D being whole; and under is 0 or at least (1/i)/t >= 1/t^2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nopeproof.claims import Holds, Site
from nopeproof.kernel import Ratio
from nopeproof.theory.algorithms import Number, same, shown_by
from nopeproof.theory.counting import Counting
from nopeproof.theory.places import Place, Undecided


def depths(word: Sequence[str], kind: str) -> list[int]:
    """Opening minus closing brackets of one kind, after each token."""
    return [sum((x == kind[0]) - (x == kind[1]) for x in word[: t + 1]) for t in range(len(word))]


def recognises(says: str, kinds: Sequence[str]) -> Holds:
    """After block 2, d = 0 (one coordinate a kind) and under = 0 at t iff the prefix up to t is balanced in every kind, at every t."""

    def predicate(trace: Any) -> bool:
        rows = [[*d, u] for d, u in _depths(trace)]
        by_kind = [depths(trace.word, kind) for kind in kinds]
        balanced = [all(d[t] == 0 and min(d[: t + 1]) >= 0 for d in by_kind) for t in range(trace.T)]
        return [not any(row) for row in rows] == balanced

    return Holds(says, predicate, shown_by(lambda run: two_layers(run, kinds)))


def margins(says: str, kinds: Sequence[str]) -> Holds:
    """After block 2, at every t, each d is 0 or at least 1/t in size, and under is 0 or at least 1/t^2."""

    def predicate(trace: Any) -> bool:
        rows = enumerate(_depths(trace), 1)
        return all((u == 0 or u * t * t >= 1) and all(x == 0 or abs(x) * t >= 1 for x in d) for t, (d, u) in rows)

    return Holds(says, predicate, shown_by(lambda run: two_layers(run, kinds)))


def _depths(trace: Any) -> Iterator[tuple[list, Any]]:
    """(d, under) at t = 1, 2, ..."""
    R = trace.circuit.residual
    return (([row[n] for n in R["d"].indices], row[R["under"].start]) for row in trace.at(Site(2)))


def two_layers(run: Counting, kinds: Sequence[str]) -> Iterator[str]:
    """The conditions of the docstring. Raises Undecided where one is not shown."""
    R = run.circuit.residual
    if not {"d", "below", "under"} <= {s.name for s in R}:
        raise Undecided("no subspaces d, below and under")
    below, under = R.below.indices[0], R.under.indices[0]
    if len(run.circuit.blocks) != 2 or len(kinds) != len(R.d.indices):
        raise Undecided("not two blocks, or not one depth a kind")
    places, last = run.after(2), run.circuit.blocks[1]
    for place in places:
        holds_depths(place, kinds, list(R.d.indices), below)
        if place.x[under].num:
            raise Undecided("something stands in `under` before layer 2")
        yield f"{place.token}: d = D/t, and `below` is 0 or at least 1/t, as it should"
    heads: Any = last.heads
    if last.mlp is not None or len(heads) != 1 or heads[0].writes & set(R.d.indices):
        raise Undecided("layer 2 is more than one head, or writes the depths")
    asked = [any(run.dot(q, p.x).num for p in places) and any(run.dot(k, p.x).num for p in places) for q, k in _rows(heads[0])]
    column = [run.vector(o).get(under, Ratio(0)) for o in heads[0].W_O]
    if any(asked) or not all(same(p, run.value(heads[0], column, p), p.x[below]) for p in places):
        raise Undecided("layer 2 is not uniform, or does not average `below`")
    yield "layer 2 averages `below` into `under`"


def holds_depths(place: Place, kinds: Sequence[str], d: list[int], below: int) -> None:
    """Raise Undecided unless d = D/t there, and `below` is 0 with all D >= 0, or at least 1/t with one D <= -1."""
    t = Ratio("t")
    D = [Number((kind[0],)).at_place(place) - Number((kind[1],)).at_place(place) for kind in kinds]
    fine = all(same(place, place.x[n], depth / t) for n, depth in zip(d, D, strict=True))
    up = all(place.nonnegative(depth) for depth in D) and same(place, place.x[below], Ratio(0))
    down = any(place.nonnegative(depth * -1 - 1) for depth in D) and place.nonnegative(place.x[below] - Ratio(1) / t)
    if not fine or not (up or down):
        raise Undecided(f"the depths, or what lies below 0, are not shown at {place.token!r}")


def _rows(head: Any) -> list[tuple[Any, Any]]:
    return list(zip(head.W_Q, head.W_K, strict=True))
