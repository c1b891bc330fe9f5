"""Hypothesis looks for a counterexample among longer words and other instances of the weights left open, and shrinks it."""

from __future__ import annotations

import time

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nopeproof.checks.evaluate import Witness
from nopeproof.checks.exhaust import FARTHEST, Members, look, shown_scope, silent, too_long
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Evidence, Fails
from nopeproof.errors import NopeproofError

EXAMPLES, LONGEST, LONG = 40, 12, 20  # LONG: every length up to it is tried on a constant word, where positions are hardest to tell apart


class _Found(Exception):
    def __init__(self, witness: Witness) -> None:
        super().__init__("a counterexample")
        self.witness = witness


def _constant(circuit: Circuit, length: int, any_words: bool) -> tuple[str, ...] | None:
    """BOS, where there is one, and then the same token over and over; None if there is no token for that."""
    others = [t for t in circuit.tokens if t != circuit.bos] or list(circuit.tokens if any_words else ())
    if length > 1 and not others:
        return None
    return (*([] if circuit.bos is None else [circuit.bos]), *others[:1] * length)[:length]


class _Runs:
    """The words that could be run, and why others could not."""

    def __init__(self, claim: Claim) -> None:
        self.claim, self.member, self.ran, self.refused = claim, Members(claim), 0, ""
        statement = claim.statement
        self.inner = statement.statement if isinstance(statement, Fails) else statement

    def look(self, T: int, circuit: Circuit, word: tuple[str, ...], seed: int) -> None:
        """Run one word. Raises _Found where the statement fails."""
        try:
            found, trace = look(circuit, word, self.claim.scope, self.inner, T)
            witness = next(found, None)
        except NopeproofError as bad:  # one word or instance without an exact run says nothing of the others
            self.refused = bad.message
            return
        if witness is not None:
            raise _Found({**witness, "T": T, "seed": seed})
        self.ran += not silent(self.inner, trace, T)


def sample(claim: Claim, examples: int = EXAMPLES, longest: int = LONGEST) -> Evidence:
    """`tested` on so many random words and instances, or `refuted` by the shrunk one. Deterministic.

    Words of one token come first, of every length up to LONG.
    """
    start, runs = time.perf_counter(), _Runs(claim)
    low, last = claim.scope.t_min, claim.scope.t_max if isinstance(claim.scope.t_max, int) else max(LONG, claim.scope.t_min)
    end = min(max(longest, low), last)
    evidence = lambda kind, scope, tool="hypothesis", **more: Evidence(kind, scope, tool, time.perf_counter() - start, **more)  # noqa: E731
    if low > FARTHEST:
        return evidence("open", claim.scope, reason=too_long(claim))
    try:
        for length in range(low, min(LONG, last) + 1):
            T, circuit = runs.member(length)
            word = _constant(circuit, length, claim.scope.words == "any")
            if word is not None:
                runs.look(T, circuit, word, 0)
        _hypothesis(claim, runs, examples, low, end)
    except _Found as found:
        return evidence("proved" if isinstance(claim.statement, Fails) else "refuted", claim.scope, witness=found.witness)
    if isinstance(claim.statement, Fails) or not runs.ran:
        return evidence("open", claim.scope, reason=runs.refused or f"no counterexample in {runs.ran} words")
    return evidence("tested", shown_scope(claim, end), f"hypothesis, {runs.ran} words")


def _hypothesis(claim: Claim, runs: _Runs, examples: int, low: int, end: int) -> None:
    """Random words and instances. Raises _Found, shrunk."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=[*HealthCheck],  # type: ignore[list-item]  # its metaclass hides its members
    )
    @given(st.data(), st.integers(low, end), st.integers(0, 7))
    def attempt(data: st.DataObject, length: int, seed: int) -> None:
        T, circuit = runs.member(length, seed)
        alphabet = [t for t in circuit.tokens if t != circuit.bos or claim.scope.words == "any"]
        first = [circuit.bos] if circuit.bos is not None else []
        rest = length - len(first)
        if not rest or alphabet:
            runs.look(
                T,
                circuit,
                (*first, *data.draw(st.lists(st.sampled_from(alphabet), min_size=rest, max_size=rest) if rest else st.just([]))),
                seed,
            )

    attempt()
