"""The symbolic run on one word: free symbols stay symbols, opaque heads and unnamed tokens become fresh ones.

This is for looking and for finding; it proves nothing. Statements about every length are the kernel's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from nopeproof.circuit import Circuit, Opaque, Units
from nopeproof.errors import NopeproofError
from nopeproof.run.engine import Forward, Row
from nopeproof.run.trace import Trace
from nopeproof.scalars import Scalar, spell


class Symbols:
    """SymPy numbers. Every symbol is real; a sum stays as it is until `cancel`led at the end of each operation that divides."""

    name = "symbolic"

    def lift(self, x: Scalar) -> Any:
        """The weight as a SymPy expression."""
        names = {s: sympy.Symbol(s, real=True) for s in getattr(x, "symbols", ()) if not s.startswith(("ln ", "rt"))}
        return sympy.sympify(spell(x), locals={**names, "ln": sympy.log, "sqrt": sympy.sqrt}, rational=True)  # type: ignore[call-overload]

    def exp(self, score: Any, where: str) -> Any:
        """e^score, expanded first so that equal scores cancel."""
        return sympy.exp(sympy.expand(score))

    def relu(self, x: Any) -> Any:
        """Max(0, x)."""
        return sympy.Max(0, sympy.cancel(x))

    def gelu(self, x: Any) -> Any:
        """x (1 + erf(x / sqrt 2)) / 2."""
        return x * (1 + sympy.erf(x / sympy.sqrt(2))) / 2

    def rsqrt(self, x: Any) -> Any:
        """1/sqrt(x)."""
        return 1 / sympy.sqrt(x)


def run(circuit: Circuit, word: Sequence[str]) -> Trace:
    """The symbolic trace; tokens without an embedding of their own are `Embedding.other`, with symbols of their position."""
    if any(isinstance(u, Units) for b in circuit.blocks for u in (b.mlp.units if b.mlp else ())):
        raise NopeproofError(f"the symbolic run of {circuit.name!r} on one word", "an FFN whose width depends on T", "family.at(T)")
    other = circuit.embedding.other
    if other is None or not word or isinstance(word, str):
        word = circuit.check_word(word)
    elif circuit.bos is not None and word[0] != circuit.bos:
        raise NopeproofError(
            f"a word starting with {word[0]!r}", f"the circuit expects {circuit.bos!r} at t = 1", f"[{circuit.bos!r}, ...]"
        )
    forward = Forward(circuit, Symbols())
    rows = [_row(forward, token, t) for t, token in enumerate(word, 1)]

    def opaque(b: int, h: int, head: Opaque, t: int) -> Row:
        return [
            sympy.Symbol(f"{head.name}{b}_{i}_{t}", real=True) if i in head.writes else sympy.Integer(0) for i in range(circuit.d_model)
        ]

    trace = forward.run(tuple(word), rows, opaque)
    tidy = {site: [[sympy.cancel(x) for x in row] for row in part] for site, part in trace.residuals.items()}
    return Trace(circuit, trace.word, trace.arithmetic, tidy, trace.heads)


def _row(forward: Forward, token: str, t: int) -> Row:
    """One embedded token; an unnamed one gets symbols that carry its position."""
    embedding = forward.circuit.embedding
    if token in embedding.tokens:
        return forward.dense(embedding.tokens[token])
    row = forward.dense(embedding.other)
    own = {s: sympy.Symbol(f"{s}_{t}", real=True) for x in row for s in getattr(x, "free_symbols", ())}
    return [x.xreplace(own) for x in row]
