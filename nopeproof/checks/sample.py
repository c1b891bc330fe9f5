"""Hypothesis looks for a counterexample among longer words and other instances of the weights left open, and shrinks it."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nopeproof.checks.evaluate import Witness, violations
from nopeproof.checks.exhaust import members, shown_scope, trace_of
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Evidence, Fails
from nopeproof.errors import NopeproofError

EXAMPLES, LONGEST, LONG = 40, 12, 20  # LONG: every length up to it is tried on a constant word, where positions are hardest to tell apart


class _Found(Exception):
    def __init__(self, witness: Witness) -> None:
        super().__init__("a counterexample")
        self.witness = witness


def _constant(circuit: Circuit, length: int) -> tuple[str, ...]:
    """BOS, where there is one, and then the same token over and over."""
    others = [t for t in circuit.tokens if t != circuit.bos] or list(circuit.tokens)
    word = [others[0]] * length
    return tuple(word if circuit.bos is None else [circuit.bos, *word[1:]])


def sample(claim: Claim, examples: int = EXAMPLES, longest: int = LONGEST) -> Evidence:
    """`tested` on so many random words and instances, or `refuted` by the shrunk one. Deterministic."""
    start, ran = time.perf_counter(), [0]
    statement = claim.statement
    inner = statement.statement if isinstance(statement, Fails) else statement
    end = min(longest, claim.scope.t_max if isinstance(claim.scope.t_max, int) else longest)

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=[*HealthCheck],  # type: ignore[list-item]  # its metaclass hides its members
    )
    @given(st.data(), st.integers(min_value=min(claim.scope.t_min, end), max_value=end), st.integers(0, 7))
    def attempt(data: st.DataObject, length: int, seed: int) -> None:
        T, circuit = next(members(claim, length, seed))
        alphabet = [t for t in circuit.tokens if t != circuit.bos or claim.scope.words == "any"]
        first = [circuit.bos] if circuit.bos is not None else []
        rest = length - len(first)
        if rest and not alphabet:
            return
        word = tuple(first + data.draw(st.lists(st.sampled_from(alphabet), min_size=rest, max_size=rest)) if rest else first)
        ran[0] += 1
        witness = next(violations(inner, trace_of(circuit, word, claim.scope, inner), T), None)
        if witness is not None:
            raise _Found({**witness, "T": T, "seed": seed})

    try:
        for length in range(claim.scope.t_min, min(LONG, claim.scope.t_max if isinstance(claim.scope.t_max, int) else LONG) + 1):
            T, circuit = next(members(claim, length))
            witness = next(violations(inner, trace_of(circuit, _constant(circuit, length), claim.scope, inner), T), None)
            if witness is not None:
                raise _Found({**witness, "T": T, "seed": 0})
        attempt()
    except _Found as found:
        kind = "proved" if isinstance(statement, Fails) else "refuted"
        return Evidence(kind, claim.scope, "hypothesis", time.perf_counter() - start, found.witness)
    except NopeproofError as bad:
        return Evidence("open", claim.scope, "hypothesis", time.perf_counter() - start, reason=bad.message)
    if isinstance(statement, Fails):
        return Evidence("open", claim.scope, "hypothesis", time.perf_counter() - start, reason=f"no counterexample in {ran[0]} words")
    scope = shown_scope(claim, end)
    return Evidence("tested", scope, f"hypothesis, {ran[0]} words", time.perf_counter() - start)
