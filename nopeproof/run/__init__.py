"""One circuit, many arithmetics: exact, symbolic, ball, and torch in any dtype. Every run returns the same named trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nopeproof.circuit import Circuit
from nopeproof.run.trace import HeadTrace, Trace

__all__ = ["HeadTrace", "Trace", "run"]


def run(circuit: Circuit, word: Sequence[str], arithmetic: Any = "exact", **options: Any) -> Trace:
    """Run a concrete circuit on a word of T tokens.

    arithmetic: "exact", "symbolic", "ball", or a torch dtype or its name ("float32"); torch runs take `route`
    ("materialised", "sdpa", "streaming") and `device`. Raises NopeproofError for a bad word, dtype or circuit.
    """
    if arithmetic == "exact":
        from nopeproof.run import exact

        return exact.run(circuit, word, **options)
    if arithmetic == "symbolic":
        from nopeproof.run import symbolic

        return symbolic.run(circuit, word)
    if arithmetic == "ball":
        from nopeproof.run import ball

        return ball.run(circuit, word, **options)
    from nopeproof.run import floats

    return floats.run(circuit, word, dtype=arithmetic, **options)
