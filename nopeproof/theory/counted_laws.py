"""Laws shown on the places that `counting` finds: for scores in logarithms of whole numbers, and signs that counts decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nopeproof.circuit import Family
from nopeproof.claims import Claim, Evidence
from nopeproof.kernel import Ratio
from nopeproof.laws import Case, Law, value
from nopeproof.theory.algorithms import TOOL, Number, level, named, parted, shown_by
from nopeproof.theory.counting import Counting
from nopeproof.theory.places import Place, Undecided
from nopeproof.theory.rows import Symbol


def counted_law(claim: Claim) -> Evidence | None:
    """`proved`, or `open` with the reason; None for a claim that is not a Law in real numbers."""
    statement = claim.statement
    if type(statement) is not Law or claim.scope.arithmetic != "real":
        return None
    if isinstance(claim.subject, Family) and statement.of_T:
        reason = "a law that speaks of T, about a family"
        return Evidence("open", claim.scope, TOOL, reason=reason)
    return shown_by(lambda run: _shown(run, statement))(claim)


def _shown(run: Counting, law: Law) -> Iterator[str]:
    """What was shown, case by case, at the places after the last sub-layer that is read. Raises Undecided."""
    levels = {level(site) for site, _ in law.reads.values()}
    if len(levels) > 1:
        raise Undecided("a law that reads more than one site: a place has the residual of one")
    last = max(levels, default=2 * len(run.circuit.blocks))
    for case in law.cases:
        if case.tokens:
            raise Undecided("a law about words that begin in a given way")
        spoken = 0
        t = Ratio("t")
        for place in run.after(last):
            for part in parted(place, t - case.first, *([] if case.last is None else [t * -1 + case.last])):
                _hold(case, part, _names(run, law, part))
                spoken += 1
        yield f"{case}: at {spoken} kinds of places"


def _names(run: Counting, law: Law, part: Place) -> dict[str, Ratio]:
    """What the names of the law stand for at a place."""
    names = {name: run.dot(what.vector, part.x) for name, (_, what) in law.reads.items()}
    return names | {name: Number((token,)).at_place(part) for name, token in law.counts.items()}


def _hold(case: Case, part: Place, names: Mapping[str, Ratio]) -> None:
    """Raise Undecided unless the case is shown there. Its texts are evaluated as in a run, on functions in place of numbers."""
    known = {name: Symbol(part, x) for name, x in {"t": Ratio("t"), "T": Ratio("T"), **names}.items()}
    left, right = (Symbol(part, value(text, known)).x for text in (case.left, case.right))
    if not (part.zero(left - right) if case.relation == "=" else part.nonnegative(left - right)):
        raise Undecided(f"{case.left} {case.relation} {case.right} is not shown at {named(part)}")
