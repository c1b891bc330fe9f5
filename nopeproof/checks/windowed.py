"""Proofs for every length under a sliding window: what a position sees is a short word, and there are finitely many of these.

A window of W keys and s sinks. Claim: after L blocks the state at t is a function of x_1..x_s and of the last n = L (W - 1) + 1 tokens
alone, once t > N = s + n; it is the state at the end of the word u = x_1..x_s x_(t-n+1)..x_t of N tokens, run with the same weights
under the same mask. By induction on L: embeddings, norms and FFNs act on one position, and what attention does at t is a function of the
states at its keys, in order. With m blocks still to go, the keys of a position t' >= t - (L - m) (W - 1) are the sinks, whose own keys
are sinks, and t' - W + 1, ..., t', none before t - n + 1. Moving the tail to follow the sinks moves each of these sets of keys onto
that of the moved position. (Both statements about sets are computed here, from `masks.visible`, which is what runs ask.)

So a statement that is read off one position at a time holds of every word if it holds

  of all words of N + 1 tokens, which have all beginnings, run exactly, and
  of the last position of each u, wherever that may be: for t = N + 1 + r with a variable r >= 0, in the kernel's arithmetic. What is
      claimed there may not depend on t if the state is no rational number.

Equal states: for given sinks, one state at the end of every u is the state at all t > N; the words of N + 1 tokens tie it to the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

from nopeproof.algebra import read_expression
from nopeproof.checks.evaluate import violations
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Equals, Evidence, Unchanged
from nopeproof.errors import NopeproofError
from nopeproof.kernel import Ratio, Reject, need, read
from nopeproof.laws import EqualStates, Law, value
from nopeproof.masks import Window, visible
from nopeproof.run import run
from nopeproof.run.trace import Trace

TOOL = "window prover: every word that a position can see, run exactly"
WORDS = 2048
"""How many words may be run."""


def windowed(claim: Claim) -> Evidence | None:
    """`proved`, or `open` with the reason; None for a claim that is not of this kind.

    Of this kind are Equals, Unchanged, Law and EqualStates, of one circuit with definite weights and a window, in real numbers.
    """
    circuit, start = claim.subject, time.process_time()
    if type(claim.statement) not in (Equals, Unchanged, Law, EqualStates) or claim.scope.arithmetic != "real":
        return None
    if not isinstance(circuit, Circuit) or not isinstance(circuit.mask, Window) or circuit.positions.kind != "none":
        return None
    try:
        steps = tuple(_all(claim, circuit, circuit.mask))
    except Reject as why:
        return Evidence("open", claim.scope, TOOL, time.process_time() - start, reason=str(why))
    except NopeproofError as bad:  # a word that has no exact run
        return Evidence("open", claim.scope, TOOL, time.process_time() - start, reason=bad.message.replace("\n", ";"))
    shown = replace(claim.scope, t_min=1, t_max=None, vocabulary="given", parameters="all")
    return Evidence("proved", shown, TOOL, time.process_time() - start, steps=steps)


def _all(claim: Claim, circuit: Circuit, mask: Window) -> Iterator[str]:
    """What was shown, in steps. Raises Reject."""
    statement = claim.statement
    need(circuit.concrete, "weights left open")
    need(claim.scope.vocabulary == "given" and claim.scope.order != "forall T exists weights", "a scope that is not that of one circuit")
    need("T" not in _names(statement), "a statement about the length of the word")
    need(circuit.bos is not None or claim.scope.words == "any", "words that start with a BOS, of a circuit without one")
    L, s = len(circuit.blocks), mask.sinks
    n = L * (mask.size - 1) + 1
    N = s + n
    need(seen_is_short(mask, L, n, N), "a position sees more than its window")
    alphabet = [x for x in circuit.tokens if x != circuit.bos or claim.scope.words == "any"]
    starts = alphabet if circuit.bos is None else [circuit.bos]
    need(alphabet and len(alphabet) ** (N + 1) <= WORDS, f"{len(alphabet)} tokens and {N + 1} positions: too many words")
    yield f"after {L} blocks a position sees {s} sinks and {n} tokens"
    words = [(x, *rest) for x in starts for rest in product(alphabet, repeat=N)]
    for word in words:
        trace = _run(circuit, word)
        bad = not statement.holds(trace) if isinstance(statement, Law | EqualStates) else any(violations(statement, trace, N + 1))
        need(not bad, f"not so of the word {' '.join(word)}")
    yield f"{len(words)} words of {N + 1} tokens"
    ends = 0
    for sinks in product(*[starts if p == 0 else alphabet for p in range(s)]):
        tails = [_run(circuit, (*sinks, *tail)) for tail in product(alphabet, repeat=n)]
        ends += len(tails)
        if isinstance(statement, EqualStates):
            _one_state(statement, tails, N)
        else:
            for trace in tails:
                _holds_from(statement, trace, N + 1, sinks)
    yield f"{ends} words of {N} tokens, at the last, for every t > {N}"


def _names(statement: Any) -> set[str]:
    """The names in what it says."""
    texts = [x for c in statement.cases for x in (c.left, c.right)] if isinstance(statement, Law) else [getattr(statement, "value", "0")]
    return {v for text in texts for v in read_expression(text).variables()}


def seen_is_short(mask: Window, L: int, n: int, N: int) -> bool:
    """The two statements about sets of keys, at the first lengths beyond N; from there on all of them move with t."""
    for t in range(N + 1, N + 2 * (mask.size + mask.sinks) + 3):
        move = lambda i, t=t: i if i <= mask.sinks else i - (t - N)  # positions from 1 # noqa: E731
        layer = {t}
        for _ in range(L):
            keys = {p: [i + 1 for i in visible(mask, p - 1, t)] for p in layer}
            if any([move(i) for i in keys[p]] != [i + 1 for i in visible(mask, move(p) - 1, N)] for p in layer):
                return False
            layer = {i for p in layer for i in keys[p]} | layer
        if not layer <= {*range(1, mask.sinks + 1), *range(t - n + 1, t + 1)}:
            return False
    return True


def _run(circuit: Circuit, word: Sequence[str]) -> Trace:
    """The exact run of any word, one that lacks its BOS too."""
    return run(replace(circuit, bos=None), word, keep_weights=False)


def _one_state(statement: EqualStates, tails: Sequence[Trace], N: int) -> None:
    """One state at the end of all. Raises Reject."""
    need(not statement.sharp or statement.first <= N + 1, "a first position beyond what was run")
    for site in [max(tails[0].residuals)] if statement.last_layer else tails[0].residuals:
        seen: dict = {}
        for trace in tails:
            row = list(trace.at(site)[-1])
            need(row == seen.setdefault(trace.word[-1] if statement.by_token else None, row), f"two states at the end of words, at {site}")


def _holds_from(statement: Any, trace: Trace, first: int, sinks: Sequence[str]) -> None:
    """The statement at t = first + r, r >= 0, of the state at the end of the run. Raises Reject."""
    t = Ratio("r@t") + first
    end = lambda site: trace.at(site)[-1]  # noqa: E731
    if isinstance(statement, Unchanged):
        same = all(end(statement.start)[i] == end(statement.end)[i] for i in statement.indices)
        need(same, f"changed at the end of {' '.join(trace.word)}")
        return
    cases = [("x", "=", statement.value, {"x": end(statement.site)[statement.index]})] if isinstance(statement, Equals) else []
    if isinstance(statement, Law):
        names = {n: trace.at(site, what.vector)[-1] for n, (site, what) in statement.reads.items()}
        for c in statement.cases:
            if c.last is not None and c.last < first:
                continue
            need(c.last is None and c.first <= first and all(p <= len(sinks) for p in c.tokens), "a law with cases beyond the window")
            if all(sinks[p - 1] == x for p, x in c.tokens.items()):
                cases.append((c.left, c.relation, c.right, names))
    for left, relation, right, have in cases:
        if all(isinstance(x, int | Fraction) for x in have.values()):
            known = {n: Ratio(x) for n, x in have.items()} | {"t": t}
            gap = read(left, known) - read(right, known)
            need(gap.names() <= {"r@t"}, "a law of more than the position and the state")  # a count, or T
            holds = not gap.num if relation == "=" else gap.above()
        else:
            try:
                one, two = value(left, have), value(right, have)
            except KeyError:
                raise Reject("a law of more than the state, which is no rational number") from None
            holds = one == two if relation == "=" else one >= two
        need(holds, f"not so at t >= {first} at the end of {' '.join(trace.word)}")
