"""What every run returns: the residual before and after each sub-layer, and each head's scores, weights and output."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from nopeproof.circuit import Circuit
from nopeproof.claims import LAST, Site
from nopeproof.errors import NopeproofError
from nopeproof.residual import Subspace, Vector
from nopeproof.scalars import Scalar


class Lazy(Mapping):
    """A mapping whose values are made from those of another, each when it is first asked for."""

    def __init__(self, raw: Mapping, make: Callable[[Any], Any]) -> None:
        self.raw, self.make, self.made = raw, make, {}

    def __getitem__(self, key: Any) -> Any:
        if key not in self.made:
            self.made[key] = self.make(self.raw[key])
        return self.made[key]

    def __contains__(self, key: object) -> bool:
        return key in self.raw

    def __iter__(self) -> Iterator:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(frozen=True)
class HeadTrace:
    """One head on one word of T positions. `scores` [T][T] (None where masked) include the scale; `weights` [T][T] sum to 1
    over the visible keys; `output` [T][d_model] is W_O of the average. Scores and weights are None where a route never forms them.
    `made`: the weights, or a function that makes them when they are first asked for.
    """

    scores: Any
    made: Any = field(repr=False)
    output: Any

    @cached_property
    def weights(self) -> Any:
        """The attention weights. An exact run raises NopeproofError here if they are no exact numbers."""
        return self.made() if callable(self.made) else self.made


@dataclass(frozen=True)
class Trace:
    """A run of one circuit on one word. Numbers are of the arithmetic's kind; torch runs hold tensors of the same shapes."""

    circuit: Circuit
    word: tuple[str, ...]
    arithmetic: str
    residuals: Mapping[Site, Any]
    heads: Mapping[tuple[int, int], HeadTrace] = field(repr=False)

    @property
    def T(self) -> int:
        """Number of positions."""
        return len(self.word)

    def _repr_html_(self) -> str:
        from nopeproof import notebook

        return notebook.trace(self)

    def at(self, site: Site, where: Subspace | Vector | str | None = None) -> Any:
        """The residual at a site: [T][d_model], or, for a subspace, direction or name, that part: [T] or [T][width]."""
        if site.block == LAST:
            site = max(self.residuals)
        if site not in self.residuals:
            raise NopeproofError(f"the residual at {site}", "the trace has " + ", ".join(map(str, self.residuals)), "one of these")
        rows = self.residuals[site]
        if where is None:
            return rows
        part = self.circuit.residual[where] if isinstance(where, str) else where
        if isinstance(part, Subspace):
            part_slice = slice(part.start, part.start + part.width)
            if hasattr(rows, "dim"):
                return rows[:, part.start] if part.width == 1 else rows[:, part_slice]
            return [row[part.start] if part.width == 1 else row[part_slice] for row in rows]
        entries = [(i, self.lift(x)) for i, x in part.entries]
        if hasattr(rows, "dim"):
            return sum((x * rows[:, i] for i, x in entries), 0 * rows[:, 0])
        return [sum((x * row[i] for i, x in entries), 0 * rows[0][0]) for row in rows]

    def lift(self, x: Scalar) -> Any:
        """An exact number in this run's arithmetic; in a torch run, rounded to its dtype."""
        if self.arithmetic in ("exact", "incremental"):
            from nopeproof.run.exact import Exact, outside

            return outside(Exact().lift(x))
        if self.arithmetic == "symbolic":
            from nopeproof.run.symbolic import Symbols as Numbers
        elif self.arithmetic.startswith("ball"):
            from nopeproof.run.ball import Balls as Numbers
        else:
            from nopeproof.run.dtypes import nearest

            return nearest(x, self.final.dtype)
        return Numbers().lift(x)

    def exactly(self) -> Trace:
        """A float run with every number as the rational it is, in lists, as an exact run has them; masked scores None.

        Raises NopeproofError for a number that is none, infinite or undefined.
        """

        def rational(x: float, masked: bool) -> Fraction | None:
            if masked and x == -math.inf:
                return None
            if not math.isfinite(x):
                raise NopeproofError("a float run as exact numbers", f"{x} in it", "a run without overflow")
            return Fraction(x)

        def rows(tensor: Any, masked: bool = False) -> Any:
            return None if tensor is None else [[rational(x, masked) for x in row] for row in tensor.double().tolist()]

        heads = {key: HeadTrace(rows(h.scores, True), rows(h.weights), rows(h.output)) for key, h in self.heads.items()}
        return Trace(self.circuit, self.word, "exact", {site: rows(x) for site, x in self.residuals.items()}, heads)

    def head(self, block: int, head: int = 0) -> HeadTrace:
        """The trace of one head: block from 1, head from 0."""
        try:
            return self.heads[block, head]
        except KeyError:
            have = ", ".join(f"block {b} head {h}" for b, h in self.heads) or "none"
            raise NopeproofError(f"head {head} of block {block}", f"the trace has {have}", "one of these") from None

    @property
    def final(self) -> Any:
        """The residual after the last block, [T][d_model]."""
        return self.residuals[max(self.residuals)]

    def logits(self) -> Sequence[Mapping[str, Any]]:
        """Next-token read-out at each position, {token: logit}. Raises NopeproofError for a circuit without unembedding."""
        readout = self.circuit.unembedding
        if readout is None:
            raise NopeproofError("the next-token read-out", "a circuit without unembedding", "Circuit(unembedding={...})")
        lifted = {t: [(i, self.lift(x)) for i, x in v.entries] for t, v in readout.items()}  # type: ignore[union-attr]
        return [{t: sum((x * row[i] for i, x in entries), 0 * row[0]) for t, entries in lifted.items()} for row in self.final]
