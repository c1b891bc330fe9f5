"""Proofs for every length outside fragment K: equalities and laws of circuits under a strict, an absent or the causal mask, norms included.

What has to be believed beside the kernel's quotients and reader is `tally_run`: the symbolic run of the circuit's own weights over words
given by their first s tokens and by counts. Here a claim becomes goals, one for each choice of the first tokens and each place: an
identity of polynomials, or a number without a negative coefficient. s = 1, 2, ... are tried; each choice covers every word:
positions up to s are those of some choice of tokens, and what stands at a position does not depend on later tokens, or, without a mask, all
words of fewer than s tokens are those of smaller s, which have to hold as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from nopeproof import kernel
from nopeproof.checks.tally_run import Place, Run
from nopeproof.circuit import Family
from nopeproof.claims import Claim, Equals, Evidence, Site, Unchanged
from nopeproof.kernel import Ratio, Reject, need, read
from nopeproof.laws import Case, Law

TOOL = "tally prover: a symbolic run over token counts"
LONGEST, CHOICES, WORK = 4, 64, 500_000
"""First tokens that are told apart, choices of them, and terms of polynomials that may be spent on a claim."""


def tally(claim: Claim) -> Evidence | None:
    """`proved`, or `open` with the reason; None for a claim that is not of this kind.

    Of this kind are Equals, Unchanged and Law, of a circuit or a family without positional encoding, in real numbers.
    """
    start, statement = time.process_time(), claim.statement
    if type(statement) not in (Equals, Unchanged, Law) or claim.scope.arithmetic != "real":
        return None
    if claim.circuit.positions.kind != "none" or getattr(claim.subject, "grows", False):
        return None
    kernel.left[0] = WORK
    try:
        steps = tuple(_all(claim))
    except (Reject, LookupError, ArithmeticError, ValueError, RecursionError) as why:
        return Evidence("open", claim.scope, TOOL, time.process_time() - start, reason=str(why))
    finally:
        kernel.left[0] = kernel.inf
    end = "T" if claim.scope.order == "forall T exists weights" else None
    shown = replace(claim.scope, t_min=1, t_max=end, vocabulary="given", parameters="all")
    return Evidence("proved", shown, TOOL, time.process_time() - start, steps=steps)


def _all(claim: Claim) -> Iterator[str]:
    """What was shown, in steps. Raises Reject with the reason of the last number of first tokens that was tried."""
    circuit, subject = claim.circuit, claim.circuit.as_json()
    need(subject["mask"] in ("causal", "strict", "none"), f"the mask is a {subject['mask']}")
    need(circuit.embedding.other is None and claim.scope.vocabulary == "given", "tokens that are not named")
    need(circuit.bos is not None or claim.scope.words == "any", "words that start with a BOS, of a circuit without one")
    uniform = not isinstance(claim.subject, Family)
    need(not uniform or "T" not in json.dumps([*subject["embed"].values(), subject["blocks"]]), "weights that mention T, said of every T")
    need(uniform or type(claim.statement) is not Law or not claim.statement.of_T, "a law that speaks of T, about a family")
    need(uniform or subject["mask"] != "none", "a family without a mask: the length of the word is not the T of the weights")
    alphabet = [x for x in circuit.tokens if x != circuit.bos or claim.scope.words == "any"]
    need(alphabet, "no token but BOS")
    starts, why = (alphabet if circuit.bos is None else [circuit.bos]), Reject("no number of first tokens was tried")
    for s in range(1, LONGEST + 1):
        choices = [(x, *rest) for x in starts for rest in product(alphabet, repeat=s - 1)]
        if len(choices) > CHOICES:
            break
        try:
            steps = [_goals(claim, Run(subject, prefix, alphabet)) for prefix in choices]
        except Reject as bad:
            why = bad
            need(subject["mask"] != "none", str(why))  # shorter words are no part of longer ones there
            continue
        yield f"{subject['mask']} mask; words by their first {s} token{'s' * (s > 1)}, {len(choices)} of them, and by counts"
        yield from steps
        return
    raise why


def _goals(claim: Claim, run: Run) -> str:
    """Show the claim at every place of one run. Raises Reject where that fails."""
    shown = 0
    for place in run.places():
        for relation, left, right in _at(claim, run, place):
            gap, shown = left - right, shown + 1
            holds = not run.reduced(gap).num if relation == "=" else run.nonnegative(gap)
            t = place.index or f"{len(run.prefix) + 1} + r"
            need(holds, f"not shown at t = {t} ({place.token}), words that begin with {' '.join(run.prefix)}")
    need(shown or isinstance(claim.statement, Law), "a claim about nothing")
    return f"{' '.join(run.prefix)} ...: {shown} goals at {len(run.places())} places"


def _at(claim: Claim, run: Run, place: Place) -> Iterator[tuple[str, Ratio, Ratio]]:
    """(relation, left, right) of everything that the claim says at one place."""
    statement = claim.statement
    numbers = {"t": run.position(place), "T": run.length(place)}
    if type(statement) is Equals:
        yield "=", _row(run, statement.site, place)[statement.index], read(statement.value, numbers)
    elif type(statement) is Unchanged:
        before, after = (_row(run, site, place) for site in (statement.start, statement.end))
        yield from (("=", before[n], after[n]) for n in statement.indices)
    elif type(statement) is Law:
        for case in [c for c in statement.cases if _speaks(c, run, place)]:
            names = dict(numbers)
            for name, (site, what) in statement.reads.items():
                row = _row(run, site, place)
                names[name] = sum((row[n] * read(str(w), {}) for n, w in what.vector.entries), Ratio(0))
            names |= {name: run.count(token, place) for name, token in statement.counts.items()}
            yield case.relation, read(case.left, names), read(case.right, names)


def _speaks(case: Case, run: Run, place: Place) -> bool:
    """Whether a case speaks of a place, which has to be so, or not, of all its positions and words. Raises Reject if it is not."""
    s, t = len(run.prefix), place.index
    if t:
        return case.speaks_of(t, run.prefix)
    if case.last is not None and case.last <= s:
        return False
    need(
        case.last is None and case.first <= s + 1 and all(p <= s for p in case.tokens),
        "a law with cases beyond the first tokens told apart",
    )
    return all(run.prefix[p - 1] == x for p, x in case.tokens.items())


def _row(run: Run, site: Site, place: Place) -> list[Ratio]:
    """The residual at a site. Raises Reject for one that the circuit does not have."""
    need(0 <= site.block <= len(run.subject["blocks"]) and (site.block or site.after == "ffn"), f"no place {site}")
    return run.state(2 * site.block - (site.after == "attention"), place)
