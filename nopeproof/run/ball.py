"""The ball run: every number an enclosure, rounded outwards (python-flint's arb). Rigorous for any activation and norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flint

from nopeproof.circuit import Circuit
from nopeproof.run.engine import Forward, embed, require_concrete
from nopeproof.run.exact import ball_of
from nopeproof.run.trace import Trace
from nopeproof.scalars import Scalar, to_poly


class Balls:
    """The arithmetic, at the precision of the surrounding `workprec`."""

    name = "ball"

    def lift(self, x: Scalar) -> flint.arb:
        """The weight's enclosure."""
        return ball_of(to_poly(x))

    def exp(self, score: Any, where: str) -> Any:
        """e^score."""
        return score.exp()

    def relu(self, x: Any) -> Any:
        """max(0, x) of every point of the ball."""
        return x.max(flint.arb(0))

    def gelu(self, x: Any) -> Any:
        """x (1 + erf(x / sqrt 2)) / 2."""
        return x * (1 + (x / flint.arb(2).sqrt()).erf()) / 2

    def rsqrt(self, x: Any) -> Any:
        """1/sqrt(x)."""
        return x.rsqrt()


def run(circuit: Circuit, word: Sequence[str], bits: int = 128) -> Trace:
    """The trace in balls of `bits` bits. Raises NopeproofError for weights left open."""
    require_concrete(circuit, "ball")
    word = circuit.check_word(word)
    with flint.ctx.workprec(bits):
        forward = Forward(circuit, Balls())
        return forward.run(word, embed(forward, word))
