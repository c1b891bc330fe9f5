"""Attack: search for a counterexample to any claim of any circuit, shrink it, and draw it position by position.

Four ways, cheapest first: every word, shortest first; words with a structure (one token over and over, two in turn, a
stranger at the end) at the lengths where constructions break: the family's first, the claim's last, powers of two and
their neighbours; members of a family beyond the word's length; and Hypothesis, led by the distance from the claimed value.
Finding nothing proves nothing: what was tried is part of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nopeproof.checks.evaluate import Witness, exact_number, value_of, violations
from nopeproof.checks.search import Budget, Method, Search, Try
from nopeproof.claims import Claim, Equals, Fails


@dataclass(frozen=True)
class Attack:
    """What the search found: a witness or None, the rows of its drawing, and what was tried.

    minimal: every shorter word, and every word before it, was tried in the same instance and kept the claim.
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
            lines.append(
                f"  tried {m.name}: {m.words} words up to {m.longest} tokens, {len(m.instances)} instances, {m.seconds:.1f} s{more}"
            )
        return "\n".join(lines)


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    head = list(rows[0])
    cells = [head, *([str(row[h]) for h in head] for row in rows)]
    widths = [max(len(c[n]) for c in cells) for n in range(len(head))]
    return ["    " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]


def _rows(search: Search, attempt: Try, witness: Witness) -> list[dict[str, Any]]:
    """The drawing, from a run of the whole circuit (nothing cut): one row a position, or, for scores, one a key."""
    T, seed, word = attempt
    trace, inner, wrong = search.trace(T, seed, word, whole=True), search.inner, {}
    for v in violations(inner, trace, max(T, search.low), dict(search.seen.get(seed, {}))):
        wrong.setdefault((v.get("i") if "i" in v else v.get("t")) if v.get("t") == witness.get("t") or "i" not in v else None, v)
    if "i" in witness:
        scores = trace.head(inner.block, inner.head).scores[witness["t"] - 1]  # type: ignore[union-attr]
        out = []
        for i in range(1, witness["t"] + 1):
            want = wrong[i]["expected"] if i in wrong else "as found"
            out.append({"i": i, "token": word[i - 1], "expected": want, "found": str(scores[i - 1]), "": "<--" if i in wrong else ""})
        return out
    if "t" not in witness:
        return [{"t": t, "token": token} for t, token in enumerate(word, 1)]
    out = []
    for t, token in enumerate(word, 1):
        if isinstance(inner, Equals):
            want, have = value_of(inner.value, t=t, T=max(T, search.low)), exact_number(trace.at(inner.site)[t - 1][inner.index])
        else:
            index = next(i for i in inner.indices if trace.circuit.residual.label(i) == witness["coordinate"])  # type: ignore[union-attr]
            want, have = (exact_number(trace.at(site)[t - 1][index]) for site in (inner.start, inner.end))  # type: ignore[union-attr]
        out.append({"t": t, "token": token, "expected": str(want), "found": str(have), "": "<--" if t in wrong else ""})
    return out


def attack(claim: Claim, budget: Budget | None = None) -> Attack:
    """Search for a place where the claim is false. Deterministic but for the time limits."""
    search, methods, found, minimal = Search(claim, budget or Budget()), [], None, False
    for name, ways in (
        ("every word", search.every_word),
        ("structured words", search.structured),
        ("larger members", search.larger_members),
    ):
        method, found = search.run(name, ways())
        if method.words or method.stopped:
            methods.append(method)
        if found is not None:
            minimal = name == "every word"
            break
    if found is None:
        method, found = search.guided()
        methods.append(method)
    if found is None:
        return Attack(claim, None, tuple(methods))
    seen = dict(search.seen.get(found[1], {}))
    small = found if minimal else search.shrink(found)
    if minimal:
        search.seen[found[1]] = seen
    witness = search.fails(small)[0]
    if witness is None:  # the contents it is compared with stood in another word
        small, witness = found, search.fails(found)[0] or {"word": list(found[2])}
    witness = {**witness, "T": max(small[0], search.low), "seed": small[1]}
    return Attack(claim, witness, tuple(methods), tuple(_rows(search, small, witness)), minimal)
