"""Circuits that hold a table of positions: scores and states at every t up to T, for every word, from finitely many pairs.

Up to a length T the kernel's symbolic run gives the state at each position for each token there. Where that is a number, it is the same in
every word: it depends on the token and on t alone. A score is then one of finitely many numbers, one for each token at t and each token
at i <= t (the same one at i = t; BOS at 1 and nowhere else). All of them are computed, and looked at together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from nopeproof import kernel
from nopeproof.circuit import Circuit
from nopeproof.claims import Claim, Evidence, Holds, Site
from nopeproof.residual import Subspace
from nopeproof.theory.places import Undecided, number

TOOL = "table prover: the kernel's run at every position up to T, and every pair of tokens"


class Score(NamedTuple):
    """The score of the query token x at t and the key token y at i."""

    x: str
    y: str
    t: int
    i: int
    score: Any


class States:
    """The residual after s sub-layers at each (token, t) up to T. Raises Undecided where it is no number there, or kernel.Reject."""

    def __init__(self, claim: Claim, s: int) -> None:
        circuit, scope = claim.subject, claim.scope
        if not isinstance(circuit, Circuit) or not circuit.concrete or not isinstance(scope.t_max, int):
            raise Undecided("not one circuit up to a length")
        words = "any" if circuit.bos is None else "bos-first"
        if scope.arithmetic != "real" or scope.vocabulary != "given" or scope.words != words:
            raise Undecided(f"the states are those of words as the circuit is run on, in real numbers; the scope is {scope}")
        self.circuit, self.T = circuit, scope.t_max
        below = replace(circuit, blocks=circuit.blocks[: (s + 1) // 2])
        self.checker = kernel.Checker(below.as_json(), {"modulus": 1, "singles": 1, "units": {}})
        spots = [(circuit.bos, 1)] if circuit.bos is not None else []
        others = [token for token in circuit.tokens if token != circuit.bos]
        spots += [(token, t) for t in range(1 + len(spots), self.T + 1) for token in others]
        self.at = {(token, t): self.checker.state(s, kernel.Case(token, kernel.Ratio(t), "t", str(t))) for token, t in spots}

    def row(self, token: str, t: int, part: Iterable[int]) -> list[Fraction]:
        """Coordinates of one state, as numbers."""
        return self.numbers([self.at[token, t][n] for n in part], token, t)

    @staticmethod
    def numbers(row: Sequence[kernel.Ratio], token: str, t: int) -> list[Fraction]:
        """The same as numbers."""
        if any(y.names() for y in row):
            raise Undecided(f"what is read of {token!r} at t = {t} depends on more of the word, or is no rational number")
        return [number(y) for y in row]

    def scores(self, block: int, head: int) -> list[Score]:
        """Of every pair that can meet."""
        h: Any = self.circuit.blocks[block - 1].heads[head]
        if self.circuit.blocks[block - 1].norm_attention is not None or not hasattr(h, "W_Q") or h.scale != "1":
            raise Undecided("a norm in front of the head, an opaque head or a score scale")
        weights = h.as_json()
        asked, shown = (
            {(x, t): self.numbers([self.checker.dot(row, state) for row in weights[m]], x, t) for (x, t), state in self.at.items()}
            for m in ("W_Q", "W_K")
        )
        meet = [(q, k) for q in self.at for k in self.at if k[1] < q[1] or k == q]
        return [Score(q[0], k[0], q[1], k[1], sum(a * b for a, b in zip(asked[q], shown[k], strict=True))) for q, k in meet]


def proved_by(goal: Callable[[Claim], str], *rests_on: Any) -> Callable[[Claim], Evidence]:
    """The prover for a goal: it says what it has looked at, or raises Undecided."""

    def by(claim: Claim) -> Evidence:
        start = time.perf_counter()
        try:
            steps = (goal(claim),)
        except (Undecided, kernel.Reject, LookupError) as why:  # LookupError: a table that ends before T
            return Evidence("open", claim.scope, TOOL, time.perf_counter() - start, reason=str(why))
        return Evidence("proved", replace(claim.scope, t_min=1, parameters="all"), TOOL, time.perf_counter() - start, steps=steps)

    if rests_on:
        by.rests_on = rests_on[0]  # type: ignore[attr-defined]  # whose it is decides whose proof this is
    return by


def _scores(says: str, block: int, head: int, fits: Callable[[list[Score]], bool], *rests_on: Any) -> Holds:
    """`fits` says that no few of the scores contradict something: what it says of all pairs, it says of those of one word."""

    def predicate(trace: Any) -> bool:
        rows = trace.head(block, head).scores
        pairs = [(t, i) for t in range(1, trace.T + 1) for i in range(1, t + 1)]
        return fits([Score(trace.word[t - 1], trace.word[i - 1], t, i, rows[t - 1][i - 1]) for t, i in pairs])

    def goal(claim: Claim) -> str:
        scores = States(claim, 2 * block - 2).scores(block, head)
        if not fits(scores):
            raise Undecided("the scores are others")
        return f"{len(scores)} scores, of every pair of tokens and positions up to T = {claim.scope.t_max}"

    return Holds(says, predicate, proved_by(goal, *rests_on))


def scores_are(says: str, block: int, head: int, value: Callable[[str, str, int, int], Any]) -> Holds:
    """score = value(x_t, x_i, t, i) at all i <= t."""
    return _scores(says, block, head, lambda scores: all(s.score == value(s.x, s.y, s.t, s.i) for s in scores), value)


def bias_is(says: str, block: int, head: int, f: Callable[[int], Any]) -> Holds:
    """score = f(t - i) + g, g a function of the query alone."""

    def fits(scores: list[Score]) -> bool:
        rows: dict[tuple[str, int], set] = {}
        for s in scores:
            rows.setdefault((s.x, s.t), set()).add(s.score - f(s.t - s.i))
        return all(len(g) == 1 for g in rows.values())

    return _scores(says, block, head, fits, f)


def is_sum(says: str, block: int, head: int) -> Holds:
    """score = f_cnt(x_t, x_i) + f_rel(t - i): no two contents and two distances contradict it, BOS apart."""

    def fits(scores: list[Score]) -> bool:
        cells: dict[tuple[str, str], dict[int, Any]] = {}
        for s in scores:
            if s.t > 1 and s.i > 1 and cells.setdefault((s.x, s.y), {}).setdefault(s.t - s.i, s.score) != s.score:
                return False
        pairs = [(one, two, sorted(set(one) & set(two))) for one in cells.values() for two in cells.values()]
        return all(one[d] - two[d] == one[common[0]] - two[common[0]] for one, two, common in pairs for d in common)

    return _scores(says, block, head, fits)


def rows_are(says: str, site: Site, parts: Sequence[Subspace], table: Callable[[int], Sequence[Any]]) -> Holds:
    """At every t the coordinates of the parts, one after the other, are table(t)."""
    indices = [n for part in parts for n in part.indices]

    def predicate(trace: Any) -> bool:
        return all([row[n] for n in indices] == list(table(t)) for t, row in enumerate(trace.at(site), 1))

    def goal(claim: Claim) -> str:
        states = States(claim, 2 * site.block - (site.after == "attention"))
        for token, t in states.at:
            if states.row(token, t, indices) != list(table(t)):
                raise Undecided(f"the row of {token!r} at t = {t} is another")
        return f"{len(states.at)} states, of every token and position up to T = {claim.scope.t_max}"

    return Holds(says, predicate, proved_by(goal, table))
