"""One circuit, many arithmetics: exact, symbolic, ball, and torch in any dtype. Every run returns the same named trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nopeproof.circuit import Circuit
from nopeproof.errors import NopeproofError
from nopeproof.run.trace import HeadTrace, Trace

__all__ = ["HeadTrace", "Trace", "run"]
OPTIONS = {"exact": ("keep_weights",), "incremental": (), "symbolic": (), "ball": ("bits",)}


def run(circuit: Circuit, word: Sequence[str], arithmetic: Any = "exact", **options: Any) -> Trace:
    """Run a concrete circuit on a word of T tokens.

    arithmetic: "exact", "incremental" (exact, token by token with a KV cache), "symbolic", "ball", or a torch dtype or its name
    ("float32"); torch runs take `route` ("materialised", "sdpa", "streaming") and `device`, exact ones `keep_weights`, ball ones
    `bits`. Raises NopeproofError for a bad word, dtype, option or circuit.
    """
    if not isinstance(circuit, Circuit):
        raise NopeproofError("a run", f"a {type(circuit).__name__}", "a Circuit; of a family its member: family.at(T)")
    if isinstance(arithmetic, str) and arithmetic.count("/") == 1:
        dtype, route = arithmetic.split("/")
        raise NopeproofError(f"a run in {arithmetic!r}", "a dtype and a route in one", f"run(..., {dtype!r}, route={route!r})")
    known = OPTIONS.get(arithmetic, ("route", "device")) if isinstance(arithmetic, str) else ("route", "device")
    for name in options:
        if name not in known:
            have = f"its options: {', '.join(known) or 'none'}"
            raise NopeproofError(f"the option {name!r} of a run in {arithmetic}", have, "one of these")
    if arithmetic == "exact":
        from nopeproof.run import exact

        return exact.run(circuit, word, **options)
    if arithmetic == "incremental":
        from nopeproof.run import incremental

        return incremental.run(circuit, word)
    if arithmetic == "symbolic":
        from nopeproof.run import symbolic

        return symbolic.run(circuit, word)
    if arithmetic == "ball":
        from nopeproof.run import ball

        return ball.run(circuit, word, **options)
    from nopeproof.run import floats

    return floats.run(circuit, word, dtype=arithmetic, **options)
