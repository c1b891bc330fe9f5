"""The induction head, for every word and every length: a match score, a slope towards later keys, and what is left to all rivals.

Let the scores of a query with token x be M [the key's previous token is x] + s i + g, s = ln B, i the key's position, and let r - 1 be the
last earlier position of x (behind BOS, so r >= 3). Key r matches. A key i < r has a lead of at least s (r - i) to make up, whether it
matches or not (M >= 0). No key i > r matches: the token before it would be a later occurrence of x. It leads by s (i - r) and
lacks M; as i - r <= T - 3, with l = T - 3 - (i - r) >= 0 key r stays ahead by M - s (T - 3) + s l. So, if M - s (T - 3) >= k s,

    all rivals together have at most (B^-1 + B^-k)/(1 - 1/B) of the weight of key r,

each distance on each side occurring once. With r's weight w >= 1/(1 + that), a read-out difference that is u at the keys with
the right token and at least v at all others comes out as at least w u + (1 - w) v.

s, M and g are read off the weights: the score of each kind of query with each kind of key, as `counting` finds them before this block.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from nopeproof.claims import Holds
from nopeproof.kernel import Ratio
from nopeproof.theory.algorithms import named, same, shown_by
from nopeproof.theory.counting import Counting
from nopeproof.theory.places import Place, Undecided, number, put


def completes(says: str, block: int, head: int, least: str) -> Holds:
    """Wherever the current token occurred before, behind BOS, the token after its last earlier occurrence leads by more than `least`.

    block, head: the induction head, alone in the last block, which has no FFN.
    """
    bound = Fraction(least)

    def predicate(trace: Any) -> bool:
        logits = trace.logits()
        for t in range(2, trace.T + 1):
            earlier = [n for n in range(2, t) if trace.word[n - 1] == trace.word[t - 1]]
            row, right = logits[t - 1], trace.word[earlier[-1]] if earlier else None
            if right is not None and not all(row[right] - row[other] > bound for other in row if other != right):
                return False
        return True

    def goal(run: Counting) -> Iterator[str]:
        c = run.circuit
        alone = block == len(c.blocks) and len(c.blocks[-1].heads) == 1 and head == 0 and c.blocks[-1].mlp is None
        if not alone or c.bos is None or not set(c.tokens) - {c.bos} <= set(c.unembedding or {}):
            raise Undecided("the head is not alone in the last block, or there is no BOS, or a token has no read-out")
        keys = run.after(2 * block - 2)
        for place in keys:
            if place.token == c.bos or place.nonnegative(Ratio(2) - Ratio("t")):
                continue  # no token but BOS came before
            weight, steps = heaviest(run, place, keys)
            yield f"{named(place)}: {steps}; the right key has more than {weight.limit_denominator(10**6)} of the weight"
            for right in sorted({key.token for key in keys} - {c.bos}):
                for other in (o for o in c.unembedding or {} if o != right):
                    if not lead(run, place, keys, right, other, weight) > bound:
                        raise Undecided(f"{right} is not shown to lead {other} by more than {bound} at {named(place)}")

    def heaviest(run: Counting, place: Place, keys: list[Place]) -> tuple[Fraction, str]:
        """A bound below the weight of key r, for queries of one kind; and M and s in words."""
        the_head: Any = run.circuit.blocks[-1].heads[0]
        if the_head.scale != "1":
            raise Undecided("the head has a score scale")
        scores = []
        for key in keys:
            x = tuple(put(y, {"t": Ratio("i")}) for y in key.x)
            if any(v not in ("i", "T") for k in the_head.W_K for v in run.dot(k, x).names()):
                raise Undecided(f"what the score reads of {named(key)} is more than its token, the one before it and its position")
            at = {"i": key.fixed()["t"]} if "t" in key.fixed() else {}
            scores.append((before(run, key) == place.token, at, put(run.score(the_head, place.x, x), at)))
        slope = next((s for match, at, s in scores if not match and not at), Ratio(0))
        s = Ratio({tuple(v for v in m if v != "i"): c for m, c in slope.num.items() if m.count("i") == 1}, slope.den)
        i = Ratio("i")
        rest = [(match, y - put(s * i, at)) for match, at, y in scores]
        plain, matched = ([y for match, y in rest if match is wanted] for wanted in (False, True))
        if not matched or any((y - group[0]).num for group in (plain, matched) for y in group[1:]) or "i" in plain[0].names():
            raise Undecided(f"the score is not M [match] + s i + g at {named(place)}")
        M = matched[0] - plain[0]
        ((log, c),) = s.num.items() if len(s.num) == 1 and s.den == {(): 1} else (((), 0),)
        if len(log) != 1 or not log[0].startswith("ln ") or c < 1 or Fraction(c).denominator != 1 or int(log[0][3:]) < 2:
            raise Undecided("the slope of the score in i is not ln B for a whole number B")
        spare = put(M - s * (Ratio("T") - 3), {"T": Ratio("d") + 3})  # T >= 3
        terms: Any = spare.num
        k = int(Fraction(terms.get(log, 0)) // c) if spare.den == {(): 1} else -1
        left = spare - s * k
        if k < 0 or left.names() - {"d", log[0]} or any(x < 0 for x in left.num.values()):
            raise Undecided("M >= s (T - 3) is not shown")
        q = Fraction(1, int(log[0][3:]) ** int(c))
        return 1 / (1 + (q + q**k) / (1 - q)), f"s = {c} {log[0]}, M - s (T - 3) >= {k} s"

    def before(run: Counting, key: Place) -> str:
        """The token before a key, from a look-up at t - 1 that read it; of BOS itself, and of the key behind it, BOS."""
        for look in key.looks.values():
            if same(key, look.p, Ratio("t") - 1):
                return look.token if look.where == "p" else str(run.circuit.bos)
        raise Undecided(f"no look-up reads t - 1 at {named(key)}")

    def lead(run: Counting, place: Place, keys: list[Place], right: str, other: str, weight: Fraction) -> Fraction:
        """A bound below the lead, with that much of the weight on a key of the right token."""
        the_head: Any = run.circuit.blocks[-1].heads[0]
        way = (run.circuit.unembedding or {})[right] - (run.circuit.unembedding or {})[other]  # type: ignore[operator]
        column = [run.dot(way, [run.vector(o).get(n, Ratio(0)) for n in range(run.circuit.d_model)]) for o in the_head.W_O]
        values = {key: run.value(the_head, column, key) for key in keys}
        start = run.dot(way, place.x)
        if any(x.names() for x in (start, *values.values())):
            raise Undecided("the values read, or the read-out before the head, are not numbers")
        at_right = min(number(x) for key, x in values.items() if key.token == right)
        anywhere = min(at_right, *(number(x) for x in values.values()))
        return number(start) + weight * at_right + (1 - weight) * anywhere

    return Holds(says, predicate, shown_by(goal))
