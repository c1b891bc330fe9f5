"""Two helpers for where neither the kernel nor an exact run speaks.

Violations read off a ball run, reported only where the enclosures exclude the claim; and frames that hold because no
sub-layer writes to the coordinates, whatever the mask, norm or activation.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import flint

from nopeproof.checks.evaluate import value_of
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Holds, ScoreIs, Statement, Unchanged, Within
from nopeproof.run import run
from nopeproof.run.trace import Trace

BITS = 192


class Enclosed:
    """A number known up to a ball. It is equal to whatever its ball may hold, and less than whatever it is not surely above."""

    __slots__ = ("ball",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, x: Any) -> None:
        self.ball = x.ball if isinstance(x, Enclosed) else x if isinstance(x, flint.arb) else _ball(x)

    def __sub__(self, other: Any) -> Enclosed:
        with flint.ctx.workprec(BITS):
            return Enclosed(self.ball - Enclosed(other).ball)

    def __rsub__(self, other: Any) -> Enclosed:
        return Enclosed(other) - self

    def __eq__(self, other: object) -> bool:
        return bool((self - other).ball.contains(0))

    def __lt__(self, other: Any) -> bool:
        return not bool((self - other).ball >= 0)

    def __abs__(self) -> Enclosed:
        return Enclosed(abs(self.ball))

    def __float__(self) -> float:
        return float(self.ball.mid())

    def __repr__(self) -> str:
        return f"~{float(self):.6g} (in a ball)"


def _ball(x: Any) -> flint.arb:
    if hasattr(x, "enclosure"):
        return x.enclosure(BITS)
    with flint.ctx.workprec(BITS):
        return flint.arb(flint.fmpq(x.numerator, x.denominator))


def can_enclose(statement: Statement) -> bool:
    """Whether overlapping balls never make a violation of it: not where states are compared with each other, or predicates."""
    return not (isinstance(statement, Holds) or (isinstance(statement, ScoreIs) and bool(statement.content)))


def enclosed_trace(circuit: Circuit, word: tuple[str, ...]) -> Trace:
    """A ball run of `Enclosed` numbers: a violation read off it is certain, for statements that `can_enclose`."""
    trace = run(circuit, word, "ball", bits=BITS)
    grid = lambda rows: [[None if x is None else Enclosed(x) for x in row] for row in rows]  # noqa: E731
    residuals = {site: grid(rows) for site, rows in trace.residuals.items()}
    kept = lambda rows: None if rows is None else grid(rows)  # noqa: E731
    heads = {key: replace(h, scores=kept(h.scores), made=kept(h.weights)) for key, h in trace.heads.items()}
    return Trace(circuit, trace.word, trace.arithmetic, residuals, heads)


def surely_within(statement: Within, trace: Trace, T: int) -> bool:
    """Whether every ball of an enclosed trace lies within the claimed error, strictly."""
    rows, error = trace.at(statement.site), Enclosed(value_of(statement.error))
    gaps = [abs(rows[t - 1][statement.index] - value_of(statement.value, t=t, T=T)) for t in range(1, trace.T + 1)]
    return all(bool(gap.ball < error.ball) for gap in gaps)


def untouched(claim: Claim) -> bool:
    """Whether it is a frame claim in real numbers about coordinates that nothing between its two sites writes to."""
    statement = claim.statement
    if not isinstance(statement, Unchanged) or claim.scope.arithmetic != "real":
        return False
    order = lambda block, after: 2 * block + (after == "ffn")  # noqa: E731
    low, high = (order(s.block, s.after) for s in (statement.start, statement.end))
    written: set[int] = set()
    for b, block in enumerate(claim.circuit.blocks, 1):
        for after, parts in (("attention", block.heads), ("ffn", [block.mlp] if block.mlp else [])):
            if low < order(b, after) <= high:
                written |= {i for part in parts for i in part.writes}
    return not written & set(statement.indices)
