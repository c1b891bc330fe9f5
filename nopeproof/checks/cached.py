"""Decoding with a cache, for every word: token by token a circuit computes the numbers of the full pass, and what is proved of it holds.

Statement, about nopeproof.run: for a circuit without encoding under a mask that looks back, a word of T tokens and each t <= T, the
rows that `incremental.Decoder` keeps at step t are those of `engine.Forward.run` at position t, at every site. By induction on t, and
in it on the layers. The row is embedded alike. Norms and FFNs are the same functions, of one row. In a head the query, the key and
the value are the same products of that row. The full pass hands `Forward.mix` the keys in visible(mask, t, T), in order; the decoder
those of visible(mask, t, t + 1) that its cache still holds. The two are one list if

  (1) visible(mask, t, T) = visible(mask, t, t + 1) for T > t: no key is later than its query;
  (2) a key that is hidden once is hidden for good: then none that is visible at t was deleted, as after step u < t the cache keeps what is
      visible at u + 1, or had not been stored, by (1).

Both are computed, for a window up to the length from which all sets move with t. As a guard both runs are also made and compared.
"""

from __future__ import annotations

import time
from dataclasses import replace

from nopeproof.circuit import Family
from nopeproof.claims import Claim, Equals, Evidence, Unchanged
from nopeproof.errors import NopeproofError
from nopeproof.kernel import Reject, need
from nopeproof.laws import EqualStates, Law
from nopeproof.masks import Mask, Window, visible

AND = "and a cache is the full pass"


def cached(claim: Claim) -> Evidence | None:
    """`proved`, if the claim is proved of the full pass in real numbers; `open` with the reason; None for a claim of another kind."""
    from nopeproof.checks import proof_of

    start = time.process_time()
    if claim.scope.arithmetic != "incremental" or type(claim.statement) not in (Equals, Unchanged, Law, EqualStates):
        return None
    full = proof_of(replace(claim, scope=replace(claim.scope, arithmetic="real")))
    tool = f"{full.tool}, {AND}"
    try:
        need(full.kind == "proved", f"of the full pass: {full.reason or full.kind}")
        need(claim.circuit.positions.kind == "none" and claim.circuit.mask != "none", "an encoding, or a mask that looks ahead")
        need(looks_back_for_good(claim.circuit.mask), "a mask that shows a key again, or a later one")
        runs = _agree(claim)
    except (Reject, NopeproofError) as why:  # a run that is not exact, say
        return Evidence("open", claim.scope, tool, time.process_time() - start, reason=str(why).replace("\n", ";"))
    steps = (
        f"the full pass: {full.tool}",
        "no key is later than its query, and none that is hidden comes back",
        f"{runs} words run both ways",
    )
    shown = replace(full.scope, arithmetic="incremental")
    return Evidence("proved", shown, tool, time.process_time() - start, steps=steps)


def looks_back_for_good(mask: Mask) -> bool:
    """(1) and (2) of a mask, counted from 0."""
    end = 2 * (mask.size + mask.sinks) + 6 if isinstance(mask, Window) else 8
    now = [set(visible(mask, t, t + 1)) for t in range(end)]
    back = all(list(visible(mask, t, T)) == list(visible(mask, t, t + 1)) for T in range(1, end) for t in range(T))
    return back and all(i not in now[later] for t in range(end) for i in {*range(t + 1)} - now[t] for later in range(t + 1, end) if i < t)


def _agree(claim: Claim) -> int:
    """How many words were run both ways, at every length up to 4. Raises Reject where two rows differ."""
    from nopeproof.checks.exhaust import instance, named, words
    from nopeproof.run import run

    done = 0
    for length in range(1, 5):
        subject = claim.weights
        whole = subject.at(max(length, subject.T_min)) if isinstance(subject, Family) else subject
        circuit = instance(named(whole, claim.scope))
        for _, word in zip(range(3), words(circuit, length, claim.scope.words), strict=False):
            once, steps = run(circuit, word), run(circuit, word, "incremental")
            need(all(once.residuals[s] == rows for s, rows in steps.residuals.items()), f"the two runs of {' '.join(word)} differ")
            done += 1
    return done
