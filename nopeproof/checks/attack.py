"""Attack: search for a counterexample to any claim of any circuit, shrink it, and draw it position by position.

Six ways: every word, shortest first; one token over and over, at every length and then at doubling ones; short words in other
instances, some extreme, of what the weights leave open; short words in members made for longer ones; words with a pattern; and
Hypothesis, led by the distance from the claimed value. Each has a short turn before any has a long one. Finding nothing
proves nothing: what was tried is part of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nopeproof.checks.evaluate import Witness, exact_number, value_of
from nopeproof.checks.search import Budget, Method, Search, Try
from nopeproof.claims import Claim, Equals, Fails, SameAttention, ScoreIs, Unchanged
from nopeproof.run.trace import Trace

GUIDED = "Hypothesis, led by the distance"
FIRST_TURN = 0.2
DRAWN, MARKED = 24, 6  # a longer word is drawn in part: around its first failures, the ends


@dataclass(frozen=True)
class Attack:
    """What the search found: a witness or None, the rows of its drawing, and what was tried.

    minimal: every shorter word, and every word before it, was run in the same instance and kept the claim, each in a family's
    member for its own length; where T is larger than the word, in the member T too.
    """

    claim: Claim
    witness: Witness | None
    methods: tuple[Method, ...]
    rows: tuple[dict[str, Any], ...] = ()
    minimal: bool = False

    @property
    def broken(self) -> bool:
        """Whether the claim is refuted; for a claim that something `Fails`, a witness shows it and its lack refutes nothing."""
        return self.witness is not None and not isinstance(self.claim.statement, Fails)

    def as_json(self) -> dict:
        """Plain data."""
        found = {"claim": self.claim.id, "statement": self.claim.says, "scope": self.claim.scope.as_json(), "refuted": self.broken}
        return {
            **found,
            "witness": self.witness,
            "minimal": self.minimal,
            "rows": list(self.rows),
            "tried": [m.as_json() for m in self.methods],
        }

    def __str__(self) -> str:
        lines = [f"{self.claim.id}: {self.claim.says}  [{self.claim.scope}]"]
        if self.witness is None:
            lines.append("  no counterexample found (which proves nothing)")
        else:
            kind = "the smallest" if self.minimal else "a shrunk"
            what = "counterexample" if self.broken else "witness, as the claim says there is"
            lines.append(f"  {kind} {what}, T = {self.witness['T']}, instance {self.witness['seed']}: {' '.join(self.witness['word'])}")
            lines += _table(self.rows)
        for m in self.methods:
            more = f", stopped: {m.stopped}" if m.stopped else ""
            more += f"; {m.passed_over} could not be run ({m.because})" if m.passed_over else ""
            lines.append(
                f"  tried {m.name}: {m.words} words up to {m.longest} tokens, {len(m.instances)} instances, {m.seconds:.1f} s{more}"
            )
        return "\n".join(lines)


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The drawing: of a long word its beginning, its end and where it fails."""
    if not rows:
        return []
    head = list(rows[0])
    marked = [n for n, row in enumerate(rows) if row.get("") or n in (0, len(rows) - 1)]
    near = {n for m in (*marked[:MARKED], marked[-1]) for n in (m - 1, m, m + 1)}
    shown = [row if n in near or len(rows) <= DRAWN else None for n, row in enumerate(rows)]
    cells = [head, *([str(row[h]) if row else "..." for h in head] for n, row in enumerate(shown) if row or shown[n - 1])]
    widths = [max(len(c[n]) for c in cells) for n in range(len(head))]
    return ["    " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]


def _drawing(search: Search, attempt: Try, witness: Witness) -> list[dict[str, Any]]:
    """The rows, from a run of the whole circuit (nothing cut): one a position, or, for scores, one a key."""
    T, _, word = attempt
    (found, trace), inner = search.look(attempt, {}, whole=True), search.inner
    wrong = {v.get("i", v.get("t")) for v in found if v.get("t") == witness.get("t") or "i" not in v}
    wrong |= {witness.get("i", witness.get("t"))}
    if hasattr(inner, "block"):
        return _keys(inner, trace, word, witness["t"], wrong)
    columns = {}
    if isinstance(inner, Equals):
        columns["claimed"] = [value_of(inner.value, t=t, T=max(T, search.low)) for t in range(1, len(word) + 1)]
        columns["found"] = [row[inner.index] for row in trace.at(inner.site)]
    elif isinstance(inner, Unchanged):
        index = next(i for i in inner.indices if trace.circuit.residual.label(i) == witness["coordinate"])
        columns = {f"after {site}": [row[index] for row in trace.at(site)] for site in (inner.start, inner.end)}
    rows = [{"t": t, "token": token, **{n: str(exact_number(c[t - 1])) for n, c in columns.items()}} for t, token in enumerate(word, 1)]
    return [{**row, "": "<--" if row["t"] in wrong else ""} for row in rows]


def _keys(inner: Any, trace: Trace, word: Sequence[str], t: int, wrong: set) -> list[dict[str, Any]]:
    """One row a key i <= t of what a claim about heads speaks of: their scores, or else their weights."""
    heads, scores = [inner.head, *([inner.other] if isinstance(inner, SameAttention) else [])], isinstance(inner, ScoreIs | SameAttention)
    columns = {}
    if isinstance(inner, ScoreIs):
        columns["claimed" + " + f" * bool(inner.content)] = [value_of(inner.value, t=t, i=i + 1) for i in range(t)]
    for h in heads:
        head = trace.head(inner.block, h)
        columns[f"{'score' if scores else 'weight'} of head {h + 1}"] = (head.scores if scores else head.weights)[t - 1]
    rows = [{"i": i, "token": word[i - 1], **{name: str(exact_number(c[i - 1])) for name, c in columns.items()}} for i in range(1, t + 1)]
    return [{**row, "": "<--" if row["i"] in wrong else ""} for row in rows]


def attack(claim: Claim, budget: Budget | None = None) -> Attack:
    """Search for a place where the claim is false. Deterministic but for the time limits. Raises NopeproofError for a class of models."""
    search = Search(claim, budget or Budget())
    ways = {
        "every word": search.every_word(),
        "one token": search.one_token(),
        "short words in other instances": search.other_instances(),
        "short words in larger members": search.larger_members(),
        "patterns": search.patterns(),
    }
    methods = {name: Method(name) for name in (*ways, GUIDED)}
    found = None
    for turn in (FIRST_TURN, 1.0):
        for name, attempts in ways.items():
            found = found or search.run(methods[name], attempts, turn * search.budget.seconds)
        if turn < 1:
            found = found or search.guided(methods[GUIDED])
    tried = tuple(m for m in methods.values() if m.words or m.passed_over or m.stopped)
    if found is None:
        return Attack(claim, None, tried)
    first = search.fails(found)[0]  # while the contents of the words before it are still known
    small, minimal = search.least(found)
    witness = search.fails(small)[0]
    if witness is None:  # the contents that it disagrees with stand in another word
        small, minimal, witness = found, False, first or {"word": list(found[2])}
    witness = {**witness, "T": max(small[0], search.low), "seed": small[1]}
    return Attack(claim, witness, tried, tuple(_drawing(search, small, witness)), minimal)
