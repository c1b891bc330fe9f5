"""States that are equal for a reason of symmetry, for every weight and every length: without a mask, and on constant words.

Without a mask.  Positions with one token have one state after every sub-layer. By induction: they are embedded alike; norms and FFNs
    act on one position; and attention at t is a function of the state at t and of the list of all states, the same list for every t.
    So two positions with equal states have equal states again.
Constant words.  Where words have one token only, no two positions are embedded apart. If all states are equal, then so are all values
    of a head; its weights are positive and sum to 1 over at least one key; so every mean is that value, whatever the scores.

Both are about the definition of a run (nopeproof.run.engine, `Forward`): one function of rows for all positions, and
`masks.visible` for the keys. What is computed here is what they need of the circuit: its mask, its encoding, its tokens, and that no
part is opaque, as a part of which nothing is known might tell positions apart. A word with a norm of zero has no run, and no states.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from nopeproof.circuit import Head
from nopeproof.claims import Claim, Evidence
from nopeproof.kernel import Reject, need
from nopeproof.laws import EqualStates
from nopeproof.masks import Window, visible

TOOL = "symmetry prover: equal states stay equal"


def alike(claim: Claim) -> Evidence | None:
    """`proved`, or `open` with the reason; None for a statement of another kind, or one about positions from some t > 1 on."""
    statement, start = claim.statement, time.process_time()
    if type(statement) is not EqualStates or statement.first > 1 or claim.scope.arithmetic != "real":
        return None
    try:
        steps = tuple(_all(claim, statement))
    except Reject as why:
        return Evidence("open", claim.scope, TOOL, time.process_time() - start, reason=str(why))
    vocabulary = "given" if claim.circuit.embedding.other is None else "every"
    end = "T" if claim.scope.order == "forall T exists weights" else None
    shown = replace(claim.scope, t_min=1, t_max=end, vocabulary=vocabulary, parameters="all")
    return Evidence("proved", shown, TOOL, time.process_time() - start, steps=steps)


def _all(claim: Claim, statement: EqualStates) -> Iterator[str]:
    """What the argument needs of the circuit. Raises Reject where it does not have it."""
    circuit = claim.circuit
    need(circuit.positions.kind == "none" and not getattr(claim.subject, "grows", False), "positions, or blocks, of their own")
    need(all(isinstance(h, Head) for b in circuit.blocks for h in b.heads), "an opaque head: it may tell positions apart")
    yield "no positional encoding, no opaque head"
    tokens = [x for x in circuit.tokens if x != circuit.bos or claim.scope.words == "any"]
    words = [circuit.bos, *tokens] if circuit.bos is not None else tokens
    constant = circuit.embedding.other is None and len(set(words)) == 1
    if constant and circuit.mask != "strict":
        span = 2 * (circuit.mask.size + circuit.mask.sinks) + 4 if isinstance(circuit.mask, Window) else 8
        need(all(t in visible(circuit.mask, t, T) for T in range(1, span) for t in range(T)), "a position that does not see itself")
        yield f"words of {words[0]} alone, and every position sees itself"
        return
    need(statement.by_token, "words with more than one token, or a mask under which a position does not see itself")
    need(circuit.mask == "none", f"the mask {circuit.mask}: positions see different keys")
    need(all(visible(circuit.mask, t, T) == range(T) for T in range(1, 8) for t in range(T)), "a mask that hides a key")
    yield "every position sees all keys, in one order"
